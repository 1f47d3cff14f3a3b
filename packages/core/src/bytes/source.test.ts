import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from './source.ts'

describe('memorySource', () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5)
  const source = memorySource(bytes)

  it('gives views without a copy', () => {
    assert.equal(source.length, 6)
    assert.equal(source.isInMemory, true)
    const view = source.view(2, 4)
    assert.deepEqual(view, Uint8Array.of(2, 3))
    assert.equal(view.buffer, bytes.buffer)
    assert.deepEqual(source.view(6, 6), new Uint8Array(0))
  })

  it('gives a range in one piece, and nothing for an empty range', () => {
    assert.deepEqual([...source.chunks(1, 6)], [Uint8Array.of(1, 2, 3, 4, 5)])
    assert.deepEqual([...source.chunks(3, 3)], [])
  })

  it('works over a part of a buffer', () => {
    const part = memorySource(bytes.subarray(2, 5))
    assert.equal(part.length, 3)
    assert.deepEqual(part.view(1, 3), Uint8Array.of(3, 4))
    assert.throws(() => part.view(1, 4), RangeError)
  })

  for (const [start, end] of [
    [-1, 2],
    [0, 7],
    [7, 7],
    [4, 3],
    [-2, -1],
  ] as const) {
    it(`refuses ${start} to ${end}`, () => {
      assert.throws(() => source.view(start, end), RangeError)
      assert.throws(() => [...source.chunks(start, end)], RangeError)
    })
  }
})
