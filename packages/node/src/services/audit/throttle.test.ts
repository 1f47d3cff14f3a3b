import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Throttle, type ThrottleLimits } from './throttle.ts'

/** A throttle over clocks that go on only by its own waiting. */
class Waiting {
  ms = 0
  readonly start: Date
  readonly throttle: Throttle
  readonly signal = new AbortController()

  constructor(limits: ThrottleLimits, start = new Date(2026, 4, 1, 12)) {
    this.start = start
    this.throttle = new Throttle(limits, {
      elapsedMs: () => this.ms,
      now: () => new Date(start.getTime() + this.ms),
      pause: async (ms) => {
        this.ms += ms
      },
    })
  }

  async admit(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) await this.throttle.admit(this.signal.signal)
  }
}

describe('Throttle', () => {
  it('lets everything through without limits', async () => {
    const waiting = new Waiting({})
    await waiting.admit(1000)
    assert.equal(waiting.ms, 0)
  })

  it('keeps to instances a second', async () => {
    const waiting = new Waiting({ instancesPerSecond: 20 })
    await waiting.admit(101)
    assert.equal(waiting.ms, 5000)
  })

  it('keeps to bytes a second', async () => {
    const waiting = new Waiting({ bytesPerSecond: 1_000_000 })
    for (let i = 0; i < 10; i++) {
      await waiting.admit()
      waiting.throttle.read(500_000)
    }
    await waiting.admit()
    assert.equal(waiting.ms, 5000)
  })

  it('makes up for no time in which nothing was asked', async () => {
    const waiting = new Waiting({ instancesPerSecond: 1 })
    await waiting.admit()
    waiting.ms += 60_000
    await waiting.admit(3)
    assert.equal(waiting.ms, 62_000)
  })

  it('waits for its hours, and looks at the clock meanwhile', async () => {
    const hours = { from: { hour: 22, minute: 0 }, to: { hour: 6, minute: 0 } }
    const waiting = new Waiting({ hours })
    await waiting.admit()
    assert.equal(waiting.ms, 10 * 3_600_000)
    await waiting.admit(100)
    assert.equal(waiting.ms, 10 * 3_600_000)
  })

  it('waits no more once the signal is set off', async () => {
    const waiting = new Waiting({ instancesPerSecond: 0.001 })
    waiting.signal.abort()
    await waiting.admit(5)
    assert.equal(waiting.ms, 0)
  })
})
