/**
 * Contract of the records: what stands beside the log is found by its terms, and can be taken out.
 *
 * Records are filled by the sequencer of the same storage, so the harness gives both.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordStore, Sequencer, Term } from '../../services/log/ports.ts'
import { collect, type Harness, hex, instance, makeBatch, makeEntry, type } from './harness.ts'

/** A sequencer and the records that it fills. */
export interface RecordsOfLog {
  readonly sequencer: Sequencer
  readonly records: RecordStore
}

const STUDY: Term = { kind: 'study', value: '1.2.840.1' }
const payload = (number: number): Uint8Array => new TextEncoder().encode(`{"statement":${number},"☢":true}`)

/** Registers the tests. @param name  of the adapter */
export function recordStoreContract(name: string, harness: Harness<RecordsOfLog>): void {
  describe(`record store contract: ${name}`, () => {
    payloadTests(harness)
    queryTests(harness)
    eraseTests(harness)
  })
}

/** A log whose entry i has statement i, the terms type, instance i, and the study for every even i. */
async function filled({ fresh }: Harness<RecordsOfLog>, count: number, t: Parameters<typeof fresh>[0]) {
  const log = await fresh(t)
  const { fence } = await log.sequencer.claim()
  const entries = Array.from({ length: count }, (_, i) =>
    makeEntry(i, {
      payload: payload(i),
      terms: [type(i % 3 === 0 ? 'acquired' : 'received'), instance(i), ...(i % 2 === 0 ? [STUDY] : [])],
    }),
  )
  // Cut into uneven batches, so that indexes and places in a batch differ.
  for (let first = 0, length = 1; first < count; first += length++) {
    await log.sequencer.append({ ...makeBatch(first, 1), entries: entries.slice(first, first + length) }, fence)
  }
  await log.records.settle()
  return { log, ...log, fence }
}

function payloadTests(harness: Harness<RecordsOfLog>): void {
  it('gives the statement of each entry once it has settled', async (t) => {
    const { records } = await filled(harness, 20, t)
    for (let i = 0; i < 20; i++) assert.equal(text(await records.payload(BigInt(i))), text(payload(i)))
    assert.equal(await records.payload(20n), undefined)
    assert.equal(await records.payload(1n << 40n), undefined)
  })

  it('tells no statement from an empty one', async (t) => {
    const { sequencer, records } = await harness.fresh(t)
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 1), fence)
    await sequencer.append(makeBatch(1, 1, { payload: new Uint8Array(0) }), fence)
    await sequencer.append(makeBatch(2, 1, { payload: new Uint8Array(1_000_000).fill(5) }), fence)
    await records.settle()
    assert.equal(await records.payload(0n), undefined)
    assert.equal(text(await records.payload(1n)), '')
    assert.equal(((await records.payload(2n)) as Uint8Array).length, 1_000_000)
  })

  it('settles for everything appended before, each time', async (t) => {
    const { sequencer, records } = await harness.fresh(t)
    const { fence } = await sequencer.claim()
    await records.settle()
    for (let i = 0; i < 10; i++) {
      await sequencer.append(makeBatch(i, 1, { payload: payload(i) }), fence)
      await records.settle()
      assert.equal(text(await records.payload(BigInt(i))), text(payload(i)))
      assert.deepEqual(await records.find({ term: instance(i), limit: 10 }), [BigInt(i)])
    }
  })

  it('holds everything after a release and a reopening', async (t) => {
    const { log } = await filled(harness, 20, t)
    await log.sequencer.release(15n)
    assert.equal(text(await log.records.payload(3n)), text(payload(3)))
    await log.sequencer.close()
    const { sequencer, records } = await harness.reopen(log, t)
    await sequencer.claim()
    await records.settle()
    for (const i of [0, 14, 15, 19]) assert.equal(text(await records.payload(BigInt(i))), text(payload(i)))
    assert.equal((await records.find({ term: STUDY, limit: 100 })).length, 10)
  })
}

function queryTests(harness: Harness<RecordsOfLog>): void {
  it('finds entries by term, in both orders, in ranges, and no more than asked', async (t) => {
    const { records } = await filled(harness, 20, t)
    const find = async (query: object) => (await records.find({ term: STUDY, limit: 100, ...query })).map(Number)
    assert.deepEqual(await find({}), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
    assert.deepEqual(await find({ order: 'oldest_first', limit: 2 }), [0, 2])
    assert.deepEqual(await find({ order: 'newest_first' }), [18, 16, 14, 12, 10, 8, 6, 4, 2, 0])
    assert.deepEqual(await find({ order: 'newest_first', limit: 3 }), [18, 16, 14])
    assert.deepEqual(await find({ from: 4n, to: 8n }), [4, 6])
    assert.deepEqual(await find({ from: 5n, limit: 2 }), [6, 8])
    assert.deepEqual(await find({ to: 5n, order: 'newest_first', limit: 2 }), [4, 2])
    assert.deepEqual(await find({ from: 8n, to: 8n }), [])
    assert.deepEqual(await find({ from: 100n }), [])
    assert.deepEqual(await find({ to: 0n }), [])
  })

  it('tells kinds and values apart', async (t) => {
    const { sequencer, records } = await harness.fresh(t)
    const { fence } = await sequencer.claim()
    const terms: Term[] = [
      { kind: 'study', value: '1.2' },
      { kind: 'series', value: '1.2' },
      { kind: 'study', value: '1.2.' },
      { kind: 'study', value: '1.20' },
      { kind: 'person', value: 'O\'Neil\\^"%_ é ☢' },
      { kind: 'person', value: 'o' },
      { kind: 'person', value: 'O' },
      { kind: 'person', value: 'x'.repeat(256) },
      { kind: 'person', value: 'x'.repeat(255) },
    ]
    const entries = terms.map((term, i) => makeEntry(i, { terms: [term] }))
    await sequencer.append({ ...makeBatch(0, 1), entries }, fence)
    await records.settle()
    for (const [i, term] of terms.entries()) assert.deepEqual(await records.find({ term, limit: 10 }), [BigInt(i)])
    assert.deepEqual(await records.find({ term: { kind: 'key', value: '1.2' }, limit: 10 }), [])
    assert.deepEqual(await records.find({ term: { kind: 'study', value: '1' }, limit: 10 }), [])
  })

  it('finds an entry once that names a term twice', async (t) => {
    const { sequencer, records } = await harness.fresh(t)
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 2, { terms: [STUDY, STUDY, type('acquired')] }), fence)
    await records.settle()
    assert.deepEqual(await records.find({ term: STUDY, limit: 10 }), [0n, 1n])
  })

  it('refuses a limit outside 1 to 10,000 as a mistake of the caller', async (t) => {
    const { records } = await filled(harness, 1, t)
    for (const limit of [0, -1, 10_001, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(records.find({ term: STUDY, limit }), RangeError)
    }
    assert.deepEqual(await records.find({ term: STUDY, limit: 10_000 }), [0n])
  })
}

function eraseTests(harness: Harness<RecordsOfLog>): void {
  it('takes a statement and its terms out, and nothing else', async (t) => {
    const { sequencer, records, fence } = await filled(harness, 20, t)
    assert.equal(await records.erase(6n), true)
    assert.equal(await records.payload(6n), 'erased')
    assert.deepEqual(await records.find({ term: instance(6), limit: 10 }), [])
    assert.deepEqual((await records.find({ term: STUDY, limit: 100 })).map(Number), [0, 2, 4, 8, 10, 12, 14, 16, 18])
    assert.ok((await records.find({ term: type('acquired'), limit: 100 })).includes(6n), 'its type stays')
    for (const i of [5, 7]) assert.equal(text(await records.payload(BigInt(i))), text(payload(i)))
    assert.deepEqual(await sequencer.find([makeEntry(6).identity]), [6n])
    await sequencer.append(makeBatch(20, 1, { terms: [instance(6)] }), fence)
    await records.settle()
    assert.deepEqual(await records.find({ term: instance(6), limit: 10 }), [20n])
  })

  it('says whether there was something to take out', async (t) => {
    const { sequencer, records, fence } = await filled(harness, 3, t)
    await sequencer.append(makeBatch(3, 1, { terms: [type('erased')] }), fence)
    assert.equal(await records.erase(1n), true)
    assert.equal(await records.erase(1n), false)
    assert.equal(await records.payload(1n), 'erased')
    assert.equal(await records.erase(3n), false)
    assert.equal(await records.payload(3n), undefined)
    assert.equal(await records.erase(4n), false)
    assert.equal(await records.erase(1n << 40n), false)
  })

  it('erases what was appended a moment ago', async (t) => {
    const { sequencer, records } = await harness.fresh(t)
    const { fence } = await sequencer.claim()
    await sequencer.append(makeBatch(0, 2, { payload: payload(0) }), fence)
    assert.equal(await records.erase(0n), true)
    assert.equal(await records.payload(0n), 'erased')
    assert.equal(text(await records.payload(1n)), text(payload(0)))
  })

  it('gives an erased statement out in no batch either', async (t) => {
    const { sequencer, records } = await filled(harness, 20, t)
    for (const index of [0n, 6n, 19n]) assert.equal(await records.erase(index), true)
    const entries = (await collect(sequencer.read(0n))).flatMap((batch) => batch.entries)
    assert.equal(entries.length, 20)
    for (const [i, entry] of entries.entries()) {
      const isErased = [0, 6, 19].includes(i)
      assert.equal(entry.payload === undefined, isErased)
      assert.equal(hex(entry.leaf), hex(makeEntry(i).leaf))
      assert.equal(hex(entry.identity), hex(makeEntry(i).identity))
      if (isErased) assert.ok(entry.terms.every(({ kind }) => kind === 'type'))
    }
  })

  it('goes on after an erasure, and keeps it over release and reopening', async (t) => {
    const { log, fence: oldFence } = await filled(harness, 20, t)
    assert.equal(await log.records.erase(2n), true)
    await log.sequencer.append(makeBatch(20, 5, { payload: payload(99) }), oldFence)
    assert.equal(await log.records.erase(22n), true)
    await log.sequencer.release(10n)
    assert.equal(await log.records.erase(4n), true)
    await log.sequencer.close()
    const { sequencer, records } = await harness.reopen(log, t)
    const { size, fence } = await sequencer.claim()
    assert.equal(size, 25n)
    await sequencer.append(makeBatch(25, 1), fence)
    await records.settle()
    for (const index of [2n, 4n, 22n]) assert.equal(await records.payload(index), 'erased')
    assert.equal(text(await records.payload(3n)), text(payload(3)))
    assert.deepEqual(await records.find({ term: instance(4), limit: 10 }), [])
    assert.deepEqual(await sequencer.find([makeEntry(4).identity, makeEntry(22).identity]), [4n, 22n])
    assert.equal(await records.erase(2n), false)
  })
}

function text(found: Uint8Array | 'erased' | undefined): string {
  assert.ok(found instanceof Uint8Array, `a statement, not ${String(found)}`)
  return Buffer.from(found).toString('utf8')
}
