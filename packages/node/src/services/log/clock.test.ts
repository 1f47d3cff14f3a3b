import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { LogClock } from './clock.ts'

const wentBack = (error: unknown): boolean => error instanceof StoreError && error.code === 'clock_went_back'

/** A clock that is set by hand, in seconds. */
function clockAt(seconds: number, last = 0n): { readonly clock: LogClock; set(seconds: number): void } {
  let now = seconds
  return {
    clock: new LogClock(() => new Date(now * 1000), last),
    set(next) {
      now = next
    },
  }
}

describe('LogClock', () => {
  it('says whole seconds, rounded down', () => {
    assert.equal(clockAt(1000.999).clock.seconds(), 1000n)
    assert.equal(clockAt(1000).clock.seconds(), 1000n)
  })

  it('goes on with the clock of the machine', () => {
    const { clock, set } = clockAt(1000)
    assert.equal(clock.seconds(), 1000n)
    set(1001)
    assert.equal(clock.seconds(), 1001n)
    set(900_000_000_000)
    assert.equal(clock.seconds(), 900_000_000_000n)
  })

  it('never goes back, however far the machine does', () => {
    const { clock, set } = clockAt(1000)
    clock.seconds()
    for (const seconds of [999, 500, 0]) {
      set(seconds)
      assert.equal(clock.seconds(), 1000n)
    }
    set(1000.5)
    assert.equal(clock.seconds(), 1000n)
    set(1002)
    assert.equal(clock.seconds(), 1002n)
  })

  it('begins no earlier than the newest checkpoint', () => {
    assert.equal(clockAt(1000, 1200n).clock.seconds(), 1200n)
    assert.equal(clockAt(1000, 800n).clock.seconds(), 1000n)
  })

  it('says nothing of a machine that lags by five minutes, and tells of one that lags by a second more', () => {
    const { clock, set } = clockAt(700, 1000n)
    clock.check()
    set(699.999)
    assert.throws(() => clock.check(), wentBack)
    set(700)
    clock.check()
    set(0)
    assert.throws(() => clock.check(), wentBack)
  })

  it('measures the lag from the newest time that it gave out', () => {
    const { clock, set } = clockAt(1000)
    set(2000)
    clock.seconds()
    set(1699)
    assert.throws(() => clock.check(), wentBack)
    set(1700)
    clock.check()
  })

  it('does not take the time of a check for one that was given out', () => {
    const { clock, set } = clockAt(5000, 100n)
    clock.check()
    set(100)
    clock.check()
    assert.equal(clock.seconds(), 100n)
  })
})
