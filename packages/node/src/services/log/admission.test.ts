import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { Admission, PAYLOAD_LIMIT, TERMS_LIMIT } from './admission.ts'
import type { NewEntry, Term } from './ports.ts'
import type { Receipt } from './receipt.ts'

const hasCode = (code: string) => (error: unknown) =>
  (error instanceof FormatError || error instanceof StoreError) && error.code === code

/** An entry of `leafBytes` and 32 more. */
const entryOf = (leafBytes: number, more: Partial<NewEntry> = {}): NewEntry => ({
  leaf: new Uint8Array(leafBytes).fill(1),
  identity: new Uint8Array(32),
  terms: [],
  ...more,
})
const receiptOf = (index: bigint): Receipt => ({
  index,
  leaf: new Uint8Array(1),
  proof: [],
  checkpoint: '',
  isNew: true,
})
const termOf = (length: number): Term => ({ kind: 'type', value: 'x'.repeat(length) })
const ALL = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const

/** Admits entries whose answers nobody waits for. */
function admitAll(admission: Admission, ...leafBytes: readonly number[]): void {
  for (const bytes of leafBytes) admission.admit(entryOf(bytes)).catch(() => undefined)
}

const sizesOf = (waiting: readonly { readonly entry: NewEntry }[]): readonly number[] =>
  waiting.map(({ entry }) => entry.leaf.length)

describe('Admission', () => {
  it('hands entries out in the order in which they came', () => {
    const admission = new Admission()
    assert.equal(admission.isEmpty, true)
    admitAll(admission, 1, 2, 3, 4, 5)
    assert.deepEqual(sizesOf(admission.take(2, 1e6)), [1, 2])
    admitAll(admission, 6)
    assert.deepEqual(sizesOf(admission.take(...ALL)), [3, 4, 5, 6])
    assert.deepEqual(admission.take(...ALL), [])
    assert.equal(admission.isEmpty, true)
    assert.equal(admission.size, 6, 'they are not answered yet')
  })

  it('hands out no more bytes than asked for, and always one entry', () => {
    const admission = new Admission()
    // Each has 32 bytes of identity more.
    admitAll(admission, 68, 68, 68, 500, 68)
    assert.deepEqual(sizesOf(admission.take(100, 200)), [68, 68], 'to the byte')
    assert.deepEqual(sizesOf(admission.take(100, 199)), [68])
    assert.deepEqual(sizesOf(admission.take(100, 10)), [500], 'larger than a batch, and alone in one')
    assert.deepEqual(sizesOf(admission.take(100, 0)), [68])
    assert.deepEqual(admission.take(100, 0), [])
  })

  it('hands out none where none is asked for', () => {
    const admission = new Admission()
    admitAll(admission, 1)
    assert.deepEqual(admission.take(0, 1e6), [])
    assert.equal(admission.isEmpty, false)
  })

  it('answers each with its own receipt or error, once', async () => {
    const admission = new Admission()
    const receipts = [admission.admit(entryOf(1)), admission.admit(entryOf(2))]
    const [first, second] = admission.take(...ALL)
    first?.resolve(receiptOf(7n))
    first?.reject(new StoreError('log_stopped', ''))
    second?.reject(new StoreError('log_unwritable', ''))
    second?.resolve(receiptOf(8n))
    assert.equal((await receipts[0])?.index, 7n)
    await assert.rejects(receipts[1] as Promise<Receipt>, hasCode('log_unwritable'))
    assert.equal(admission.size, 0)
  })

  it('takes as many entries as its limit, those that are being written included', () => {
    const admission = new Admission({ entries: 3 })
    admitAll(admission, 1, 1)
    const taken = admission.take(...ALL)
    admitAll(admission, 1)
    assert.throws(() => admission.admit(entryOf(1)), hasCode('log_overloaded'))
    taken[0]?.resolve(receiptOf(0n))
    admitAll(admission, 1)
    assert.throws(() => admission.admit(entryOf(1)), hasCode('log_overloaded'))
    assert.equal(admission.size, 3)
  })

  it('takes as many bytes as its limit, to the byte', () => {
    const admission = new Admission({ bytes: 1000 })
    admitAll(admission, 468, 400)
    assert.throws(() => admission.admit(entryOf(37)), hasCode('log_overloaded'))
    admission.admit(entryOf(36)).catch(() => undefined)
    assert.throws(() => admission.admit(entryOf(1)), hasCode('log_overloaded'))
    assert.equal(admission.size, 3)
  })

  it('counts statements and terms, and gives everything back with the answer', () => {
    const admission = new Admission({ bytes: 100 + 32 + 50 + 18 })
    const large = entryOf(100, { payload: new Uint8Array(50), terms: [termOf(10), termOf(8)] })
    for (let round = 0; round < 3; round++) {
      admission.admit(large).catch(() => undefined)
      assert.throws(() => admission.admit(entryOf(1)), hasCode('log_overloaded'))
      const [waiting] = admission.take(...ALL)
      assert.equal(waiting?.bytes, 200)
      // Answers after the first change nothing, and give nothing back twice.
      waiting?.reject(new StoreError('log_unwritable', ''))
      waiting?.reject(new StoreError('log_unwritable', ''))
      waiting?.resolve(receiptOf(0n))
      assert.equal(admission.size, 0)
    }
    assert.throws(() => admission.admit({ ...large, terms: [termOf(10), termOf(9)] }), hasCode('log_overloaded'))
  })

  it('keeps no room for what it did not admit', () => {
    const admission = new Admission({ entries: 2, bytes: 200 })
    const refused: readonly NewEntry[] = [
      entryOf(0),
      entryOf(65_536),
      entryOf(1, { payload: new Uint8Array(PAYLOAD_LIMIT + 1) }),
      entryOf(1, { terms: [termOf(257)] }),
      entryOf(1, { identity: new Uint8Array(33) }),
      entryOf(200),
    ]
    for (let round = 0; round < 10; round++) {
      for (const entry of refused) assert.throws(() => admission.admit(entry))
    }
    assert.equal(admission.size, 0)
    assert.equal(admission.isEmpty, true)
    admitAll(admission, 68, 68)
    assert.equal(admission.size, 2)
  })

  it('refuses entries outside of the limits, and takes those at them', () => {
    const admission = new Admission()
    const refused: readonly (readonly [string, NewEntry])[] = [
      ['entry_malformed', entryOf(0)],
      ['entry_too_large', entryOf(65_536)],
      ['entry_too_large', entryOf(1, { payload: new Uint8Array(PAYLOAD_LIMIT + 1) })],
      ['entry_too_large', entryOf(1, { terms: Array.from({ length: TERMS_LIMIT + 1 }, () => termOf(1)) })],
      ['entry_malformed', entryOf(1, { terms: [termOf(1), termOf(0)] })],
      ['entry_malformed', entryOf(1, { terms: [termOf(257)] })],
    ]
    for (const [code, entry] of refused) assert.throws(() => admission.admit(entry), hasCode(code))
    for (const length of [0, 31, 33]) {
      assert.throws(() => admission.admit(entryOf(1, { identity: new Uint8Array(length) })), RangeError)
    }
    for (const entry of [
      entryOf(1),
      entryOf(65_535),
      entryOf(1, { payload: new Uint8Array(0) }),
      entryOf(1, { payload: new Uint8Array(PAYLOAD_LIMIT) }),
      entryOf(1, { terms: Array.from({ length: TERMS_LIMIT }, () => termOf(256)) }),
    ]) {
      admission.admit(entry).catch(() => undefined)
    }
    assert.equal(admission.size, 5)
  })

  it('names no value of an entry in what it refuses', () => {
    const value = 'Example^Patient'.repeat(20)
    assert.throws(
      () => new Admission().admit(entryOf(1, { terms: [{ kind: 'instance', value }] })),
      (error) => error instanceof FormatError && !error.message.includes('Example'),
    )
  })

  it('rejects all that wait, and none that are being written', async () => {
    const admission = new Admission()
    const written = admission.admit(entryOf(1))
    const [first] = admission.take(1, 1e6)
    const waiting = [admission.admit(entryOf(2)), admission.admit(entryOf(3))]
    admission.rejectAll(new StoreError('log_stopped', ''))
    for (const promise of waiting) await assert.rejects(promise, hasCode('log_stopped'))
    assert.equal(admission.size, 1)
    first?.resolve(receiptOf(0n))
    assert.equal((await written).index, 0n)
    assert.equal(admission.size, 0)
    admission.rejectAll(new StoreError('log_stopped', ''))
  })

  it('keeps a copy: a buffer that its sender fills again changes nothing', () => {
    const admission = new Admission()
    const bytes = new Uint8Array(8).fill(1)
    const terms = [termOf(3)]
    const entry = { leaf: bytes.subarray(0, 4), identity: new Uint8Array(32), payload: bytes.subarray(4), terms }
    admission.admit(entry).catch(() => undefined)
    bytes.fill(9)
    entry.identity.fill(9)
    terms.push(termOf(4))
    const [waiting] = admission.take(...ALL)
    assert.deepEqual(waiting?.entry, {
      leaf: new Uint8Array(4).fill(1),
      identity: new Uint8Array(32),
      payload: new Uint8Array(4).fill(1),
      terms: [termOf(3)],
    })
  })

  it('knows an entry without a statement from one with an empty one', () => {
    const admission = new Admission()
    admission.admit(entryOf(1)).catch(() => undefined)
    admission.admit(entryOf(1, { payload: new Uint8Array(0) })).catch(() => undefined)
    const [without, empty] = admission.take(...ALL)
    assert.equal(without?.entry.payload, undefined)
    assert.equal(empty?.entry.payload?.length, 0)
  })
})
