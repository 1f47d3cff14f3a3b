/**
 * Site sweeps: the sweeps that a running gateway makes of the archive behind it: each night, and when somebody asks.
 *
 * A gateway without a time for them still sweeps when it is asked. What a sweep is stands in audit-once.ts.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { TimeOfDay } from './hours.ts'
import { Nightly, type NightlyRun } from './nightly.ts'
import type { AuditSummary } from './report.ts'

export interface SiteSweepsOptions {
  /** For people; no credentials. */
  readonly target: string
  readonly at: TimeOfDay | null
  readonly run: (signal: AbortSignal) => Promise<AuditSummary>
  readonly now: () => Date
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** Told after each sweep. */
  readonly onRun: (last: NightlyRun) => void
  /** Told of a defect, which ends the nightly sweeps. */
  readonly onDefect: (error: unknown) => void
}

export interface SiteSweepsStatus {
  readonly target: string
  readonly isRunning: boolean
  readonly last: NightlyRun | null
  /** Null where it is swept only when somebody asks. */
  readonly nextAt: Date | null
}

/** A time for those that have none: it is never waited for. */
const NO_TIME: TimeOfDay = { hour: 0, minute: 0 }

export class SiteSweeps {
  readonly #options: SiteSweepsOptions
  readonly #nightly: Nightly
  readonly #stopping = new AbortController()
  readonly #ended: Promise<void>
  #asked: Promise<unknown> | undefined

  constructor(options: SiteSweepsOptions) {
    this.#options = options
    const { at, run, now, pause, onRun, onDefect } = options
    this.#nightly = new Nightly({ at: at ?? NO_TIME, run, now, pause, onRun })
    this.#ended = at === null ? Promise.resolve() : this.#nightly.start(this.#stopping.signal).catch(onDefect)
  }

  get status(): SiteSweepsStatus {
    const { target, at } = this.#options
    const { isRunning, last, nextAt } = this.#nightly.status
    return { target, isRunning, last, nextAt: at === null ? null : nextAt }
  }

  /** Begins a sweep. @returns `running` where one is under way @throws {StoreError} `gateway_overloaded` once it is stopped */
  begin(): 'started' | 'running' {
    if (this.#stopping.signal.aborted) throw new StoreError('gateway_overloaded', 'the gateway is ending')
    if (this.#nightly.status.isRunning) return 'running'
    this.#asked = this.#nightly.runNow(this.#stopping.signal).catch(this.#options.onDefect)
    return 'started'
  }

  /** Breaks off what is under way: the next sweep goes on there. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#ended, this.#asked])
  }
}
