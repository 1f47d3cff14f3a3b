import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { Nightly, type NightlyOptions, type NightlyRun } from './nightly.ts'
import type { AuditSummary } from './report.ts'

const HOUR_MS = 3_600_000
const SUMMARY = { policy: 'acquisition' } as AuditSummary

/** Nights of a clock that goes on only by waiting. */
class Nights {
  ms = new Date(2026, 4, 1, 12).getTime()
  readonly controller = new AbortController()
  readonly runs: NightlyRun[] = []
  readonly began: number[] = []
  readonly nightly: Nightly

  /** @param nights  after so many it is stopped */
  constructor(run: NightlyOptions['run'], nights: number) {
    this.nightly = new Nightly({
      at: { hour: 2, minute: 0 },
      run: (signal) => {
        this.began.push(this.ms)
        return run(signal)
      },
      now: () => new Date(this.ms),
      pause: async (ms) => {
        this.ms += ms
      },
      onRun: (one) => {
        this.runs.push(one)
        if (this.runs.length === nights) this.controller.abort()
      },
    })
  }

  run(): Promise<void> {
    return this.nightly.start(this.controller.signal)
  }
}

describe('Nightly', () => {
  it('sweeps each day at its time, and says when it does next', async () => {
    const nights = new Nights(async () => SUMMARY, 3)
    assert.deepEqual(nights.nightly.status, { isRunning: false, last: null, nextAt: new Date(2026, 4, 2, 2) })
    await nights.run()
    assert.deepEqual(
      nights.began.map((ms) => new Date(ms)),
      [2, 3, 4].map((day) => new Date(2026, 4, day, 2)),
    )
    assert.equal(nights.runs.at(-1)?.summary, SUMMARY)
    assert.equal(nights.nightly.status.nextAt, null)
  })

  it('goes on the next day where a sweep fails', async () => {
    let count = 0
    const nights = new Nights(async () => {
      if (++count === 1) throw new StoreError('service_unreachable', 'the archive is away')
      return SUMMARY
    }, 2)
    await nights.run()
    assert.deepEqual(
      nights.runs.map(({ error }) => error),
      ['service_unreachable', null],
    )
  })

  it('does not begin twice where one takes longer than a day', async () => {
    const nights = new Nights(async () => {
      nights.ms += 30 * HOUR_MS
      return SUMMARY
    }, 2)
    await nights.run()
    assert.deepEqual(
      nights.began.map((ms) => new Date(ms)),
      [new Date(2026, 4, 2, 2), new Date(2026, 4, 4, 2)],
    )
  })

  it('gives whoever asks meanwhile the sweep that is under way', async () => {
    const gate = Promise.withResolvers<AuditSummary>()
    const nights = new Nights(() => gate.promise, 9)
    const { signal } = new AbortController()
    const [first, second] = [nights.nightly.runNow(signal), nights.nightly.runNow(signal)]
    assert.equal(nights.nightly.status.isRunning, true)
    gate.resolve(SUMMARY)
    assert.equal(await first, await second)
    assert.deepEqual([nights.began.length, nights.nightly.status.isRunning], [1, false])
  })

  it('lets a mistake of ours out', async () => {
    const nights = new Nights(async () => {
      throw new RangeError('ours')
    }, 9)
    await assert.rejects(nights.run(), { message: 'ours' })
  })
})
