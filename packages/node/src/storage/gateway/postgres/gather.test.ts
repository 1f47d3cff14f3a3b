import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Gather } from './gather.ts'

describe('what is done together', () => {
  it('waits while a round is under way, and is the next one', async () => {
    const rounds: (readonly number[])[] = []
    const gather = new Gather<number, number>(async (items) => {
      rounds.push(items)
      await new Promise((resolve) => setImmediate(resolve))
      return items.map((item) => item * 2)
    }, 3)
    const first = [1, 2].map((item) => gather.add(`${item}`, item))
    await Promise.resolve()
    const later = [3, 4, 5, 6].map((item) => gather.add(`${item}`, item))
    assert.deepEqual(await Promise.all([...first, ...later]), [2, 4, 6, 8, 10, 12])
    assert.deepEqual(rounds, [[1, 2], [3, 4, 5], [6]])
  })

  it('never has two of one name in a round, and keeps their order', async () => {
    const rounds: (readonly string[])[] = []
    const gather = new Gather<string, void>(async (items) => {
      rounds.push(items)
      return items.map(() => undefined)
    }, 10)
    await Promise.all(['a1', 'b1', 'a2', 'a3'].map((item) => gather.add(item.charAt(0), item)))
    assert.deepEqual(rounds, [['a1', 'b1'], ['a2'], ['a3']])
  })

  it('fails for all of a round, and goes on', async () => {
    let rounds = 0
    const gather = new Gather<number, number>(async (items) => {
      if (rounds++ === 0) throw new RangeError('as planned')
      return items
    }, 2)
    const results = await Promise.allSettled([1, 2, 3].map((item) => gather.add(`${item}`, item)))
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    )
  })
})
