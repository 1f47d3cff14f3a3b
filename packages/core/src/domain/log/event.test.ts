import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson } from '../../formats/json/canonical.ts'
import { type JsonValue, parseJson } from '../../formats/json/parse.ts'
import { seeded } from '../../testing/seeded.ts'
import { CUSTODY_TYPES, IMAGELESS, toyDigests, toyEvent, toyHeader } from '../../testing/toy-events.ts'
import { toyStatement } from '../../testing/toy-seal.ts'
import { formatStatement } from '../seal/statement.ts'
import { EVENT_TYPES, formatEventStatement, parseEventStatement, predicateTypeOf, STATEMENT_LIMIT } from './event.ts'
import type { CustodyEventType, CustodyStatement } from './event-details.ts'

type Json = { [name: string]: JsonValue }
type Path = readonly (string | number)[]

const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code
const isMalformed = hasCode('event_malformed')

function json(type: CustodyEventType): Json {
  return parseJson(formatEventStatement(toyEvent(type))) as Json
}

const fieldOf = (type: CustodyEventType, name: string): JsonValue => (json(type).predicate as Json)[name] as JsonValue

/** A statement with something else at a place, in canonical spelling. */
function changed(type: CustodyEventType, path: Path, value: JsonValue): Uint8Array {
  const whole = structuredClone(json(type))
  const parent = path.slice(0, -1).reduce((inner, name) => inner[name] as Json, whole)
  parent[path.at(-1) as string] = value
  return encodeCanonicalJson(whole)
}

describe('events', () => {
  it('are all there, acquisition first', () => {
    assert.deepEqual(EVENT_TYPES, ['acquired', ...CUSTODY_TYPES])
    assert.equal(new Set(EVENT_TYPES.map(predicateTypeOf)).size, EVENT_TYPES.length)
  })

  for (const type of CUSTODY_TYPES) {
    it(`${type}: come back as they were, in canonical JSON`, () => {
      const statement = toyEvent(type)
      const payload = formatEventStatement(statement)
      assert.deepEqual(parseEventStatement(payload), statement)
      assert.deepEqual(encodeCanonicalJson(parseJson(payload)), payload)
      assert.ok(decodeUtf8(payload).includes(`"predicateType":"https://fiducial.dev/custody/${type}/v1"`))
    })

    it(`${type}: refuse to lose a field, or to have one more`, () => {
      const places = [[], ['predicate'], ['predicate', 'recorder'], ['predicate', 'details']]
      for (const place of places) {
        const object = place.reduce((inner, name) => inner[name] as Json, json(type))
        for (const name of Object.keys(object)) {
          const { [name]: _, ...rest } = object
          assert.throws(
            () => parseEventStatement(place.length === 0 ? encodeCanonicalJson(rest) : changed(type, place, rest)),
            isMalformed,
            `${place.join('.')}.${name}`,
          )
        }
        const more = { ...object, extra: null }
        assert.throws(
          () => parseEventStatement(place.length === 0 ? encodeCanonicalJson(more) : changed(type, place, more)),
          isMalformed,
        )
      }
    })
  }

  it('keep everything that is unknown as null', () => {
    const instance = {
      sopClassUid: null,
      sopInstanceUid: null,
      seriesInstanceUid: null,
      studyInstanceUid: null,
      transferSyntaxUid: null,
    }
    for (const overrides of [{ instance }, { instance: null }, { checkpoint: null }]) {
      const statement = toyEvent('flagged', overrides)
      assert.deepEqual(parseEventStatement(formatEventStatement(statement)), statement)
    }
  })

  it('do not hold the words of another event', () => {
    for (const type of CUSTODY_TYPES) {
      const other = CUSTODY_TYPES[(CUSTODY_TYPES.indexOf(type) + 5) % CUSTODY_TYPES.length] as CustodyEventType
      assert.throws(() => parseEventStatement(changed(type, ['predicateType'], predicateTypeOf(other))), isMalformed)
    }
  })
})

describe('acquisition statements', () => {
  it('are taken as they are', () => {
    const payload = formatStatement(toyStatement())
    const statement = parseEventStatement(payload)
    assert.deepEqual(statement, { type: 'acquired', payload })
    assert.equal(formatEventStatement(statement), payload)
  })
})

describe('subjects of events', () => {
  const subjectOf = (statement: CustodyStatement): JsonValue =>
    (parseJson(formatEventStatement(statement)) as Json).subject as JsonValue
  const hex = (bytes: Uint8Array | null): string => encodeHex(bytes ?? new Uint8Array(0))

  it('are the image by its UID and the digest of its file', () => {
    const expected = [{ name: '2.25.1001', digest: { sha256: hex(toyDigests.file) } }]
    assert.deepEqual(structuredClone(subjectOf(toyEvent('received'))), expected)
  })

  it('fall back to the digests that survive, each under a name of its own', () => {
    const names = ['fiducialDataset', 'fiducialPixels', 'fiducialFrames']
    let digests = toyDigests
    for (const [i, part] of (['file', 'dataset', 'pixels'] as const).entries()) {
      digests = { ...digests, [part]: null }
      const [subject] = subjectOf(toyEvent('received', { digests })) as readonly Json[]
      assert.deepEqual(Object.keys(subject?.digest as Json), [names[i]])
    }
  })

  it('have the name of the series or study where the event is about all of it', () => {
    const { instance } = toyHeader
    assert.ok(instance !== null)
    const series = { ...instance, sopInstanceUid: null }
    const names = [series, { ...series, seriesInstanceUid: null }, null].map(
      (one) => (subjectOf(toyEvent('disclosed', { instance: one })) as readonly Json[])[0]?.name,
    )
    assert.deepEqual(names, ['2.25.2', '2.25.1', 'unnamed'])
  })

  it('are the certificates of a key, each', () => {
    const subjects = subjectOf(toyEvent('key-enrolled')) as readonly Json[]
    assert.deepEqual(
      subjects.map(({ name }) => name),
      ['certificate', 'certificate'],
    )
  })

  it('cannot be others than the predicate speaks of', () => {
    for (const type of CUSTODY_TYPES) {
      assert.throws(() => parseEventStatement(changed(type, ['subject', 0, 'name'], 'other')), isMalformed)
      assert.throws(
        () => parseEventStatement(changed(type, ['subject', 0, 'digest'], { sha256: '00'.repeat(32) })),
        isMalformed,
      )
      assert.throws(() => parseEventStatement(changed(type, ['subject'], [])), isMalformed)
    }
  })
})

describe('rules of events', () => {
  const refusals: readonly (readonly [string, CustodyEventType, Path, JsonValue])[] = [
    ['another type of statement', 'received', ['_type'], 'https://in-toto.io/Statement/v0.1'],
    ['another version', 'received', ['predicate', 'version'], 2],
    ['a salt of 15 bytes', 'received', ['predicate', 'salt'], '00'.repeat(15)],
    ['a moment without milliseconds', 'received', ['predicate', 'at'], '2026-03-03T10:14:00Z'],
    ['a moment that is none', 'received', ['predicate', 'at'], '2026-02-30T10:14:00.000Z'],
    ['a recorder without a name', 'received', ['predicate', 'recorder', 'name'], ''],
    ['a name with a control character', 'received', ['predicate', 'recorder', 'name'], 'a\u0007'],
    ['a name with a line end', 'received', ['predicate', 'recorder', 'name'], 'a\u2028b'],
    ['a name that turns the direction', 'received', ['predicate', 'recorder', 'name'], 'a\u202eb'],
    ['a name of 257 characters', 'received', ['predicate', 'recorder', 'name'], 'x'.repeat(257)],
    ['an identifier of 129 characters', 'received', ['predicate', 'recorder', 'id'], 'x'.repeat(129)],
    ['a UID with a letter', 'received', ['predicate', 'instance', 'studyInstanceUid'], '1.2.a'],
    ['a UID of 65 characters', 'received', ['predicate', 'instance', 'studyInstanceUid'], '1'.repeat(65)],
    ['a digest in capitals', 'received', ['predicate', 'digests', 'file'], 'AB'.repeat(32)],
    ['a count as a number', 'received', ['predicate', 'digests', 'frames', 'count'], 2],
    ['a count of 2^63', 'received', ['predicate', 'digests', 'frames', 'count'], '9223372036854775808'],
    ['an image without digests', 'received', ['predicate', 'digests'], null],
    ['a checkpoint of an empty log', 'received', ['predicate', 'checkpoint', 'size'], '0'],
    ['an origin with a space', 'received', ['predicate', 'checkpoint', 'origin'], 'a b'],
    ['an AE title of 17 characters', 'received', ['predicate', 'details', 'fromAet'], 'x'.repeat(17)],
    ['an AE title of spaces', 'received', ['predicate', 'details', 'fromAet'], '  '],
    ['an AE title with a backslash', 'received', ['predicate', 'details', 'fromAet'], 'A\\B'],
    ['a protocol in capitals', 'received', ['predicate', 'details', 'protocol'], 'DIMSE'],
    ['digests for a key', 'key-enrolled', ['predicate', 'digests'], fieldOf('received', 'digests')],
    ['an instance for a key', 'key-enrolled', ['predicate', 'instance'], fieldOf('received', 'instance')],
    ['an unknown role', 'key-enrolled', ['predicate', 'details', 'role'], 'admin'],
    ['a key without certificates', 'key-enrolled', ['predicate', 'details', 'certificates'], []],
    ['nine certificates', 'key-enrolled', ['predicate', 'details', 'certificates'], Array(9).fill('00'.repeat(32))],
    ['an unknown verdict', 'verified', ['predicate', 'details', 'verdict'], 'fine'],
    ['an unknown level', 'verified', ['predicate', 'details', 'level'], 'P5'],
    [
      '65 failing checks',
      'verified',
      ['predicate', 'details', 'failing'],
      Array(65).fill({ subject: 'a', reason: 'b' }),
    ],
    ['a reason in words', 'flagged', ['predicate', 'details', 'reasons'], ['looks odd']],
    ['no reason', 'flagged', ['predicate', 'details', 'reasons'], []],
    ['reasons out of order', 'flagged', ['predicate', 'details', 'reasons'], ['b', 'a']],
    ['a reason twice', 'quarantined', ['predicate', 'details', 'reasons'], ['a', 'a']],
    [
      '33 reasons',
      'quarantined',
      ['predicate', 'details', 'reasons'],
      Array.from({ length: 33 }, (_, i) => `a${i + 10}`),
    ],
    ['a negative index', 'erased', ['predicate', 'details', 'index'], '-1'],
    ['a word for a flag', 'drill-injected', ['predicate', 'details', 'isLive'], 'no'],
    ['a note that is no checkpoint', 'timestamped', ['predicate', 'details', 'note'], 'x'],
    ['no token', 'timestamped', ['predicate', 'details', 'tokens'], []],
    ['five tokens', 'timestamped', ['predicate', 'details', 'tokens'], Array(5).fill('MAA=')],
    ['a token in loose base64', 'timestamped', ['predicate', 'details', 'tokens'], ['MAB=']],
    ['an empty legal basis', 'erased', ['predicate', 'details', 'legalBasis'], ''],
  ]
  for (const [name, type, path, value] of refusals) {
    it(`refuse ${name}`, () => assert.throws(() => parseEventStatement(changed(type, path, value)), isMalformed))
  }

  it('take two persons for a release and a drill', () => {
    const released = toyEvent('released')
    assert.ok(released.type === 'released')
    const { releasedBy } = released.details
    const alone = {
      ...released,
      details: { ...released.details, confirmedBy: { ...releasedBy, name: 'Somebody else' } },
    }
    assert.throws(() => formatEventStatement(alone), isMalformed)
    const drill = toyEvent('drill-sealed')
    assert.ok(drill.type === 'drill-sealed')
    const planned = { ...drill, details: { ...drill.details, approvedBy: drill.details.plannedBy } }
    assert.throws(() => formatEventStatement(planned), isMalformed)
  })

  it('let a timestamp speak of the root in its note alone', () => {
    const stamped = toyEvent('timestamped')
    assert.ok(stamped.type === 'timestamped')
    const other = { ...stamped, details: { ...stamped.details, root: new Uint8Array(32) } }
    assert.throws(() => formatEventStatement(other), isMalformed)
  })

  it('let no transcoding change the pixels', () => {
    const transcoded = toyEvent('transcoded')
    const pixels = new Uint8Array(32)
    const frames = { count: 2n, root: pixels }
    for (const digests of [
      { ...toyDigests, pixels },
      { ...toyDigests, frames },
    ]) {
      assert.throws(() => formatEventStatement({ ...transcoded, digests } as CustodyStatement), isMalformed)
    }
    const unknown = { ...toyDigests, pixels: null, frames: null }
    assert.doesNotThrow(() => formatEventStatement({ ...transcoded, digests: unknown } as CustodyStatement))
  })

  it('let a tombstone name the image, and no other event about none', () => {
    const { instance } = toyHeader
    assert.doesNotThrow(() => formatEventStatement(toyEvent('erased', { instance })))
    for (const type of IMAGELESS.filter((one) => one !== 'erased')) {
      assert.throws(() => formatEventStatement(toyEvent(type, { instance })), isMalformed)
    }
  })

  it('write nothing that they would not read', () => {
    const bad = [
      toyEvent('received', { salt: new Uint8Array(8) }),
      toyEvent('received', { at: new Date(Number.NaN) }),
      toyEvent('received', { recorder: { id: 'x', name: '\ud800' } }),
      toyEvent('received', { digests: null }),
      toyEvent('received', { digests: { file: null, dataset: null, pixels: null, frames: null } }),
    ]
    for (const statement of bad) assert.throws(() => formatEventStatement(statement), isMalformed)
  })
})

describe('parseEventStatement', () => {
  const good = formatEventStatement(toyEvent('received'))
  const text = decodeUtf8(good)

  it('tells an unknown event from a malformed one', () => {
    for (const name of ['custody/stolen/v1', 'custody/received/v2', 'custody/acquired/v1', 'series/v1']) {
      const other = text.replace('custody/received/v1', name)
      assert.throws(() => parseEventStatement(encodeUtf8(other)), hasCode('event_unknown'))
    }
    assert.throws(() => parseEventStatement(encodeUtf8('{"_type":"https://in-toto.io/Statement/v1"}')), isMalformed)
    for (const value of ['[]', 'null', '1', '{}']) {
      assert.throws(() => parseEventStatement(encodeUtf8(value)), isMalformed)
    }
  })

  it('refuses another spelling of the same value', () => {
    const others = [
      ` ${text}`,
      `${text}\n`,
      text.replace('"CT 1"', '"\\u0043T 1"'),
      text.replace('{"_type"', '{"_type":"x","_type"'),
    ]
    for (const other of others) assert.throws(() => parseEventStatement(encodeUtf8(other)), hasCode('json_malformed'))
  })

  it('refuses a statement over the limit, before it is read', () => {
    assert.throws(() => parseEventStatement(new Uint8Array(STATEMENT_LIMIT + 1)), hasCode('entry_too_large'))
    assert.throws(() => parseEventStatement(new Uint8Array(STATEMENT_LIMIT)), hasCode('json_malformed'))
  })

  it('names the place and never the value', () => {
    const secret = changed('received', ['predicate', 'instance', 'sopInstanceUid'], 'secret')
    assert.throws(
      () => parseEventStatement(secret),
      (error) =>
        error instanceof FormatError &&
        error.message.includes('predicate.instance.sopInstanceUid') &&
        !error.message.includes('secret'),
    )
  })

  it('lets out FormatError alone for damaged statements, and reads none of them as another spelling', () => {
    const random = seeded(3)
    const goods = CUSTODY_TYPES.map((type) => formatEventStatement(toyEvent(type)))
    for (let i = 0; i < 12_000; i++) {
      const bytes = Uint8Array.from(goods[i % goods.length] as Uint8Array)
      for (let flips = 0; flips <= random(3); flips++) bytes[random(bytes.length)] = random(256)
      try {
        assert.deepEqual(formatEventStatement(parseEventStatement(bytes)), bytes)
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }
  })
})
