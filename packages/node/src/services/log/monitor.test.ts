import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { cosign } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import {
  findEquivocators,
  formatSplitView,
  judgeSplitView,
  parseSplitView,
} from '@fiducial/core/domain/log/split-view.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { createPlainHasher } from '@fiducial/core/formats/merkle/node-hasher.ts'
import { parseTilePath, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import { formatAddCheckpoint } from '@fiducial/core/formats/tlog/witness-request.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import { logFace } from '../../http/log-face.ts'
import { startServer } from '../../http/server.ts'
import { witnessFace } from '../../http/witness-face.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemorySightingStore, createMemoryWitnessStore } from '../../storage/log/memory-witness-store.ts'
import type { LogSource } from './mirror.ts'
import { createMonitor, type Monitor, type MonitorOptions, type MonitorReport, watchLog } from './monitor.ts'
import { createWitness } from './witness-service.ts'

const log = new ToyLog(700)
const fork = log.fork(300)
const never = new AbortController().signal
const hasher = createPlainHasher(nativeCrypto.hash)
const now = () => new Date('2026-03-03T10:14:00.000Z')

/** What a mirror holds; changed by tests as the log grows, forks or breaks. */
interface Shelf {
  from: ToyLog
  size: number
  note?: string
  /** Spoils a tile. */
  change?: (bytes: Uint8Array, path: string) => Uint8Array | undefined
}

/** A mirror that holds the tiles of its newest size only. */
async function startMirror(t: TestContext, shelf: Shelf): Promise<LogSource> {
  const get = async (path: string) => {
    const place = parseTilePath(path)
    if (place.kind !== 'tile') return undefined
    const width = tileWidth(place.level, place.index, BigInt(shelf.size))
    if (place.width !== width) return undefined
    const bytes = await shelf.from.readTile(place)
    return shelf.change ? shelf.change(bytes, path) : bytes
  }
  const head = { read: async () => shelf.note ?? (await shelf.from.checkpoint(shelf.size)) }
  const server = await startServer([logFace({ objects: { get }, head })])
  t.after(() => server.close())
  return { kind: 'mirror', url: server.url }
}

/** A witness of ours that has cosigned a checkpoint. */
async function startWitness(t: TestContext, from: ToyLog, size: number) {
  const witness = createWitness({
    logs: [{ origin: log.origin, keys: log.keys }],
    signers: [toySigner('insurer.example/w', 'cosignature-ed25519')],
    store: createMemoryWitnessStore(),
    crypto: nativeCrypto,
    now,
  })
  const submit = async (oldSize: number, next: number) => {
    const proof = from.prove(oldSize, next)
    const body = formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint: await from.checkpoint(next) })
    assert.equal((await witness.addCheckpoint(body)).outcome, 'cosigned')
  }
  await submit(0, size)
  const server = await startServer([witnessFace(witness)])
  t.after(() => server.close())
  return { source: { kind: 'witness', url: server.url } as const, submit }
}

function monitorOf(sources: readonly LogSource[], parts: Partial<MonitorOptions> = {}): Monitor {
  return createMonitor({
    origin: log.origin,
    keys: log.keys,
    sources,
    sightings: createMemorySightingStore(),
    crypto: nativeCrypto,
    hasher,
    fetch,
    deadline: () => never,
    now,
    ...parts,
  })
}

const statesOf = ({ sources }: MonitorReport) => sources.map(({ state }) => state)

/** Each piece of evidence, as somebody else finds it who reads the document. */
const findingsOf = ({ evidence }: MonitorReport) =>
  evidence.map((view) => judgeSplitView(parseSplitView(formatSplitView(view)), log.keys, nativeCrypto))

describe('A monitor', () => {
  it('finds mirrors consistent that show the same, and follows them as they grow', async (t) => {
    const shelves = [1, 2, 3].map((): Shelf => ({ from: log, size: 1 }))
    const monitor = monitorOf(await Promise.all(shelves.map((shelf) => startMirror(t, shelf))))
    for (const size of [1, 2, 255, 256, 257, 300, 512, 700]) {
      for (const shelf of shelves) shelf.size = size
      const report = await monitor.look()
      assert.equal(report.verdict, 'consistent')
      assert.deepEqual(
        report.sources.map((source) => source.size),
        shelves.map(() => BigInt(size)),
      )
      assert.deepEqual(report.evidence, [])
    }
  })

  it('finds a mirror behind that shows the beginning of what others show', async (t) => {
    const sources = await Promise.all([0, 256, 300, 700].map((size) => startMirror(t, { from: log, size })))
    const report = await monitorOf(sources).look()
    assert.deepEqual(statesOf(report), ['behind', 'behind', 'behind', 'consistent'])
    assert.equal(report.verdict, 'behind')
    assert.equal(report.reference, await log.checkpoint(700))
  })

  it('finds a split view between mirrors, at whatever sizes, with evidence for others', async (t) => {
    for (const [first, second] of [
      [700, 700],
      [301, 301],
      [310, 700],
      [512, 700],
      [700, 512],
      [699, 700],
    ] as const) {
      const honest = await startMirror(t, { from: log, size: first })
      const lying = await startMirror(t, { from: fork, size: second })
      const report = await monitorOf([honest, lying]).look()
      assert.equal(report.verdict, 'split_view')
      assert.deepEqual(findingsOf(report), ['proven'])
      const [view] = report.evidence
      assert.deepEqual(new Set([view?.smaller.source, view?.larger.source]), new Set([honest.url, lying.url]))
    }
  })

  it('finds nothing wrong where two histories are still the same', async (t) => {
    const sources = [await startMirror(t, { from: log, size: 300 }), await startMirror(t, { from: fork, size: 700 })]
    assert.deepEqual(statesOf(await monitorOf(sources).look()), ['behind', 'consistent'])
  })

  it('finds a log out that changes its history between two looks', async (t) => {
    for (const [before, after] of [
      [512, 700],
      [400, 401],
      [700, 700],
    ] as const) {
      const shelf: Shelf = { from: log, size: before }
      const monitor = monitorOf([await startMirror(t, shelf)])
      assert.equal((await monitor.look()).verdict, 'consistent')
      Object.assign(shelf, { from: fork, size: after })
      // It does not forget, however often it looks.
      for (let i = 0; i < 2; i++) {
        const report = await monitor.look()
        assert.equal(report.verdict, 'split_view')
        assert.deepEqual(findingsOf(report), ['proven'])
      }
    }
  })

  it('finds a source out that goes back, and remembers how far it was', async (t) => {
    const shelf: Shelf = { from: log, size: 700 }
    const monitor = monitorOf([await startMirror(t, shelf)])
    await monitor.look()
    shelf.size = 600
    for (let i = 0; i < 2; i++) {
      const { verdict, sources } = await monitor.look()
      assert.equal(verdict, 'rollback')
      assert.deepEqual([sources[0]?.size, sources[0]?.earlierSize], [600n, 700n])
    }
    shelf.size = 700
    assert.equal((await monitor.look()).verdict, 'consistent')
  })

  it('finds a source out that went back to grow in another direction', async (t) => {
    const shelf: Shelf = { from: log, size: 600 }
    const monitor = monitorOf([await startMirror(t, shelf)])
    await monitor.look()
    Object.assign(shelf, { from: fork, size: 500 })
    assert.equal((await monitor.look()).verdict, 'rollback')
    shelf.size = 650
    const report = await monitor.look()
    assert.equal(report.verdict, 'split_view')
    assert.deepEqual(findingsOf(report), ['proven'])
  })

  it('compares what a witness has cosigned', async (t) => {
    const mirror = await startMirror(t, { from: log, size: 700 })
    const honest = await startWitness(t, log, 512)
    const deceived = await startWitness(t, fork, 600)
    const fine = await monitorOf([mirror, honest.source]).look()
    assert.deepEqual(statesOf(fine), ['consistent', 'behind'])
    const split = await monitorOf([mirror, honest.source, deceived.source]).look()
    assert.deepEqual(statesOf(split), ['consistent', 'behind', 'split_view'])
    assert.deepEqual(findingsOf(split), ['proven'])
  })

  it('lets a witness be ahead of the mirrors, and holds it to that afterwards', async (t) => {
    const shelf: Shelf = { from: log, size: 400 }
    const mirror = await startMirror(t, shelf)
    const witness = await startWitness(t, log, 500)
    const sightings = createMemorySightingStore()
    const monitor = monitorOf([mirror, witness.source], { sightings })
    assert.deepEqual(statesOf(await monitor.look()), ['consistent', 'ahead'])
    await witness.submit(500, 700)
    // The tree of 500 was compared with nothing yet, so it is not forgotten.
    assert.deepEqual(statesOf(await monitor.look()), ['consistent', 'ahead'])
    assert.match((await sightings.read(witness.source.url)) ?? '', /\n500\n/)
    shelf.size = 700
    assert.deepEqual(statesOf(await monitor.look()), ['consistent', 'consistent'])
    assert.match((await sightings.read(witness.source.url)) ?? '', /\n700\n/)
  })

  it('finds a log out that shows the mirrors something else than it had cosigned before', async (t) => {
    const shelf: Shelf = { from: log, size: 400 }
    const mirror = await startMirror(t, shelf)
    const witness = await startWitness(t, fork, 500)
    const monitor = monitorOf([mirror, witness.source])
    assert.deepEqual(statesOf(await monitor.look()), ['consistent', 'ahead'])
    shelf.size = 700
    const report = await monitor.look()
    assert.deepEqual(statesOf(report), ['consistent', 'split_view'])
    assert.deepEqual(findingsOf(report), ['proven'])
  })

  it('finds two witnesses apart that are both ahead of the mirrors', async (t) => {
    const mirror = await startMirror(t, { from: log, size: 400 })
    const [a, b] = [await startWitness(t, log, 500), await startWitness(t, fork, 500)]
    const report = await monitorOf([mirror, a.source, b.source]).look()
    assert.deepEqual(statesOf(report), ['consistent', 'split_view', 'split_view'])
    assert.deepEqual(findingsOf(report), ['proven'])
  })

  it('shows which witness has vouched for two histories', async (t) => {
    const liar = toySigner('liar.example/w', 'cosignature-ed25519')
    const victim = toySigner('victim.example/w', 'cosignature-ed25519')
    const shelves: Shelf[] = [
      { from: log, size: 500 },
      { from: fork, size: 700 },
    ]
    const cosigners = [[liar, victim], [liar]]
    for (const [i, shelf] of shelves.entries()) {
      const note = await shelf.from.checkpoint(shelf.size)
      shelf.note = note + (await cosign(note, cosigners[i] ?? [], 1_800_000_000n))
    }
    const report = await monitorOf(await Promise.all(shelves.map((shelf) => startMirror(t, shelf)))).look()
    assert.deepEqual(findingsOf(report), ['proven'])
    const [view] = report.evidence
    assert.ok(view)
    assert.deepEqual(findEquivocators(view, [liar.key, victim.key], nativeCrypto), [liar.key])
  })

  it('does not believe what the log has not signed', async (t) => {
    const stranger = new ToyLog(700, { origin: 'stranger.example/log' })
    const good = await log.checkpoint(600)
    const notes = ['', 'rubbish', good.replace('\n600\n', '\n601\n'), await stranger.checkpoint()]
    for (const note of notes) {
      const sources = [
        await startMirror(t, { from: log, size: 600 }),
        await startMirror(t, { from: log, size: 600, note }),
      ]
      const report = await monitorOf(sources).look()
      assert.deepEqual(statesOf(report), ['consistent', 'signature_wrong'])
      assert.equal(report.verdict, 'signature_wrong')
      assert.equal(report.sources[1]?.size, undefined)
    }
  })

  it('says who cannot be reached, and judges the others', async (t) => {
    const sources: LogSource[] = [
      await startMirror(t, { from: log, size: 700 }),
      { kind: 'mirror', url: 'http://127.0.0.1:1' },
      { kind: 'witness', url: 'http://127.0.0.1:1/w' },
    ]
    const report = await monitorOf(sources).look()
    assert.deepEqual(statesOf(report), ['consistent', 'unreachable', 'unreachable'])
    assert.equal(report.verdict, 'unreachable')
    const nobody = await monitorOf(sources.slice(1)).look()
    assert.equal(nobody.verdict, 'unreachable')
    assert.equal(nobody.reference, undefined)
  })

  it('takes another mirror for reference where the tiles of the first are wrong, and accuses nobody', async (t) => {
    const spoilt = (bytes: Uint8Array) => bytes.with(5, (bytes[5] ?? 0) ^ 1)
    const changes: readonly [NonNullable<Shelf['change']>, string][] = [
      [spoilt, 'tiles_wrong'],
      [(bytes) => bytes.subarray(1), 'tiles_wrong'],
      [(bytes) => bytes.subarray(0, bytes.length - 32), 'tiles_wrong'],
      [() => undefined, 'unproven'],
      [(bytes, path) => (path.startsWith('tile/0/002') ? spoilt(bytes) : bytes), 'tiles_wrong'],
    ]
    for (const [change, expected] of changes) {
      const broken = await startMirror(t, { from: log, size: 700, change })
      const whole = await startMirror(t, { from: log, size: 600 })
      const report = await monitorOf([broken, whole]).look()
      assert.equal(report.sources[1]?.state, 'consistent')
      assert.equal(report.sources[0]?.state, expected === 'unproven' ? 'ahead' : expected)
      assert.deepEqual(report.evidence, [])
      const alone = await monitorOf([broken]).look()
      assert.equal(alone.sources[0]?.state, expected === 'unproven' ? 'unreachable' : expected)
    }
  })

  it('proves nothing with tiles that are right at the edge and wrong inside', async (t) => {
    // The root of 700 does not need the hash of the first tile at level 0; a proof from 100 does.
    const change: Shelf['change'] = (bytes, path) =>
      path === 'tile/0/000' ? bytes.with(5, (bytes[5] ?? 0) ^ 1) : bytes
    const broken = await startMirror(t, { from: log, size: 700, change })
    const behind = await startMirror(t, { from: log, size: 100 })
    const report = await monitorOf([broken, behind]).look()
    assert.deepEqual(statesOf(report), ['consistent', 'unproven'])
    assert.deepEqual(report.evidence, [])
  })

  it('compares witnesses alone by what they show at one size', async (t) => {
    const [a, b, c] = [
      await startWitness(t, log, 500),
      await startWitness(t, log, 500),
      await startWitness(t, fork, 500),
    ]
    assert.equal((await monitorOf([a.source, b.source]).look()).verdict, 'consistent')
    const report = await monitorOf([a.source, b.source, c.source]).look()
    assert.equal(report.verdict, 'split_view')
    assert.ok(findingsOf(report).every((finding) => finding === 'proven'))
    const smaller = await startWitness(t, log, 400)
    assert.deepEqual(statesOf(await monitorOf([a.source, smaller.source]).look()), ['consistent', 'unproven'])
  })

  it('does not go on with sightings that are none of this log', async (t) => {
    const mirror = await startMirror(t, { from: log, size: 700 })
    const stranger = new ToyLog(3, { origin: 'stranger.example/log' })
    for (const note of ['rubbish', await stranger.checkpoint()]) {
      const sightings = createMemorySightingStore()
      await sightings.write(mirror.url, note)
      await assert.rejects(
        monitorOf([mirror], { sightings }).look(),
        (error) => error instanceof StoreError && error.code === 'log_corrupted',
      )
    }
  })

  it('is not set up without sources, or with one twice', () => {
    const source = { kind: 'mirror', url: 'http://127.0.0.1:1' } as const
    assert.throws(() => monitorOf([]), RangeError)
    assert.throws(() => monitorOf([source, source]), RangeError)
  })
})

describe('watchLog', () => {
  it('looks until it is told to stop, and tells each time', async (t) => {
    const shelf: Shelf = { from: log, size: 10 }
    const monitor = monitorOf([await startMirror(t, shelf)])
    const stop = new AbortController()
    const sizes: (bigint | undefined)[] = []
    let waits = 0
    await watchLog(monitor, {
      signal: stop.signal,
      async wait() {
        waits++
        shelf.size += 100
      },
      onReport({ sources }) {
        sizes.push(sources[0]?.size)
        if (sizes.length === 3) stop.abort()
      },
    })
    assert.deepEqual(sizes, [10n, 110n, 210n])
    assert.equal(waits, 2)
  })
})
