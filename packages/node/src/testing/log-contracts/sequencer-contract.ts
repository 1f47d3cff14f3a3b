/**
 * Contract of a sequencer: places without gaps, one writer at a time, exact identities, nothing lost.
 *
 * Where an adapter may choose, the suite accepts each choice: after an append was refused for what it was (a gap, a
 * lost fence), the suite claims again before it goes on.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { NewEntry, SequencedBatch, Sequencer } from '../../services/log/ports.ts'
import {
  collect,
  digestOf,
  type Harness,
  instance,
  makeBatch,
  makeEntry,
  outcomes,
  plainBatch,
  storeError,
  type,
} from './harness.ts'

export interface SequencerHarness extends Harness<Sequencer> {
  /**
   * True where only one adapter object may have claimed at a time: a second one's claim fails with `log_locked` until
   * the first is closed. False where a second one's claim fences the first off.
   */
  readonly isExclusive: boolean
}

/** Registers the tests. @param name  of the adapter */
export function sequencerContract(name: string, harness: SequencerHarness): void {
  describe(`sequencer contract: ${name}`, () => {
    orderTests(harness)
    refusalTests(harness)
    fenceTests(harness)
    identityTests(harness)
    releaseTests(harness)
    lifeTests(harness)
  })
}

function orderTests({ fresh }: SequencerHarness): void {
  it('starts with nothing', async (t) => {
    const log = await fresh(t)
    const { size, fence } = await log.claim()
    assert.equal(size, 0n)
    assert.ok(fence > 0n)
    assert.deepEqual(await collect(log.read(0n)), [])
  })

  it('gives batches back as they came, in order', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    const terms = [
      type('received'),
      { kind: 'study', value: `1.2.840 Ünïcode ☢ '"\\ \u0001 end` },
      instance(1),
    ] as const
    const batches: SequencedBatch[] = [
      makeBatch(0, 1),
      makeBatch(1, 3, { payload: Uint8Array.of(0, 255, 1) }),
      makeBatch(4, 2, { payload: new Uint8Array(0), terms }),
      makeBatch(6, 1, { terms: [] }),
    ]
    for (const batch of batches) await log.append(batch, fence)
    assert.deepEqual((await collect(log.read(0n))).map(plainBatch), batches.map(plainBatch))
    assert.equal((await log.claim()).size, 7n)
  })

  it('reads from the batch that holds an index', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    for (const first of [0, 5, 10]) await log.append(makeBatch(first, 5), fence)
    const firsts = async (from: bigint) => (await collect(log.read(from))).map(({ first }) => first)
    assert.deepEqual(await firsts(4n), [0n, 5n, 10n])
    assert.deepEqual(await firsts(5n), [5n, 10n])
    assert.deepEqual(await firsts(14n), [10n])
    assert.deepEqual(await firsts(15n), [])
  })

  it('lets a reader stop early', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    for (const first of [0, 1, 2]) await log.append(makeBatch(first, 1), fence)
    for await (const batch of log.read(0n)) {
      assert.equal(batch.first, 0n)
      break
    }
    await log.append(makeBatch(3, 1), fence)
    assert.equal((await collect(log.read(0n))).length, 4)
  })

  it('takes a batch of 2,000 entries, the largest leaf and a large statement', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    const many = makeBatch(0, 2_000)
    const large = makeBatch(2_000, 1, { leafBytes: 65_535, payload: new Uint8Array(1_000_000).fill(7) })
    const longTerm = makeBatch(2_001, 1, { terms: [{ kind: 'person', value: '☢'.repeat(256) }] })
    for (const batch of [many, large, longTerm]) await log.append(batch, fence)
    const read = await collect(log.read(0n))
    assert.deepEqual(read.map(plainBatch), [many, large, longTerm].map(plainBatch))
  })

  it('keeps its own copy of the bytes it was given', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    const batch = makeBatch(0, 2, { payload: Uint8Array.of(1, 2, 3) })
    const before = plainBatch(batch)
    await log.append(batch, fence)
    for (const { leaf, identity, payload } of batch.entries)
      for (const bytes of [leaf, identity, payload]) bytes?.fill(0)
    batch.root.fill(0)
    assert.deepEqual((await collect(log.read(0n))).map(plainBatch), [before])
    assert.deepEqual(await log.find([makeEntry(1).identity]), [1n])
  })
}

function refusalTests({ fresh }: SequencerHarness): void {
  it('refuses a gap and an overlap, and keeps neither', async (t) => {
    const log = await fresh(t)
    await log.append(makeBatch(0, 3), (await log.claim()).fence)
    for (const first of [4, 2, 0, 1_000]) {
      const { fence } = await log.claim()
      await assert.rejects(
        log.append(makeBatch(first, 1, { flavour: 'refused' }), fence),
        storeError('checkpoint_moved'),
      )
      assert.deepEqual(await log.find([makeEntry(first, { flavour: 'refused' }).identity]), [undefined])
    }
    const { fence, size } = await log.claim()
    assert.equal(size, 3n)
    await log.append(makeBatch(3, 1), fence)
    assert.deepEqual(await log.find([makeEntry(3).identity]), [3n])
  })

  const batch = makeBatch(0, 1)
  const wrong = (entry: Partial<NewEntry>): SequencedBatch => ({ ...batch, entries: [{ ...makeEntry(0), ...entry }] })
  const mistakes: Readonly<Record<string, SequencedBatch>> = {
    'an empty batch': { ...batch, entries: [] },
    'an empty leaf': wrong({ leaf: new Uint8Array(0) }),
    'a leaf of 65,536 bytes': wrong({ leaf: new Uint8Array(65_536) }),
    'an identity of 31 bytes': wrong({ identity: new Uint8Array(31) }),
    'an identity of 33 bytes': wrong({ identity: new Uint8Array(33) }),
    'a root of 31 bytes': { ...batch, root: new Uint8Array(31) },
    'a negative first index': { ...batch, first: -1n },
    'an empty term': wrong({ terms: [{ kind: 'study', value: '' }] }),
    'a term with half a character': wrong({ terms: [{ kind: 'study', value: 'a\ud800' }] }),
    'a term of 257 characters': wrong({ terms: [{ kind: 'study', value: '1'.repeat(257) }] }),
  }
  it('refuses mistakes of the caller, and is as it was', async (t) => {
    const log = await fresh(t)
    for (const [what, mistake] of Object.entries(mistakes)) {
      await assert.rejects(log.append(mistake, (await log.claim()).fence), RangeError, what)
      assert.equal((await log.claim()).size, 0n, what)
    }
    await log.append(batch, (await log.claim()).fence)
    assert.deepEqual((await collect(log.read(0n))).map(plainBatch), [plainBatch(batch)])
  })
}

function fenceTests({ fresh, reopen, isExclusive }: SequencerHarness): void {
  it('refuses whoever has not claimed', async (t) => {
    const log = await fresh(t)
    await assert.rejects(log.append(makeBatch(0, 1), 1n), storeError('fence_lost', 'log_stopped'))
    const { fence, size } = await log.claim()
    assert.equal(size, 0n)
    await assert.rejects(log.append(makeBatch(0, 1), fence + 1n), storeError('fence_lost'))
  })

  it('fences earlier claims off', async (t) => {
    const log = await fresh(t)
    const fences: bigint[] = []
    for (let i = 0; i < 3; i++) fences.push((await log.claim()).fence)
    const [first = 0n, second = 0n, third = 0n] = fences
    assert.ok(first < second && second < third)
    for (const old of [first, second]) {
      await assert.rejects(log.append(makeBatch(0, 1, { flavour: 'old' }), old), storeError('fence_lost'))
    }
    await log.append(makeBatch(0, 1), (await log.claim()).fence)
    assert.deepEqual(await log.find([makeEntry(0, { flavour: 'old' }).identity, makeEntry(0).identity]), [
      undefined,
      0n,
    ])
  })

  it('lets at most one of two appends to the same place win', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    const rivals = ['a', 'b', 'c'].map((flavour) => makeBatch(0, 2, { flavour }))
    const { kept } = await outcomes(rivals.map((batch) => log.append(batch, fence)))
    assert.ok(kept <= 1, `${kept} were kept`)
    const { size } = await log.claim()
    const stored = (await collect(log.read(0n))).map(plainBatch)
    assert.equal(stored.length, size === 0n ? 0 : 1)
    if (kept === 1) assert.equal(size, 2n)
    const possible = rivals.map(plainBatch)
    for (const batch of stored) assert.ok(possible.some((rival) => isDeepStrictEqual(rival, batch)))
  })

  it('lets at most one of an old and a new claim win', async (t) => {
    const log = await fresh(t)
    const old = (await log.claim()).fence
    const { fence } = await log.claim()
    const { errors } = await outcomes([
      log.append(makeBatch(0, 1, { flavour: 'old' }), old),
      log.append(makeBatch(0, 1, { flavour: 'new' }), fence),
    ])
    assert.ok(errors.length >= 1)
    assert.deepEqual(await log.find([makeEntry(0, { flavour: 'old' }).identity]), [undefined])
  })

  if (isExclusive) {
    it('admits a second holder only once the first has closed', async (t) => {
      const one = await fresh(t)
      const { fence } = await one.claim()
      const other = await reopen(one, t)
      await assert.rejects(other.claim(), storeError('log_locked'))
      await one.append(makeBatch(0, 1), fence)
      await one.close()
      const claim = await other.claim()
      assert.equal(claim.size, 1n)
      assert.ok(claim.fence > fence)
      await other.append(makeBatch(1, 1), claim.fence)
    })
    return
  }

  it('fences another holder off', async (t) => {
    const one = await fresh(t)
    const other = await reopen(one, t)
    const old = await one.claim()
    await one.append(makeBatch(0, 1), old.fence)
    const { fence, size } = await other.claim()
    assert.equal(size, 1n)
    assert.ok(fence > old.fence)
    await assert.rejects(one.append(makeBatch(1, 1, { flavour: 'old' }), old.fence), storeError('fence_lost'))
    await other.append(makeBatch(1, 1), fence)
    assert.deepEqual(await other.find([0, 1].map((i) => makeEntry(i).identity)), [0n, 1n])
    assert.deepEqual(await other.find([makeEntry(1, { flavour: 'old' }).identity]), [undefined])
  })

  it('keeps one history when two holders race, however they take turns', async (t) => {
    const holders = [await fresh(t)]
    holders.push(await reopen(holders[0] as Sequencer, t))
    const acknowledged = new Map<number, string>()
    for (let round = 0; round < 10; round++) {
      const attempts = holders.map(async (holder, i) => {
        const flavour = `${'ab'[i]}${round} `
        const { fence, size } = await holder.claim()
        await holder.append(makeBatch(Number(size), 1, { flavour }), fence)
        assert.ok(!acknowledged.has(Number(size)), `place ${size} is given once`)
        acknowledged.set(Number(size), flavour)
      })
      for (const error of (await outcomes(attempts)).errors) {
        storeError('fence_lost', 'checkpoint_moved', 'log_stopped')(error)
      }
    }
    const [one] = holders as [Sequencer]
    const { size } = await one.claim()
    const identities = [...acknowledged].map(([number, flavour]) => makeEntry(number, { flavour }).identity)
    assert.deepEqual(await one.find(identities), [...acknowledged.keys()].map(BigInt))
    assert.equal(
      (await collect(one.read(0n))).reduce((sum, batch) => sum + BigInt(batch.entries.length), 0n),
      size,
    )
  })
}

function identityTests({ fresh, reopen }: SequencerHarness): void {
  it('finds every identity at once, exactly, in the order asked', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    assert.deepEqual(await log.find([]), [])
    for (const first of [0, 100, 200]) {
      await log.append(makeBatch(first, 100), fence)
      const asked = [first + 99, 1_000_000, first, 0, first, first + 50]
      const expected = [first + 99, undefined, first, 0, first, first + 50]
      const identities = asked.map((number) => makeEntry(number).identity)
      assert.deepEqual(
        await log.find(identities),
        expected.map((at) => (at === undefined ? undefined : BigInt(at))),
      )
    }
  })

  it('tells identities apart that differ in one bit', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    await log.append(makeBatch(0, 1), fence)
    const near = Array.from({ length: 256 }, (_, bit) => {
      const identity = Uint8Array.from(makeEntry(0).identity)
      identity[bit >> 3] = (identity[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return identity
    })
    assert.ok((await log.find(near)).every((found) => found === undefined))
    assert.deepEqual(await log.find([makeEntry(0).identity]), [0n])
  })

  it('finds nothing of what was never appended, after a reopening too', async (t) => {
    const log = await fresh(t)
    await log.append(makeBatch(0, 50), (await log.claim()).fence)
    await log.close()
    const other = await reopen(log, t)
    await other.claim()
    const found = await other.find(Array.from({ length: 100 }, (_, i) => makeEntry(i).identity))
    assert.deepEqual(
      found,
      Array.from({ length: 100 }, (_, i) => (i < 50 ? BigInt(i) : undefined)),
    )
  })
}

function releaseTests({ fresh, reopen }: SequencerHarness): void {
  it('forgets released batches, but neither their number nor their identities', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    for (const first of [0, 10, 20]) await log.append(makeBatch(first, 10), fence)
    await log.release(20n)
    await assert.rejects(collect(log.read(0n)), storeError('log_corrupted'))
    await assert.rejects(collect(log.read(19n)), storeError('log_corrupted'))
    assert.deepEqual(
      (await collect(log.read(20n))).map(({ first }) => first),
      [20n],
    )
    await log.append(makeBatch(30, 1), fence)
    await log.release(31n)
    assert.deepEqual(await collect(log.read(31n)), [])
    await log.close()

    const other = await reopen(log, t)
    const claim = await other.claim()
    assert.equal(claim.size, 31n)
    await assert.rejects(collect(other.read(30n)), storeError('log_corrupted'))
    const found = await other.find([0, 19, 30, 31].map((number) => makeEntry(number).identity))
    assert.deepEqual(found, [0n, 19n, 30n, undefined])
    await other.append(makeBatch(31, 2), claim.fence)
    assert.deepEqual((await collect(other.read(31n))).map(plainBatch), [plainBatch(makeBatch(31, 2))])
  })

  it('takes a release inside a batch, and one that was overtaken', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    for (const first of [0, 10]) await log.append(makeBatch(first, 10), fence)
    await log.release(15n)
    await log.release(5n)
    await log.release(15n)
    assert.deepEqual(
      (await collect(log.read(15n))).map(({ first }) => first),
      [10n],
    )
    await assert.rejects(collect(log.read(14n)), storeError('log_corrupted'))
    await log.append(makeBatch(20, 1), fence)
  })

  it('refuses a release of what is not there as a mistake of the caller', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    await log.append(makeBatch(0, 2), fence)
    await assert.rejects(log.release(3n), RangeError)
    assert.equal((await collect(log.read(0n))).length, 1)
  })
}

function lifeTests({ fresh, reopen }: SequencerHarness): void {
  it('holds everything after a reopening', async (t) => {
    let log = await fresh(t)
    const batches = [0, 3, 6, 9].map((first) => makeBatch(first, 3, { payload: digestOf(`${first}`) }))
    let last = 0n
    for (const batch of batches) {
      const { fence, size } = await log.claim()
      assert.equal(size, batch.first)
      assert.ok(fence > last, 'a fence grows over reopenings too')
      last = fence
      await log.append(batch, fence)
      await log.close()
      log = await reopen(log, t)
    }
    assert.equal((await log.claim()).size, 12n)
    assert.deepEqual((await collect(log.read(0n))).map(plainBatch), batches.map(plainBatch))
    assert.deepEqual(await log.find([0, 11].map((number) => makeEntry(number).identity)), [0n, 11n])
  })

  it('takes nothing once it is closed', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    await log.append(makeBatch(0, 1), fence)
    await log.close()
    await log.close()
    await assert.rejects(log.append(makeBatch(1, 1), fence), storeError('log_stopped', 'fence_lost'))
    const other = await reopen(log, t)
    assert.equal((await other.claim()).size, 1n)
  })

  it('finishes an append that was under way when it was closed, or refuses it', async (t) => {
    const log = await fresh(t)
    const { fence } = await log.claim()
    const [append] = await Promise.allSettled([log.append(makeBatch(0, 1), fence), log.close()])
    const other = await reopen(log, t)
    const { size } = await other.claim()
    if (append.status === 'fulfilled') assert.equal(size, 1n)
    else assert.ok(size <= 1n)
  })
}
