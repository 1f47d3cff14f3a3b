import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { EntryFacts, InstanceFacts } from '@fiducial/core/domain/log/map/facts.ts'
import { verifyCompleteness, verifyInstance } from '@fiducial/core/domain/log/map/verify.ts'
import { formatStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { toyStatement } from '@fiducial/core/testing/toy-seal.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { CompletenessMap, type CompletenessOptions } from './completeness.ts'
import { type EntryFeed, type FedEntry, feedFrom } from './completeness-batch.ts'
import { factsOfStatement } from './completeness-facts.ts'
import type { MapHead, MapStore } from './ports.ts'

const hashes = nativeCrypto.hash
const secret = new Uint8Array(32).fill(7)
const hasCode = (code: string) => (error: unknown) =>
  (error instanceof StoreError || error instanceof KeyError) && error.code === code

/** A store whose writes can fail before or after they took effect, and be counted. */
class ToyStore implements MapStore {
  readonly nodes = new Map<string, Uint8Array>()
  current: MapHead | undefined
  writes = 0
  reads = 0
  /** Runs in the middle of each reading. */
  meanwhile: () => Promise<void> | void = () => undefined
  fault: { readonly at: number; readonly after: boolean } | undefined

  async head(): Promise<MapHead | undefined> {
    return this.current
  }
  async get(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.reads += 1
    await this.meanwhile()
    return keys.map((key) => this.nodes.get(key)?.slice())
  }
  async write(
    changes: ReadonlyMap<string, Uint8Array | undefined>,
    head: MapHead,
    expectedSize?: bigint,
  ): Promise<void> {
    const isFaulty = this.fault?.at === this.writes++
    if (isFaulty && this.fault?.after === false) throw new StoreError('log_unwritable', 'before')
    if (expectedSize !== undefined && (this.current?.size ?? 0n) !== expectedSize) {
      throw new StoreError('checkpoint_moved', 'another head')
    }
    for (const [key, value] of changes) {
      if (value === undefined) this.nodes.delete(key)
      else this.nodes.set(key, value.slice())
    }
    this.current = head
    if (isFaulty && this.fault?.after === true) throw new StoreError('log_unwritable', 'after')
  }
  async count(): Promise<bigint> {
    return BigInt(this.nodes.size)
  }
}

/** A log of toy statements: `type study sop`, or `erased index`. */
class ToyLog {
  readonly payloads: (Uint8Array | 'erased' | undefined)[] = []
  readonly feed: EntryFeed = async function* (this: ToyLog, from: bigint, to: bigint) {
    for (let index = from; index < to; index++) yield { index, payload: this.payloads[Number(index)] }
  }.bind(this)

  add(...statements: readonly string[]): this {
    this.payloads.push(...statements.map(encodeUtf8))
    return this
  }
  get size(): bigint {
    return BigInt(this.payloads.length)
  }
}

function factsOf(payload: Uint8Array): readonly EntryFacts[] {
  const [type = '', study = '', sop = ''] = decodeUtf8(payload).split(' ')
  if (type === 'erased') return [{ type, erases: BigInt(study) }]
  if (sop === '') return []
  const facts: InstanceFacts = {
    type,
    studyInstanceUid: study,
    seriesInstanceUid: `${study}.1`,
    sopInstanceUid: sop,
    digest: new Uint8Array(32).fill(1 + (sop.length % 5)),
  }
  return [facts]
}

interface Site {
  readonly log: ToyLog
  readonly store: ToyStore
  readonly map: CompletenessMap
}

function siteOf(log = new ToyLog(), store = new ToyStore(), more: Partial<CompletenessOptions> = {}): Site {
  const options = { archive: 'main', store, entries: log.feed, factsOf, secret, hashes, batchEntries: 16 }
  return { log, store, map: new CompletenessMap({ ...options, ...more }) }
}

async function presentIn({ map }: Pick<Site, 'map'>, studyInstanceUid: string): Promise<number | string> {
  const finding = verifyCompleteness(hashes, {
    mapRoot: await map.root(),
    proof: await map.proveStudy(studyInstanceUid),
    studyInstanceUid,
  })
  return finding.outcome === 'complete' ? finding.present : finding.outcome
}

async function stateOf({ map }: Pick<Site, 'map'>, studyInstanceUid: string, sopInstanceUid: string): Promise<string> {
  const finding = verifyInstance(hashes, {
    mapRoot: await map.root(),
    proof: await map.proveInstance(studyInstanceUid, sopInstanceUid),
    studyInstanceUid,
    sopInstanceUid,
  })
  return finding.outcome === 'recorded' ? finding.record.state : finding.outcome
}

/** A long log of all kinds of events. */
function longLog(seed: number, length: number): ToyLog {
  const random = seeded(seed)
  const log = new ToyLog()
  const types = ['acquired', 'received', 'derived', 'transcoded', 'acquired', 'drill-withdrawn', 'verified']
  for (let i = 0; i < length; i++) {
    if (i > 4 && random(11) === 0) log.add(`erased ${random(i + 2)}`)
    else log.add(`${types[random(types.length)]} 1.${random(12)} 2.${random(40)}`)
  }
  return log
}

const contentOf = ({ store }: Pick<Site, 'store'>): unknown => [store.current, [...store.nodes].sort()]

describe('CompletenessMap', () => {
  it('counts the instances of a study, and what was withdrawn or erased', async () => {
    const site = siteOf()
    site.log.add('acquired 1 1.1', 'received 1 1.2', 'acquired 2 2.1', 'verified 1 1.1', 'acquired 1 1.3', 'hello')
    const progress = await site.map.advance(site.log.size)
    assert.deepEqual([progress.entries, progress.erased], [6n, 0n])
    assert.deepEqual([progress.root.studies, progress.root.instances, progress.root.size], [2n, 4n, 6n])
    assert.deepEqual(
      [await presentIn(site, '1'), await presentIn(site, '2'), await presentIn(site, '3')],
      [3, 1, 'absent'],
    )

    site.log.add('drill-withdrawn 1 1.2', 'erased 4', 'erased 3', 'erased 99')
    const { root } = await site.map.advance(site.log.size)
    assert.equal(root.instances, 2n)
    assert.equal(await presentIn(site, '1'), 1)
    assert.deepEqual(await Promise.all(['1.1', '1.2', '1.3', '1.4'].map((uid) => stateOf(site, '1', uid))), [
      'present',
      'withdrawn',
      'erased',
      'absent',
    ])
    assert.equal(await stateOf(site, '7', '1.1'), 'absent')
    assert.deepEqual(root, await site.map.root())
  })

  it('lets an instance that was withdrawn come back, and shows that more has happened', async () => {
    const site = siteOf(new ToyLog().add('acquired 1 1.1', 'drill-withdrawn 1 1.1', 'received 1 1.1'))
    await site.map.advance(3n)
    const { records } = await site.map.proveInstance('1', '1.1')
    assert.deepEqual(
      records.map(({ record }) => [record.state, record.first, record.newest, record.entries]),
      [['present', 0n, 2n, 3]],
    )
  })

  it('starts empty, with a root that shows every study to be absent', async () => {
    const site = siteOf()
    assert.equal((await site.map.root()).size, 0n)
    assert.equal(await presentIn(site, '1'), 'absent')
    assert.deepEqual((await site.map.check()).findings, [])
    assert.equal((await site.map.advance(0n)).entries, 0n)
    assert.equal(site.store.writes, 0)
  })

  it('moves on over entries that say nothing of instances', async () => {
    const site = siteOf(new ToyLog().add(...new Array(40).fill('verified 1 1.1')))
    const empty = (await site.map.root()).root
    const { root } = await site.map.advance(40n)
    assert.deepEqual([root.size, root.root, root.studies], [40n, empty, 0n])
    assert.equal(await presentIn(site, '1'), 'absent')
    assert.deepEqual((await site.map.check()).findings, [])
  })

  it('comes to the same map however its work is cut, and works nothing in twice', async () => {
    const log = longLog(1, 700)
    const whole = siteOf(log, new ToyStore(), { batchEntries: 4096 })
    await whole.map.advance(log.size)
    for (const [batchEntries, stride] of [
      [1, 100n],
      [16, 37n],
      [256, 700n],
      [300, 299n],
    ] as const) {
      const site = siteOf(log, new ToyStore(), { batchEntries })
      for (let upTo = stride; upTo < log.size + stride; upTo += stride) {
        await site.map.advance(upTo < log.size ? upTo : log.size)
        await site.map.advance(upTo / 2n)
      }
      assert.deepEqual(contentOf(site), contentOf(whole))
    }
    assert.deepEqual((await whole.map.check()).findings, [])
  })

  it('agrees with a plain count of a long log', async () => {
    const log = longLog(2, 900)
    const site = siteOf(log)
    await site.map.advance(log.size)
    const states = new Map<string, string>()
    const places = new Map<bigint, string>()
    for (const [i, payload] of log.payloads.entries()) {
      const [facts] = factsOf(payload as Uint8Array)
      const erased = facts && 'erases' in facts && facts.erases < i ? places.get(facts.erases) : undefined
      if (erased !== undefined) states.set(erased, 'erased')
      if (facts === undefined || 'erases' in facts || facts.type === 'verified') continue
      const name = `${facts.studyInstanceUid} ${facts.sopInstanceUid}`
      places.set(BigInt(i), name)
      states.set(name, facts.type === 'drill-withdrawn' ? 'withdrawn' : 'present')
    }
    assert.ok(new Set(states.values()).size === 3)
    for (const [name, state] of states) {
      const [study, sop] = name.split(' ') as [string, string]
      assert.equal(await stateOf(site, study, sop), state, name)
    }
    const { instances, studies } = await site.map.root()
    assert.equal(instances, BigInt([...states.values()].filter((state) => state === 'present').length))
    assert.equal(studies, BigInt(new Set([...states.keys()].map((name) => name.split(' ')[0])).size))
  })

  it('says how many statements were erased before it could read them', async () => {
    const site = siteOf(new ToyLog().add('acquired 1 1.1', 'acquired 1 1.2', 'erased 1'))
    site.log.payloads[1] = 'erased'
    assert.equal((await site.map.advance(3n)).erased, 1n)
    assert.equal(await presentIn(site, '1'), 1)
    assert.equal(await stateOf(site, '1', '1.2'), 'absent')
  })

  it('lets calls that come at once follow each other', async () => {
    const log = longLog(3, 200)
    const [one, other] = [siteOf(log), siteOf(log)]
    await Promise.all([one.map.advance(50n), one.map.advance(200n), one.map.proveStudy('1.1'), one.map.advance(120n)])
    await other.map.advance(200n)
    assert.deepEqual(contentOf(one), contentOf(other))
  })

  it('proves under the root that it gives', async () => {
    const site = siteOf(longLog(4, 120))
    await site.map.advance(120n)
    const { map } = await site.map.proveStudy('1.3')
    const root = await site.map.root()
    assert.deepEqual([map.size, map.root], [root.size, root.root])
    assert.deepEqual(root.blinding, (await siteOf().map.root()).blinding)
  })
})

describe('CompletenessMap under faults', () => {
  it('loses and doubles nothing when a write fails before or after it took effect', async () => {
    const log = longLog(5, 150)
    const sound = siteOf(log)
    await sound.map.advance(log.size)
    for (let at = 0; at < sound.store.writes; at++) {
      for (const after of [false, true]) {
        const store = new ToyStore()
        store.fault = { at, after }
        const site = siteOf(log, store)
        await assert.rejects(site.map.advance(log.size), hasCode('log_unwritable'))
        // The same object goes on, and so does a program that starts anew.
        const next = at % 2 === 0 ? site : siteOf(log, store)
        await next.map.advance(log.size)
        assert.deepEqual(contentOf(next), contentOf(sound), `write ${at}, ${after ? 'after' : 'before'}`)
      }
    }
  })

  it('leaves the map as it was when a reading fails, whichever', async () => {
    const log = longLog(6, 60)
    const sound = siteOf(log)
    await sound.map.advance(log.size)
    for (let at = 1; at <= sound.store.reads; at++) {
      const site = siteOf(log)
      site.store.meanwhile = () => {
        if (site.store.reads === at) throw new StoreError('log_unwritable', 'reading')
      }
      await assert.rejects(site.map.advance(log.size), hasCode('log_unwritable'))
      await site.map.advance(log.size)
      assert.deepEqual(contentOf(site), contentOf(sound))
    }
  })

  it('refuses a feed that ends early or skips an entry, and goes on with a whole one', async () => {
    const log = longLog(7, 50)
    const feeds: readonly EntryFeed[] = [
      (from) => log.feed(from, 40n),
      async function* (from, to) {
        for await (const entry of log.feed(from, to)) if (entry.index !== 20n) yield entry
      },
      async function* (from, to) {
        for await (const entry of log.feed(from, to)) yield { ...entry, index: entry.index + 1n }
      },
    ]
    for (const entries of feeds) {
      const store = new ToyStore()
      await assert.rejects(siteOf(log, store, { entries }).map.advance(50n), hasCode('entry_missing'))
      assert.ok((store.current?.size ?? 0n) <= 40n)
      const site = siteOf(log, store)
      await site.map.advance(50n)
      assert.deepEqual((await site.map.check()).findings, [])
    }
  })

  it('takes no more of a feed than it was asked for', async () => {
    const log = longLog(8, 50)
    const site = siteOf(log, new ToyStore(), { entries: (from) => log.feed(from, 50n) })
    assert.equal((await site.map.advance(30n)).root.size, 30n)
  })

  it('stops at a statement that cannot be read', async () => {
    const log = longLog(9, 30)
    const unreadable = new FormatError('event_malformed', 'no statement')
    const site = siteOf(log, new ToyStore(), {
      factsOf: (payload) => {
        if (payload === log.payloads[20]) throw unreadable
        return factsOf(payload)
      },
    })
    await assert.rejects(site.map.advance(30n), unreadable)
    assert.equal((await site.map.root()).size, 16n)
  })

  it('refuses to go on with another secret', async () => {
    const { log, store, map } = siteOf(longLog(10, 30))
    await map.advance(30n)
    const other = siteOf(log, store, { secret: new Uint8Array(32) })
    await assert.rejects(other.map.advance(30n), hasCode('key_missing'))
    await assert.rejects(other.map.proveStudy('1.1'), hasCode('key_missing'))
    assert.throws(() => siteOf(log, store, { secret: new Uint8Array(31) }), RangeError)
  })

  it('builds on nothing that is damaged or lost, and reports it', async () => {
    const log = longLog(11, 400)
    const start = siteOf(log)
    await start.map.advance(200n)
    for (const [i, [name, bytes]] of [...start.store.nodes].entries()) {
      if (name.startsWith('e')) continue
      for (const damaged of [
        undefined,
        bytes.with((i * 31) % bytes.length, 0xfe ^ (bytes[(i * 31) % bytes.length] as number)),
      ]) {
        const store = new ToyStore()
        await store.write(new Map([...start.store.nodes, [name, damaged]]), start.store.current as MapHead)
        const site = siteOf(log, store)
        if (name !== 'totals') assert.notDeepEqual((await site.map.check()).findings, [], name)
        // The totals hold the commitment to the secret too: with another one, it is the secret that seems wrong.
        const isSeen = (error: unknown): boolean => hasCode('log_corrupted')(error) || hasCode('key_missing')(error)
        await site.map.advance(log.size).then(
          // Not every page and study is touched; and counts are only compared by the check.
          async () => assert.notDeepEqual((await site.map.check()).findings, [], name),
          (error) => assert.ok(isSeen(error), name),
        )
      }
    }
  })

  it('lets one of two programs win, and never mixes what they write', async () => {
    const log = longLog(12, 200)
    const sound = siteOf(log)
    await sound.map.advance(log.size)
    for (let at = 1; at < sound.store.reads; at += 11) {
      const store = new ToyStore()
      const [slow, fast] = [siteOf(log, store), siteOf(log, store)]
      let reads = 0
      store.meanwhile = async () => {
        if (++reads === at) await fast.map.advance(log.size)
      }
      await slow.map.advance(log.size).catch((error) => assert.ok(hasCode('checkpoint_moved')(error), String(error)))
      assert.deepEqual(contentOf(slow), contentOf(sound), `at reading ${at}`)
    }
  })

  it('makes a proof of one state while another program moves the map on', async () => {
    const log = longLog(13, 400)
    for (let at = 1; at < 12; at++) {
      const store = new ToyStore()
      const [reader, writer] = [siteOf(log, store), siteOf(log, store)]
      await writer.map.advance(200n)
      let reads = 0
      store.meanwhile = async () => {
        if (++reads === at) await writer.map.advance(log.size)
      }
      const proof = await reader.map.proveStudy('1.1')
      const mapRoot = { ...(await reader.map.root()), ...proof.map }
      assert.equal(verifyCompleteness(hashes, { mapRoot, proof, studyInstanceUid: '1.1' }).outcome, 'complete')
    }
  })

  it('does not take a map for damaged that moved on while it was checked', async () => {
    const log = longLog(14, 400)
    for (let at = 1; at < 12; at += 2) {
      const store = new ToyStore()
      const [reader, writer] = [siteOf(log, store), siteOf(log, store)]
      await writer.map.advance(200n)
      let reads = 0
      store.meanwhile = async () => {
        if (++reads === at) await writer.map.advance(log.size)
      }
      const report = await reader.map.check().catch((error) => {
        assert.ok(hasCode('checkpoint_moved')(error), String(error))
        return { findings: [] }
      })
      assert.deepEqual(report.findings, [])
    }
  })

  it('finds keys that nothing leads to', async () => {
    const site = siteOf(longLog(15, 100))
    await site.map.advance(100n)
    site.store.nodes.set('pffff', Uint8Array.of(1))
    assert.deepEqual((await site.map.check()).findings, [{ problem: 'orphans', name: null }])
  })
})

describe('feedFrom', () => {
  it('gives every statement in order, after all of them can be found', async () => {
    let isSettled = false
    const feed = feedFrom({
      settle: async () => {
        isSettled = true
      },
      payload: async (index) => {
        assert.ok(isSettled)
        return index % 7n === 0n ? 'erased' : index % 7n === 1n ? undefined : encodeUtf8(`${index}`)
      },
    })
    for (const [from, to] of [
      [0n, 0n],
      [0n, 1n],
      [3n, 700n],
      [256n, 512n],
    ] as const) {
      const entries: FedEntry[] = []
      for await (const entry of feed(from, to)) entries.push(entry)
      assert.deepEqual(
        entries.map(({ index }) => index),
        Array.from({ length: Number(to - from) }, (_, i) => from + BigInt(i)),
      )
      for (const { index, payload } of entries) {
        if (index % 7n > 1n) assert.deepEqual(payload, encodeUtf8(`${index}`))
        else assert.equal(payload, index % 7n === 0n ? 'erased' : undefined)
      }
    }
  })
})

describe('factsOfStatement', () => {
  it('reads the instance of an acquisition, of an event, and which entry an erasure erases', () => {
    const { instance, dataset } = toyStatement()
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance
    const named = { studyInstanceUid, seriesInstanceUid, sopInstanceUid, digest: dataset }
    assert.deepEqual(factsOfStatement(formatStatement(toyStatement())), [{ type: 'acquired', ...named }])
    for (const type of ['received', 'drill-withdrawn', 'verified'] as const) {
      const event = toyEvent(type)
      const [facts] = factsOfStatement(formatEventStatement(event))
      assert.deepEqual(facts, {
        type,
        studyInstanceUid: event.instance?.studyInstanceUid,
        seriesInstanceUid: event.instance?.seriesInstanceUid,
        sopInstanceUid: event.instance?.sopInstanceUid,
        digest: event.digests?.dataset,
      })
    }
    const erased = toyEvent('erased')
    assert.deepEqual(factsOfStatement(formatEventStatement(erased)), [
      { type: 'erased', erases: (erased.details as { readonly index: bigint }).index },
    ])
    assert.deepEqual(factsOfStatement(formatEventStatement(toyEvent('map-root'))), [])
  })

  it('refuses what is no statement', () => {
    for (const text of ['', '{}', '[]', '{"_type":"x"}', 'acquired 1 1.1']) {
      assert.throws(() => factsOfStatement(encodeUtf8(text)), FormatError)
    }
  })
})
