import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { takeTurns } from './durable.ts'

describe('taking turns', () => {
  it('runs so many steps at a time, in the order in which they came', async () => {
    const turns = takeTurns(2)
    const started: number[] = []
    const ends: (() => void)[] = []
    const steps = [0, 1, 2, 3, 4].map((i) =>
      turns(() => {
        started.push(i)
        return new Promise((resolve) => ends.push(resolve))
      }),
    )
    assert.deepEqual(started, [0, 1])
    for (let i = 0; i < steps.length; i++) {
      ends[i]?.()
      await steps[i]
      await Promise.resolve()
      assert.deepEqual(started, [0, 1, 2, 3, 4].slice(0, i + 3))
    }
    await Promise.all(steps)
  })

  it('goes on after a step that failed, and lets its error out', async () => {
    const turns = takeTurns(1)
    const failing = turns(() => Promise.reject(new RangeError('no')))
    let hasRun = false
    const next = turns(async () => {
      hasRun = true
    })
    await assert.rejects(failing, RangeError)
    await next
    assert.equal(hasRun, true)
    await turns(async () => undefined)
  })
})
