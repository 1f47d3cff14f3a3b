import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Backoff, nextWaitMs, waitsUntilGivenUp } from './backoff.ts'

const plain: Backoff = { firstMs: 100, longestMs: 1_000, jitter: 0, attemptsLimit: null, giveUpAfterMs: null }
const wait = (backoff: Backoff, count: number, chance = 0, sinceMs = 0) =>
  nextWaitMs(backoff, { count, sinceMs }, chance)

describe('back-off', () => {
  it('doubles the wait with each failure, up to the longest', () => {
    const waits = [1, 2, 3, 4, 5, 6, 1_000_000].map((count) => wait(plain, count))
    assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000, 1_000])
  })

  it('shortens a wait by no more than the share that is left to chance', () => {
    const jittered = { ...plain, jitter: 0.5 }
    assert.equal(wait(jittered, 1, 0), 100)
    assert.equal(wait(jittered, 1, 0.5), 75)
    for (let i = 0; i < 100; i++) assert.ok((wait(jittered, 4, i / 100) as number) > 400)
  })

  it('gives up after so many failures', () => {
    const limited = { ...plain, attemptsLimit: 3 }
    assert.deepEqual(
      [1, 2, 3, 4].map((count) => wait(limited, count)),
      [100, 200, null, null],
    )
  })

  it('tells all waits until it is given up, or as many as are wanted', () => {
    assert.deepEqual(waitsUntilGivenUp({ ...plain, attemptsLimit: 4 }, 0, 1_000), [100, 200, 400])
    assert.deepEqual(waitsUntilGivenUp({ ...plain, attemptsLimit: 1 }, 0, 1_000), [])
    assert.deepEqual(waitsUntilGivenUp(plain, 0, 2), [100, 200])
  })

  it('gives up after so long', () => {
    const limited = { ...plain, giveUpAfterMs: 5_000 }
    assert.equal(wait(limited, 1, 0, 4_999), 100)
    assert.equal(wait(limited, 1, 0, 5_000), null)
  })
})
