import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { letPass, openStay } from './stay.ts'

const HOUR_MS = 3_600_000

describe('Staying', () => {
  it('is over when somebody stops it', async () => {
    const stop = new AbortController()
    using stay = openStay({}, { interruption: stop.signal })
    assert.equal(stay.signal.aborted, false)
    stop.abort()
    await stay.over
    assert.equal(stay.signal.aborted, true)
  })

  it('is over at once where it was stopped before', async () => {
    using stay = openStay({ for: 3_600 }, { interruption: AbortSignal.abort() })
    await stay.over
    assert.equal(stay.signal.aborted, true)
  })

  it('is over after its time', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    using stay = openStay({ for: 3_600 }, { interruption: new AbortController().signal })
    t.mock.timers.tick(HOUR_MS - 1)
    assert.equal(stay.signal.aborted, false)
    t.mock.timers.tick(1)
    await stay.over
    assert.equal(stay.signal.aborted, true)
  })

  it('forgets its time at its end', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const stay = openStay({ for: 1 }, { interruption: new AbortController().signal })
    stay[Symbol.dispose]()
    t.mock.timers.tick(HOUR_MS)
    assert.equal(stay.signal.aborted, false)
  })
})

describe('Letting time pass', () => {
  it('ends early at the signal, and at once after it', async () => {
    const stop = new AbortController()
    const passing = letPass(HOUR_MS, stop.signal)
    stop.abort()
    await passing
    await letPass(HOUR_MS, stop.signal)
  })
})
