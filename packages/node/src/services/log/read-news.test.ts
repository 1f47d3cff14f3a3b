import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatEventStatement } from '@fiducial/core/domain/log/event.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type JsonObject, type JsonValue, parseJson } from '@fiducial/core/formats/json/parse.ts'
import { CUSTODY_TYPES, IMAGELESS, toyDigests, toyEvent, toyHeader } from '@fiducial/core/testing/toy-events.ts'
import { checkEventType, makeNews, type NewsSite, readNews, STATED_EVENTS } from './read-news.ts'

const site: NewsSite = { origin: 'hospital.example/log', recorder: toyHeader.recorder, isDemo: true }
const OF_THE_LOG = ['erased', 'map-root', 'timestamped']
const statementOf = (...args: Parameters<typeof toyEvent>): JsonObject =>
  parseJson(formatEventStatement(toyEvent(...args))) as JsonObject
/** The short form of a toy. */
function shortFormOf(type: (typeof CUSTODY_TYPES)[number]): JsonObject {
  const { at, instance, digests, details } = statementOf(type).predicate as JsonObject
  return {
    type,
    at: at as string,
    instance: instance as JsonValue,
    digests: digests as JsonValue,
    details: details as JsonValue,
  }
}
const refused = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code
const hex = '00'.repeat(32)

describe('a whole statement', () => {
  it('is taken as it is, whatever the order of its names', () => {
    for (const type of CUSTODY_TYPES.filter((name) => !OF_THE_LOG.includes(name))) {
      const members = Object.entries(statementOf(type)).toReversed()
      assert.deepEqual(readNews(Object.fromEntries(members), site), { kind: 'statement', statement: toyEvent(type) })
    }
  })

  it('is refused if it is of another system, log or world', () => {
    const elsewhere: readonly NewsSite[] = [
      { ...site, recorder: { ...site.recorder, id: 'gateway-2' } },
      { ...site, recorder: { ...site.recorder, name: 'Gateway' } },
      { ...site, isDemo: false },
      { ...site, origin: 'other.example/log' },
    ]
    for (const other of elsewhere)
      assert.throws(() => readNews(statementOf('received'), other), refused('event_malformed'))
    const quoteless = statementOf('received', { checkpoint: null })
    assert.equal(readNews(quoteless, elsewhere[3] as NewsSite).kind, 'statement')
  })

  it('is refused if the log makes events of its kind by itself', () => {
    for (const type of OF_THE_LOG) {
      assert.throws(() => readNews(statementOf(type as 'erased'), site), refused('event_malformed'), type)
    }
  })

  it('is refused if it is damaged, unknown, or an acquisition, which comes with its seal', () => {
    const good = statementOf('received')
    const { subject: _, ...without } = good
    assert.throws(() => readNews(without, site), refused('event_malformed'))
    assert.throws(() => readNews({ ...good, extra: 1 }, site), refused('event_malformed'))
    const unknown = { ...good, predicateType: 'https://fiducial.dev/custody/lost/v1' }
    assert.throws(() => readNews(unknown, site), refused('event_unknown'))
    const acquisition = { ...good, predicateType: 'https://fiducial.dev/acquisition/v1' }
    assert.throws(() => readNews(acquisition, site), refused('event_malformed'))
    assert.throws(() => readNews({ ...good, extra: 'x'.repeat(1024 * 1024) }, site), refused('entry_too_large'))
  })
})

describe('a short form', () => {
  it('says the same as the statement', () => {
    for (const type of STATED_EVENTS as readonly (typeof CUSTODY_TYPES)[number][]) {
      const { at, instance, digests, details } = toyEvent(type)
      const { kind, ...rest } = readNews(shortFormOf(type), site)
      assert.deepEqual({ kind, ...rest }, { kind: 'news', news: { type, at, instance, digests, details } })
    }
  })

  it('may leave out what may be null', () => {
    const short = { type: 'forwarded', digests: { file: hex }, details: { protocol: 'dimse' } }
    assert.deepEqual(readNews(short, site), {
      kind: 'news',
      news: {
        type: 'forwarded',
        instance: null,
        digests: { file: new Uint8Array(32), dataset: null, pixels: null, frames: null },
        details: { toAet: null, toAddress: null, protocol: 'dimse' },
      },
    })
    const named = readNews({ ...short, instance: { sopInstanceUid: '1.2.3' } }, site)
    assert.equal(named.kind === 'news' && named.news.instance?.sopInstanceUid, '1.2.3')
    assert.equal(named.kind === 'news' && named.news.instance?.studyInstanceUid, null)
  })

  it('may not leave out, nor spell otherwise, what may not be null', () => {
    const good: JsonObject = { type: 'forwarded', digests: { file: hex }, details: { protocol: 'dimse' } }
    const bad: readonly JsonValue[] = [
      { ...good, details: {} },
      { ...good, details: null },
      { ...good, details: [] },
      { ...good, details: { protocol: null } },
      { ...good, details: { protocol: 'DIMSE' } },
      { ...good, details: { protocol: 'dimse', more: 1 } },
      { ...good, digests: { file: 'aa' } },
      { ...good, digests: { file: null } },
      { ...good, digests: {} },
      { ...good, digests: { file: hex, sha1: hex } },
      { ...good, instance: { sopInstanceUid: 'x' } },
      { ...good, instance: 'x' },
      { ...good, at: '2026-03-03' },
      { ...good, at: 0 },
      { ...good, type: 7 },
      { ...good, more: 1 },
      { type: 'forwarded', digests: { file: hex } },
      { details: {} },
      [],
      null,
      'received',
      7,
    ]
    for (const value of bad)
      assert.throws(() => readNews(value, site), refused('event_malformed'), JSON.stringify(value))
  })

  it('is refused for events that are unknown, or made otherwise', () => {
    for (const type of ['lost', 'Received', 'toString'])
      assert.throws(() => checkEventType(type), refused('event_unknown'), type)
    for (const type of ['acquired', ...OF_THE_LOG])
      assert.throws(() => checkEventType(type), refused('event_malformed'), type)
    for (const type of STATED_EVENTS) assert.equal(checkEventType(type), type)
  })

  it('has all kinds of events but five', () => {
    assert.deepEqual([...STATED_EVENTS].sort(), CUSTODY_TYPES.filter((type) => !OF_THE_LOG.includes(type)).toSorted())
    assert.ok(STATED_EVENTS.some((type) => IMAGELESS.includes(type as 'erased')))
  })

  it('can be made of parts', () => {
    const at = new Date('2026-03-03T10:14:00.000Z')
    const digests = { file: hex, dataset: hex, pixels: null, frames: { count: '2', root: hex } }
    const news = makeNews('received', { at, instance: null, digests, details: { protocol: 'file' } })
    assert.deepEqual(news.digests?.frames, { count: 2n, root: new Uint8Array(32) })
    assert.equal(news.at, at)
    assert.ok(
      !('at' in makeNews('received', { at: undefined, instance: null, digests, details: { protocol: 'file' } })),
    )
    assert.ok(toyDigests.file)
  })
})
