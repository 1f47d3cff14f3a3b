import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { parseTlogProof } from '@fiducial/core/formats/tlog/proof.ts'
import { toyEvent } from '@fiducial/core/testing/toy-events.ts'
import { nativeCrypto as crypto } from '../../keys/native-crypto.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import { findEntries, findSealEntry } from './find-entries.ts'
import type { LogView } from './log-view.ts'
import type { RecordQuery, RecordStore, Term } from './ports.ts'
import { formatProof } from './proof-file.ts'
import { readLogEntry } from './read-entry.ts'
import { leafOfSeal } from './seal-entry.ts'

/** A store in which every third entry has a term, every fifth another, and so on; notes what it is asked. */
function stepped(size: number): Pick<RecordStore, 'find'> & { readonly asked: RecordQuery[] } {
  const asked: RecordQuery[] = []
  return {
    asked,
    async find(query) {
      asked.push(query)
      const { term, from = 0n, to = BigInt(size), limit, order } = query
      const found = Array.from({ length: size }, (_, i) => BigInt(i)).filter(
        (index) => index % BigInt(term.value) === 0n && index >= from && index < to,
      )
      return (order === 'newest_first' ? found.reverse() : found).slice(0, limit)
    },
  }
}

const steps = (...numbers: readonly number[]): readonly Term[] =>
  numbers.map((number) => ({ kind: 'study', value: String(number) }))
const collect = (query: Parameters<typeof findEntries>[0], records = stepped(9000)): Promise<bigint[]> =>
  Array.fromAsync(findEntries(query, records))
const multiples = (of: number, from: number, to: number): bigint[] =>
  Array.from({ length: to }, (_, i) => BigInt(i)).filter((index) => index % BigInt(of) === 0n && index >= from)

describe('entries of a log', () => {
  it('are found by all of several terms, page by page, in both orders', async () => {
    for (const [terms, of] of [
      [steps(3), 3],
      [steps(3, 5), 15],
      [steps(5, 3), 15],
      [steps(2, 3, 5), 30],
      [steps(7, 1), 7],
    ] as const) {
      const expected = multiples(of, 0, 9000)
      assert.deepEqual(await collect({ terms, from: 0n, to: 9000n }), expected)
      assert.deepEqual(await collect({ terms, from: 0n, to: 9000n, order: 'newest_first' }), expected.toReversed())
    }
  })

  it('are found within a range', async () => {
    assert.deepEqual(await collect({ terms: steps(3, 5), from: 31n, to: 61n }), [45n, 60n])
    assert.deepEqual(await collect({ terms: steps(3), from: 5n, to: 5n }), [])
    assert.deepEqual(await collect({ terms: [], from: 3n, to: 6n }), [3n, 4n, 5n])
    assert.deepEqual(await collect({ terms: [], from: 3n, to: 6n, order: 'newest_first' }), [5n, 4n, 3n])
  })

  it('are asked for no further than somebody listens', async () => {
    const records = stepped(9000)
    for await (const index of findEntries({ terms: steps(1), from: 0n, to: 9000n }, records)) if (index === 3n) break
    assert.equal(records.asked.length, 1)
  })

  it('are not found by terms where there are no statements', async () => {
    assert.deepEqual(await Array.fromAsync(findEntries({ terms: steps(1), from: 0n, to: 9n }, undefined)), [])
  })
})

describe('an entry of a log', () => {
  const site = new MemorySite()
  let view: LogView
  let seal: Seal
  const { records } = site.ports
  before(async () => {
    seal = await makeToySeal({ uid: '2.25.502' })
    await site.fill(async (log) => {
      await log.recorder.recordSeal(await makeToySeal({ uid: '2.25.501' }))
      await log.recorder.record(toyEvent('forwarded'))
      await log.recorder.recordSeal(seal)
      await log.erase(2n, { erasedBy: { id: 'u1', name: 'U' }, legalBasis: 'law' })
      await log.erase(1n, { erasedBy: { id: 'u1', name: 'U' }, legalBasis: 'law' })
    })
    view = await site.view()
  })

  it('is read with its statement, or without one', async () => {
    const source = { view, records, crypto }
    const present = await readLogEntry(0n, source)
    assert.equal(present.statement.state === 'present' && present.statement.event.type, 'acquired')
    assert.equal(present.statement.state === 'present' && present.statement.isSigned, true)
    const tombstone = await readLogEntry(BigInt(site.state.entries.length - 1), source)
    assert.equal(tombstone.statement.state === 'present' && tombstone.statement.isSigned, true)
    // Whoever sees another signature is told, and not refused.
    const unsigned = { ...source, crypto: { ...crypto, verifyMessage: () => false } }
    const other = await readLogEntry(0n, unsigned)
    assert.equal(other.statement.state === 'present' && other.statement.isSigned, false)
    assert.deepEqual((await readLogEntry(2n, source)).statement, { state: 'erased' })
    assert.deepEqual((await readLogEntry(0n, { ...source, records: undefined })).statement, { state: 'absent' })
  })

  it('is refused if it is not there, or its statement is another one or none', async () => {
    const code = (expected: string) => (error: unknown) =>
      (error instanceof StoreError || error instanceof FormatError) && error.code === expected
    await assert.rejects(readLogEntry(view.size, { view, records, crypto }), code('entry_missing'))
    await assert.rejects(readLogEntry(-1n, { view, records, crypto }), code('entry_missing'))
    const other = { payload: async () => Uint8Array.of(0x7b, 0x7d) }
    await assert.rejects(readLogEntry(0n, { view, records: other, crypto }), code('log_corrupted'))
  })

  it('is found by its seal, also where the statement was erased', async () => {
    const found = await findSealEntry(leafOfSeal(seal, crypto), { view, records, crypto })
    assert.equal(found?.index, 2n)
    const unknown = leafOfSeal(await makeToySeal({ uid: '2.25.503' }), crypto)
    assert.equal(await findSealEntry(unknown, { view, records, crypto }), undefined)
  })

  it('is not found by a seal with another signature', async () => {
    const leaf = { ...leafOfSeal(seal, crypto), signature: new Uint8Array(64) }
    assert.equal(await findSealEntry(leaf, { view, records, crypto }), undefined)
  })

  it('is proven in a file, with the leaf unless a seal says it', async () => {
    const entry = await view.prove(0n)
    const sealed = parseTlogProof(formatProof(entry, view, true))
    assert.equal(sealed.extra, undefined)
    assert.deepEqual([sealed.index, sealed.hashes, sealed.checkpoint], [0n, entry.proof, view.checkpoint.note])
    assert.deepEqual(parseTlogProof(formatProof(entry, view, false)).extra, entry.leaf)
  })
})
