/**
 * Nightly: sweeps once a day, as long as a process runs, and tells how the last one went and when the next one is.
 *
 * A sweep that fails is tried again the next day; one that takes longer than a day is not begun a second time.
 */
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { nextTime, type TimeOfDay } from './hours.ts'
import type { AuditSummary } from './report.ts'

export interface NightlyOptions {
  readonly at: TimeOfDay
  /** One sweep. */
  readonly run: (signal: AbortSignal) => Promise<AuditSummary>
  readonly now: () => Date
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** Told after each sweep. */
  readonly onRun?: (last: NightlyRun) => void
}

/** How a sweep went. */
export interface NightlyRun {
  readonly startedAt: Date
  readonly endedAt: Date
  /** Code of the error that ended it; null where it came to an end. */
  readonly error: string | null
  readonly summary: AuditSummary | null
}

export interface NightlyStatus {
  readonly isRunning: boolean
  /** Null before the first one. */
  readonly last: NightlyRun | null
  /** Null once it was stopped. */
  readonly nextAt: Date | null
}

/** Waits are cut into pieces, so that a clock that is put right is seen. */
const LONGEST_PAUSE_MS = 60_000

/** @throws what is no failure of the surroundings */
function codeOf(cause: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'interrupted'
  if (cause instanceof StoreError || cause instanceof FormatError || cause instanceof KeyError) return cause.code
  throw cause
}

export class Nightly {
  readonly #options: NightlyOptions
  #last: NightlyRun | null = null
  #nextAt: Date | null
  #running: Promise<NightlyRun> | undefined

  constructor(options: NightlyOptions) {
    this.#options = options
    this.#nextAt = nextTime(options.at, options.now())
  }

  get status(): NightlyStatus {
    return { isRunning: this.#running !== undefined, last: this.#last, nextAt: this.#nextAt }
  }

  /** Sweeps each day until the signal is set off. @throws what is no failure of the surroundings */
  async start(signal: AbortSignal): Promise<void> {
    const { at, now, pause } = this.#options
    while (!signal.aborted) {
      const next = this.#nextAt ?? nextTime(at, now())
      this.#nextAt = next
      const waitMs = next.getTime() - now().getTime()
      if (waitMs > 0) {
        await pause(Math.min(waitMs, LONGEST_PAUSE_MS), signal)
        continue
      }
      this.#nextAt = nextTime(at, now())
      await this.runNow(signal)
      // What came due meanwhile is this one.
      this.#nextAt = nextTime(at, now())
    }
    this.#nextAt = null
  }

  /** Sweeps at once; whoever asks while one is under way gets that one. */
  runNow(signal: AbortSignal): Promise<NightlyRun> {
    this.#running ??= this.#run(signal).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #run(signal: AbortSignal): Promise<NightlyRun> {
    const { run, now, onRun } = this.#options
    const startedAt = now()
    let [summary, error]: [AuditSummary | null, string | null] = [null, null]
    try {
      summary = await run(signal)
    } catch (cause) {
      error = codeOf(cause, signal)
    }
    this.#last = { startedAt, endedAt: now(), error, summary }
    onRun?.(this.#last)
    return this.#last
  }
}
