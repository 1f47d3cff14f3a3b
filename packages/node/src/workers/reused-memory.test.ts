import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ReusedMemory } from './reused-memory.ts'

describe('reused memory', () => {
  it('gives what was given back to the next user, as long as that one needs', () => {
    const memory = new ReusedMemory()
    const first = lendOnce(memory, 1_000)
    const second = lendOnce(memory, 400)
    assert.equal(second.buffer, first.buffer)
    assert.equal(second.length, 400)
    assert.equal(lendOnce(memory, 1_001).length, 1_001)
  })

  it('lends to one user at a time', () => {
    const memory = new ReusedMemory()
    lendOnce(memory, 100)
    using one = memory.lend()
    using other = memory.lend()
    assert.notEqual(one.room(100).buffer, other.room(100).buffer)
  })

  it('keeps nothing that is very large', () => {
    const memory = new ReusedMemory()
    const large = lendOnce(memory, 33 * 2 ** 20)
    assert.notEqual(lendOnce(memory, 100).buffer, large.buffer)
  })
})

function lendOnce(memory: ReusedMemory, bytes: number): Uint8Array {
  using lent = memory.lend()
  return lent.room(bytes)
}
