import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SequencedBatch } from '../../services/log/ports.ts'
import { digestOf, instance, makeBatch, makeEntry, plainBatch, type } from '../../testing/log-contracts/harness.ts'
import {
  BLOCK,
  decodeRecord,
  decodeRecordHeader,
  decodeSegmentHeader,
  encodeRecord,
  encodeSegmentHeader,
  entryPlaces,
  eraseAt,
  isRecordWhole,
  payloadAt,
  recordBound,
  termsAt,
  wholeBlocks,
} from './wal-format.ts'

const SALT = digestOf('salt').subarray(0, 16)

function encode(batch: SequencedBatch, fence = 7n): Buffer {
  const target = Buffer.alloc(recordBound(batch), 0xee)
  const length = encodeRecord(batch, fence, SALT, target)
  assert.ok(length <= target.length)
  return target.subarray(0, length)
}

function decode(record: Buffer): SequencedBatch {
  const header = decodeRecordHeader(record, SALT)
  assert.ok(header !== undefined && header.lengthBytes === record.length && isRecordWhole(record))
  return decodeRecord(record, header)
}

/** The bytes with one of them changed. */
function flip(bytes: Buffer, at: number, mask = 0x01): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ mask
  return copy
}

const BATCHES: Readonly<Record<string, SequencedBatch>> = {
  'one entry': makeBatch(0, 1),
  'many entries': makeBatch(1_000_000, 300, { payload: Buffer.from('statement') }),
  'an empty payload': makeBatch(5, 1, { payload: new Uint8Array(0) }),
  'no terms': makeBatch(5, 2, { terms: [] }),
  'the largest leaf': makeBatch(5, 1, { leafBytes: 65_535 }),
  'terms of any text': makeBatch(5, 1, {
    terms: [
      type('☢\u{1f600}é\0'),
      { kind: 'digest', value: 'f'.repeat(128) },
      { kind: 'person', value: '☢'.repeat(256) },
    ],
  }),
  'an index of 63 bits': { ...makeBatch(0, 1), first: (1n << 63n) - 1n },
}

describe('records of the write-ahead log', () => {
  for (const [what, batch] of Object.entries(BATCHES)) {
    it(`hold ${what}`, () => {
      assert.deepEqual(plainBatch(decode(encode(batch))), plainBatch(batch))
    })
  }

  it('name their place and fence', () => {
    const record = encode(makeBatch(12, 3), 99n)
    const header = decodeRecordHeader(record, SALT)
    assert.deepEqual(header, { lengthBytes: record.length, count: 3, first: 12n, fence: 99n })
  })

  it('are filled up with zeros, whatever lay in the buffer', () => {
    const batch = makeBatch(0, 1)
    const target = Buffer.alloc(recordBound(batch), 0xee)
    const length = encodeRecord(batch, 1n, SALT, target)
    assert.ok(target.subarray(length, wholeBlocks(length)).every((byte) => byte === 0))
  })

  it('show each changed byte', () => {
    const record = encode(makeBatch(3, 2, { payload: Buffer.from('statement') }))
    for (let at = 0; at < record.length; at++) {
      for (const mask of [0x01, 0x80]) {
        const damaged = flip(record, at, mask)
        const isSeen = decodeRecordHeader(damaged, SALT) === undefined || !isRecordWhole(damaged)
        assert.ok(isSeen, `a change at offset ${at}`)
      }
    }
  })

  it('show that they were cut off, at each byte', () => {
    const record = encode(makeBatch(3, 1))
    for (let length = 0; length < record.length; length++) {
      const part = record.subarray(0, length)
      const header = decodeRecordHeader(part, SALT)
      assert.ok(header === undefined || header.lengthBytes !== part.length)
      assert.ok(!isRecordWhole(part))
    }
  })

  it('belong to one segment', () => {
    const record = encode(makeBatch(0, 1))
    assert.equal(decodeRecordHeader(record, digestOf('other').subarray(0, 16)), undefined)
  })

  it('refuse a batch of more than 1 GiB', () => {
    // A payload that claims its length without having the memory.
    const payload = { length: 2 ** 30 } as Uint8Array
    assert.throws(() => recordBound({ ...makeBatch(0, 1), entries: [makeEntry(0, { payload })] }), RangeError)
  })

  it('lose payload and terms of one entry, and no length', () => {
    const batch = makeBatch(0, 3, { payload: Buffer.from('a statement'), terms: [instance(5), type('x'), instance(6)] })
    const record = encode(batch)
    const before = Buffer.from(record)
    const places = [...entryPlaces(record, 3)]
    const middle = places[1]
    assert.ok(middle !== undefined)
    eraseAt(record, middle)
    const [first, erased, last] = [...entryPlaces(record, 3)]
    assert.ok(first !== undefined && erased !== undefined && last !== undefined)
    assert.equal(payloadAt(record, erased), 'erased')
    assert.deepEqual(termsAt(record, erased), [type('x')])
    assert.ok(!record.subarray(erased.payload, erased.end).includes('statement'))
    assert.ok(!record.subarray(erased.payload, erased.end).includes('1.2.3'))
    const { payload: _gone, ...rest } = makeEntry(1, { terms: [type('x')] })
    const [one, , three] = batch.entries
    const expected = { ...batch, entries: [one, rest, three] } as SequencedBatch
    assert.deepEqual(plainBatch(decode(record)), plainBatch(expected))
    assert.equal(record.length, before.length)
    eraseAt(record, erased)
    assert.deepEqual(plainBatch(decode(record)), plainBatch(expected))
  })
})

describe('headers of segments', () => {
  const header = { first: 12n, fence: 3n, salt: SALT }

  it('are read as they were written', () => {
    assert.deepEqual(decodeSegmentHeader(encodeSegmentHeader(header)), { ...header, salt: Uint8Array.from(SALT) })
  })

  it('show each changed byte', () => {
    const block = encodeSegmentHeader(header)
    for (let at = 0; at < BLOCK; at++) assert.equal(decodeSegmentHeader(flip(block, at)), undefined)
  })

  it('are no header when cut off', () => {
    const block = encodeSegmentHeader(header)
    for (let length = 0; length < 72; length++) assert.equal(decodeSegmentHeader(block.subarray(0, length)), undefined)
  })
})
