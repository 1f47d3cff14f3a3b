/**
 * Log clock: the time that a log puts under its checkpoints. It never goes back.
 *
 * A clock that lags a little behind the newest checkpoint is held there; one that lags by more is told of, since every
 * time that the log would state from then on would be wrong.
 */
import { StoreError } from '@fiducial/core/errors.ts'

/** Clocks are corrected by this much without anybody being wrong. */
const TOLERANCE_SECONDS = 300n

export class LogClock {
  readonly #now: () => Date
  #last: bigint

  /** @param last  POSIX time of the newest checkpoint, in seconds; 0 for a new log */
  constructor(now: () => Date, last: bigint) {
    this.#now = now
    this.#last = last
  }

  /** POSIX time in seconds; no less than all times before. */
  seconds(): bigint {
    const now = this.#read()
    if (now > this.#last) this.#last = now
    return this.#last
  }

  /** @throws {StoreError} `clock_went_back` */
  check(): void {
    const behind = this.#last - this.#read()
    if (behind <= TOLERANCE_SECONDS) return
    throw new StoreError('clock_went_back', `the clock is ${behind} seconds behind the newest checkpoint`)
  }

  #read(): bigint {
    return BigInt(Math.floor(this.#now().getTime() / 1000))
  }
}
