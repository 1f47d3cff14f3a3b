import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NoteSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { judgeSplitView, parseSplitView, type SplitView } from '@fiducial/core/domain/log/split-view.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatAddCheckpoint } from '@fiducial/core/formats/tlog/witness-request.ts'
import { ToyLog, toySigner } from '@fiducial/core/testing/toy-log.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemoryWitnessStore } from '../../storage/log/memory-witness-store.ts'
import type { WitnessStore } from './ports.ts'
import { RateLimit } from './rate-limit.ts'
import { createWitness, originId, type Witness, type WitnessAnswer, type WitnessOptions } from './witness-service.ts'

const NAME = 'insurer.example/witness'
const ed25519 = toySigner(NAME, 'cosignature-ed25519')
const mlDsa44 = toySigner(NAME, 'cosignature-ml-dsa-44')
const log = new ToyLog(40)
const START_MS = 1_800_000_000_000

interface Room {
  readonly witness: Witness
  readonly store: WitnessStore
  readonly found: SplitView[]
  readonly clock: { ms: number }
}

function setUp(parts: Partial<WitnessOptions> = {}): Room {
  const clock = { ms: START_MS }
  const found: SplitView[] = []
  const store = parts.store ?? createMemoryWitnessStore()
  const witness = createWitness({
    logs: [{ origin: log.origin, keys: log.keys }],
    signers: [ed25519],
    crypto: nativeCrypto,
    now: () => new Date(clock.ms),
    onEvidence: (view) => found.push(view),
    ...parts,
    store,
  })
  return { witness, store, found, clock }
}

const body = async (from: ToyLog, oldSize: number, size: number, proof = from.prove(oldSize, size)): Promise<string> =>
  formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, checkpoint: await from.checkpoint(size) })

/** Whose cosignatures of a checkpoint hold, with their times. */
async function readLines(answer: WitnessAnswer, size: number, signers: readonly NoteSigner[] = [ed25519]) {
  assert.ok(answer.outcome === 'cosigned')
  const note = (await log.checkpoint(size)) + answer.lines
  const keys = signers.map(({ key }) => key)
  const result = verifyCheckpoint(note, keys, nativeCrypto)
  assert.ok(result.state === 'valid')
  return result.valid.map(({ key, timestamp }) => ({ type: key.type, timestamp }))
}

const storeError = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

describe('A witness', () => {
  it('cosigns a log as it grows, with the time', async () => {
    const { witness, clock } = setUp()
    for (const [old, size] of [
      [0, 3],
      [3, 17],
      [17, 40],
    ] as const) {
      clock.ms += 1000
      const answer = await witness.addCheckpoint(await body(log, old, size))
      const timestamp = BigInt(clock.ms / 1000)
      assert.deepEqual(await readLines(answer, size), [{ type: 'cosignature-ed25519', timestamp }])
    }
  })

  it('cosigns with a key of each kind', async () => {
    const { witness } = setUp({ signers: [mlDsa44, ed25519] })
    const answer = await witness.addCheckpoint(await body(log, 0, 5))
    const timestamp = BigInt(START_MS / 1000)
    assert.deepEqual(await readLines(answer, 5, [ed25519, mlDsa44]), [
      { type: 'cosignature-ml-dsa-44', timestamp },
      { type: 'cosignature-ed25519', timestamp },
    ])
  })

  it('has on record what it answers with, before it answers', async () => {
    const { witness, store } = setUp()
    const answer = await witness.addCheckpoint(await body(log, 0, 5))
    assert.ok(answer.outcome === 'cosigned')
    const record = await store.read(log.origin)
    assert.equal(record?.size, 5n)
    assert.deepEqual(record?.root, log.root(5))
    assert.equal(record?.note, (await log.checkpoint(5)) + answer.lines)
    assert.equal(await witness.latest(originId(log.origin, nativeCrypto)), record?.note)
  })

  it('answers nothing where the record cannot be changed', async () => {
    const broken = createMemoryWitnessStore()
    const replace = async () => Promise.reject(new StoreError('log_unwritable', 'the disk is full'))
    const { witness } = setUp({ store: { ...broken, replace } })
    await assert.rejects(witness.addCheckpoint(await body(log, 0, 5)), storeError('log_unwritable'))
    assert.equal(await broken.read(log.origin), undefined)
  })

  it('goes on after a failure', async () => {
    const store = createMemoryWitnessStore()
    let failures = 1
    const replace: WitnessStore['replace'] = async (...given) => {
      if (failures-- > 0) throw new StoreError('log_unwritable', 'the disk is full')
      return store.replace(...given)
    }
    const { witness } = setUp({ store: { ...store, replace } })
    const request = await body(log, 0, 5)
    await assert.rejects(witness.addCheckpoint(request), storeError('log_unwritable'))
    assert.equal((await witness.addCheckpoint(request)).outcome, 'cosigned')
  })

  it('refuses what is malformed, unknown or unsigned, and keeps no record of it', async () => {
    const { witness, store } = setUp()
    const other = new ToyLog(5, { origin: 'elsewhere.example/log' })
    const forged = (await body(log, 0, 5)).replace('\n5\n', '\n6\n')
    assert.equal((await witness.addCheckpoint('rubbish')).outcome, 'malformed')
    assert.equal((await witness.addCheckpoint(await body(other, 0, 5))).outcome, 'log_unknown')
    assert.equal((await witness.addCheckpoint(forged)).outcome, 'signature_missing')
    assert.equal(await store.read(log.origin), undefined)
    assert.equal(await store.read(other.origin), undefined)
  })

  it('never signs two trees that do not fit, whatever it is sent in whatever order', async () => {
    const { witness, found, store } = setUp()
    const fork = log.fork(10)
    await witness.addCheckpoint(await body(log, 0, 20))
    for (const old of [0, 5, 10, 15, 20]) {
      for (const size of [20, 25, 40]) {
        if (size < old) continue
        const { outcome } = await witness.addCheckpoint(await body(fork, old, size))
        assert.notEqual(outcome, 'cosigned')
      }
    }
    assert.equal((await store.read(log.origin))?.size, 20n)
    assert.ok(found.length >= 3)
    const findings = found.map((view) => judgeSplitView(view, log.keys, nativeCrypto))
    assert.ok(findings.every((finding) => finding === 'proven'))
    // The honest log goes on.
    assert.equal((await witness.addCheckpoint(await body(log, 20, 40))).outcome, 'cosigned')
  })

  it('keeps evidence for others to read, tells of it once', async () => {
    const { witness, store, found, clock } = setUp()
    const fork = log.fork(10)
    await witness.addCheckpoint(await body(log, 0, 21))
    for (let i = 0; i < 3; i++) {
      clock.ms += 1000
      assert.equal((await witness.addCheckpoint(await body(fork, 21, 30))).outcome, 'proof_wrong')
    }
    const [kept, ...others] = await store.evidence(log.origin)
    assert.equal(others.length, 0)
    assert.equal(found.length, 1)
    const view = parseSplitView(kept?.document as Uint8Array)
    assert.deepEqual(view, found[0])
    assert.equal(judgeSplitView(view, log.keys, nativeCrypto), 'proven')
  })

  it('keeps room for proof, however much is sent that proves nothing', async () => {
    const { witness, store } = setUp()
    await witness.addCheckpoint(await body(log, 0, 13))
    for (let size = 14; size <= 40; size++) await witness.addCheckpoint(await body(log, 13, size, []))
    assert.equal((await store.evidence(log.origin)).length, 16)
    await witness.addCheckpoint(await body(log.fork(10), 13, 40))
    const kept = await store.evidence(log.origin)
    assert.equal(kept.length, 17)
    const last = parseSplitView(kept.at(-1)?.document as Uint8Array)
    assert.equal(judgeSplitView(last, log.keys, nativeCrypto), 'proven')
  })

  it('cosigns for one of many that race from the same size, and never goes back', async () => {
    const { witness, store } = setUp()
    await witness.addCheckpoint(await body(log, 0, 10))
    const bodies = await Promise.all(Array.from({ length: 20 }, (_, i) => body(log, 10, 11 + i)))
    const answers = await Promise.all(bodies.map((request) => witness.addCheckpoint(request)))
    const winners = answers.flatMap(({ outcome }, i) => (outcome === 'cosigned' ? [11 + i] : []))
    assert.equal(winners.length, 1)
    assert.equal((await store.read(log.origin))?.size, BigInt(winners[0] as number))
    assert.ok(answers.every(({ outcome }) => outcome === 'cosigned' || outcome === 'size_moved'))
  })

  it('gives a cosignature up when another process was faster, as in the race of the standard', async () => {
    const store = createMemoryWitnessStore()
    const faster = setUp({ store }).witness
    let races = 1
    const replace: WitnessStore['replace'] = async (...given) => {
      if (races-- > 0) await faster.addCheckpoint(await body(log, 10, 30))
      return store.replace(...given)
    }
    const { witness } = setUp({ store: { ...store, replace } })
    await faster.addCheckpoint(await body(log, 0, 10))
    assert.deepEqual(await witness.addCheckpoint(await body(log, 10, 20)), { outcome: 'size_moved', size: 30n })
    assert.equal((await store.read(log.origin))?.size, 30n)
  })

  it('gives up when others change the record again and again', async () => {
    const store = { ...createMemoryWitnessStore(), replace: async () => false }
    const { witness } = setUp({ store })
    await assert.rejects(witness.addCheckpoint(await body(log, 0, 10)), storeError('checkpoint_moved'))
  })

  it('gives the same lines to whoever repeats a request, for a while', async () => {
    let signed = 0
    const counting: NoteSigner = {
      key: ed25519.key,
      sign(message) {
        signed++
        return ed25519.sign(message)
      },
    }
    const { witness, clock } = setUp({ signers: [counting] })
    await witness.addCheckpoint(await body(log, 0, 10))
    const first = await witness.addCheckpoint(await body(log, 10, 10))
    clock.ms += 9_000
    assert.deepEqual(await witness.addCheckpoint(await body(log, 10, 10)), first)
    assert.equal(signed, 1)
    clock.ms += 2_000
    const [later] = await readLines(await witness.addCheckpoint(await body(log, 10, 10)), 10)
    assert.equal(later?.timestamp, BigInt(START_MS / 1000 + 11))
    assert.equal(signed, 2)
  })

  it('states no time before one that it has stated', async () => {
    const { witness, clock } = setUp()
    await witness.addCheckpoint(await body(log, 0, 10))
    clock.ms -= 100_000
    const [later] = await readLines(await witness.addCheckpoint(await body(log, 10, 20)), 20)
    assert.equal(later?.timestamp, BigInt(START_MS / 1000))
    clock.ms -= 1_000_000
    await assert.rejects(witness.addCheckpoint(await body(log, 20, 30)), storeError('clock_went_back'))
  })

  it('gives a log so many cosignatures and no more', async () => {
    const { witness, clock } = setUp({ rate: { burst: 2, perSecond: 0.5 } })
    const answers = []
    for (const [old, size] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const) {
      answers.push(await witness.addCheckpoint(await body(log, old, size)))
    }
    assert.deepEqual(
      answers.map(({ outcome }) => outcome),
      ['cosigned', 'cosigned', 'too_many'],
    )
    assert.deepEqual(answers[2], { outcome: 'too_many', retryMs: 2000 })
    // What is refused, or was answered before, costs nothing of it.
    assert.equal((await witness.addCheckpoint(await body(log, 0, 3))).outcome, 'size_moved')
    assert.equal((await witness.addCheckpoint(await body(log, 2, 2))).outcome, 'cosigned')
    clock.ms += 2000
    assert.equal((await witness.addCheckpoint(await body(log, 2, 3))).outcome, 'cosigned')
  })

  it('keeps logs apart', async () => {
    const other = new ToyLog(9, { origin: 'elsewhere.example/log' })
    const logs = [log, other].map(({ origin, keys }) => ({ origin, keys }))
    const { witness, store } = setUp({ logs })
    await witness.addCheckpoint(await body(log, 0, 10))
    await witness.addCheckpoint(await body(other, 0, 9))
    assert.equal((await store.read(log.origin))?.size, 10n)
    assert.equal((await store.read(other.origin))?.size, 9n)
    assert.equal(await witness.latest(originId('unknown.example', nativeCrypto)), undefined)
    assert.deepEqual(witness.origins, [log.origin, other.origin])
  })

  it('is not set up wrongly', () => {
    const long = { origin: `${'x'.repeat(250)}.example`, keys: log.keys }
    assert.throws(() => setUp({ signers: [] }), RangeError)
    assert.throws(() => setUp({ signers: [toySigner(NAME, 'ed25519')] }), RangeError)
    assert.throws(() => setUp({ logs: [{ origin: log.origin, keys: [] }] }), RangeError)
    assert.throws(() => setUp({ logs: [log, log] }), RangeError)
    assert.throws(() => setUp({ signers: [mlDsa44], logs: [long] }), RangeError)
    assert.doesNotThrow(() => setUp({ logs: [long] }))
  })
})

describe('RateLimit', () => {
  it('fills up again with time, to the brim and not further', () => {
    const limit = new RateLimit({ burst: 3, perSecond: 2 })
    const take = (ms: number) => limit.take('a', ms)
    assert.deepEqual([take(0), take(0), take(0), take(0)], [0, 0, 0, 500])
    assert.deepEqual([take(250), take(500), take(500)], [250, 0, 500])
    assert.deepEqual([take(100_000), take(100_000), take(100_000), take(100_000)], [0, 0, 0, 500])
  })

  it('gives nothing for a clock that goes back', () => {
    const limit = new RateLimit({ burst: 1, perSecond: 1 })
    assert.equal(limit.take('a', 10_000), 0)
    assert.equal(limit.take('a', 5_000), 1000)
    assert.equal(limit.take('b', 5_000), 0)
  })
})
