import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { decodeLeaves, encodeLeaves } from './leaves.ts'

const corrupted = (error: unknown): boolean => error instanceof StoreError && error.code === 'log_corrupted'

/** Numbers that are the same in each run: xorshift32. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

describe('leaves of a batch', () => {
  it('come back as they were', () => {
    const next = numbers(1)
    for (let count = 1; count < 60; count++) {
      const leaves = Array.from({ length: count }, () => new Uint8Array(next(300)).fill(next(256)))
      assert.deepEqual(decodeLeaves(encodeLeaves(leaves), count), leaves)
    }
    const longest = [new Uint8Array(65_535).fill(7), Uint8Array.of(1)]
    assert.deepEqual(decodeLeaves(encodeLeaves(longest), 2), longest)
  })

  it('have two bytes of length, the higher first', () => {
    assert.equal(
      encodeLeaves([new Uint8Array(258).fill(1)])
        .subarray(0, 3)
        .toString('hex'),
      '010201',
    )
  })

  it('are refused where the count is another', () => {
    const bytes = encodeLeaves([Uint8Array.of(1), Uint8Array.of(2, 3)])
    for (const count of [0, 1, 3, 1_000]) assert.throws(() => decodeLeaves(bytes, count), corrupted)
  })

  it('are refused with fewer bytes or more', () => {
    const bytes = encodeLeaves([Uint8Array.of(1), Uint8Array.of(2, 3), Uint8Array.of(4)])
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeLeaves(bytes.subarray(0, length), 3), corrupted)
    }
    assert.throws(() => decodeLeaves(Uint8Array.of(...bytes, 0), 3), corrupted)
    assert.throws(() => decodeLeaves(Uint8Array.of(...bytes, 0, 0), 3), corrupted)
  })

  it('are read or refused, whatever the bytes are', () => {
    const next = numbers(2)
    for (let round = 0; round < 2_000; round++) {
      const bytes = Uint8Array.from({ length: next(40) }, () => (next(3) === 0 ? next(256) : 0))
      const count = next(8)
      try {
        assert.deepEqual(new Uint8Array(encodeLeaves(decodeLeaves(bytes, count))), bytes)
      } catch (error) {
        assert.ok(corrupted(error), String(error))
      }
    }
  })
})
