import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ByteSource, memorySource } from '../../bytes/source.ts'
import { concatBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { uint32 } from '../../testing/spelled-by-hand.ts'
import { deflateDataSet, inflateDataSet, isGzipTrailer } from './inflate.ts'

const LIMIT = 2 ** 24
const formatError = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

/** Bytes that do not compress to nothing. */
const noise = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 24) & 0x1f)

/** A source that gives its chunks in pieces of this size, in one buffer that is used again. */
function inPieces(bytes: Uint8Array, size: number): ByteSource {
  const { view, length } = memorySource(bytes)
  return {
    length,
    isInMemory: false,
    view,
    *chunks(start, end) {
      const buffer = new Uint8Array(size)
      for (let at = start; at < end; at += size) {
        const piece = view(at, Math.min(end, at + size))
        buffer.set(piece)
        yield buffer.subarray(0, piece.length)
      }
    },
  }
}

describe('deflate and inflate', () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 1_000_000]) {
    it(`give ${length} bytes back`, () => {
      const bytes = noise(length)
      const stream = deflateDataSet([bytes.subarray(0, length >> 1), bytes.subarray(length >> 1)])
      assert.equal(stream.length % 2, 0)
      const read = inflateDataSet(memorySource(concatBytes(Uint8Array.of(9, 9), stream)), 2, LIMIT)
      assert.deepEqual(read.bytes, bytes)
      assert.ok(stream.length + 2 - read.end <= 1)
    })
  }

  it('take the stream in pieces of any size', () => {
    const bytes = noise(100_000)
    const stream = deflateDataSet([bytes])
    for (const size of [1, 7, 4096]) {
      const read = inflateDataSet(inPieces(stream, size), 0, LIMIT)
      assert.deepEqual(read.bytes, bytes)
      assert.ok(stream.length - read.end <= 1)
    }
  })
})

describe('inflate', () => {
  it('reads what others wrote, and tells where it ended', () => {
    // RFC 1951 section 3.2.6: the byte 61 with fixed codes, and the end of the block.
    const stream = Uint8Array.of(0x4b, 0x04, 0x00)
    const { bytes, end } = inflateDataSet(memorySource(concatBytes(stream, Uint8Array.of(1, 2, 3))), 0, LIMIT)
    assert.deepEqual([[...bytes], end], [[0x61], 3])
  })

  it('refuses a stream that ends early, at any place', () => {
    const stream = deflateDataSet([noise(300)])
    const { end } = inflateDataSet(memorySource(stream), 0, LIMIT)
    for (let length = 0; length < end; length++) {
      assert.throws(
        () => inflateDataSet(memorySource(stream.subarray(0, length)), 0, LIMIT),
        formatError('dicom_truncated'),
      )
    }
  })

  it('refuses damage', () => {
    // A block of the reserved type, lengths that disagree, a distance before the start.
    for (const stream of [[0x07], [0x01, 1, 0, 0, 0, 5], [0x03, 0x02, 0x00]]) {
      assert.throws(
        () => inflateDataSet(memorySource(Uint8Array.from(stream)), 0, LIMIT),
        formatError('dicom_truncated'),
      )
    }
  })

  it('stops at the limit', () => {
    for (const length of [1, 70_000, 200_000]) {
      const stream = memorySource(deflateDataSet([new Uint8Array(length)]))
      assert.equal(inflateDataSet(stream, 0, length).bytes.length, length)
      assert.throws(() => inflateDataSet(stream, 0, length - 1), formatError('dicom_limit_exceeded'))
    }
  })
})

describe('the trailer of gzip', () => {
  it('is the checksum and the length', () => {
    // RFC 1952 section 8; the checksum of "123456789" is the known check value of this code.
    const bytes = Uint8Array.from('123456789', (digit) => digit.charCodeAt(0))
    assert.equal(isGzipTrailer(concatBytes(uint32(0xcbf43926), uint32(9)), bytes), true)
    assert.equal(isGzipTrailer(concatBytes(uint32(0xcbf43926), uint32(8)), bytes), false)
    assert.equal(isGzipTrailer(concatBytes(uint32(0xcbf43927), uint32(9)), bytes), false)
    assert.equal(isGzipTrailer(uint32(0xcbf43926), bytes), false)
  })
})
