import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { decodeBundle, ENTRY_LIMIT, encodeBundle } from './entry-bundle.ts'

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'tile_malformed'

describe('encodeBundle', () => {
  it('puts each entry behind its big-endian length', () => {
    const bytes = encodeBundle([Uint8Array.of(7), new Uint8Array(0), new Uint8Array(258).fill(9)])
    assert.deepEqual([...bytes.subarray(0, 8)], [0, 1, 7, 0, 0, 1, 2, 9])
    assert.equal(bytes.length, 3 + 2 + 260)
  })

  it('refuses no entry, more than 256, and one that is too long', () => {
    assert.throws(() => encodeBundle([]), RangeError)
    assert.throws(() => encodeBundle(Array.from({ length: 257 }, () => new Uint8Array(1))), RangeError)
    assert.throws(() => encodeBundle([new Uint8Array(ENTRY_LIMIT + 1)]), RangeError)
  })
})

describe('decodeBundle', () => {
  it('gives back any entries, as views', () => {
    const next = seeded(71)
    for (const width of [1, 2, 255, 256]) {
      const entries = Array.from({ length: width }, () => Uint8Array.from({ length: next(50) }, () => next(256)))
      const bytes = encodeBundle(entries)
      const decoded = decodeBundle(bytes, width)
      assert.deepEqual(decoded, entries)
      assert.ok(decoded.every((entry) => entry.buffer === bytes.buffer))
    }
  })

  it('takes an entry of the longest length, and an empty one', () => {
    const entries = [new Uint8Array(ENTRY_LIMIT).fill(1), new Uint8Array(0)]
    assert.deepEqual(decodeBundle(encodeBundle(entries), 2), entries)
  })

  it('refuses fewer entries, more, and a part of one, and says where', () => {
    const bytes = encodeBundle([Uint8Array.of(1, 2), Uint8Array.of(3)])
    const offsetOf = (read: () => unknown): number | undefined => {
      try {
        read()
      } catch (error) {
        assert.ok(isMalformed(error))
        return (error as FormatError).offset
      }
      return assert.fail('was read')
    }
    assert.equal(
      offsetOf(() => decodeBundle(bytes, 1)),
      4,
    )
    assert.equal(
      offsetOf(() => decodeBundle(bytes, 3)),
      7,
    )
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => decodeBundle(bytes.subarray(0, end), 2), isMalformed)
    }
    assert.throws(() => decodeBundle(Uint8Array.of(...bytes, 0), 2), isMalformed)
    assert.throws(() => decodeBundle(Uint8Array.of(0xff, 0xff, 1), 1), isMalformed)
  })

  it('refuses a width that no bundle has', () => {
    for (const width of [0, -1, 257, 1.5]) assert.throws(() => decodeBundle(new Uint8Array(2), width), RangeError)
  })

  it('reads or refuses random bytes, and reads none in a second spelling', () => {
    const next = seeded(72)
    let accepted = 0
    for (let i = 0; i < 5000; i++) {
      const bytes = Uint8Array.from({ length: next(12) }, () => next(3))
      const width = 1 + next(4)
      try {
        assert.deepEqual(encodeBundle(decodeBundle(bytes, width)), bytes)
        accepted++
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
    assert.ok(accepted > 20)
  })
})
