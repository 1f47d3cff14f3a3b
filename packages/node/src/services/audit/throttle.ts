/**
 * Throttle: how fast, and between which hours, a sweep may read from an archive that others work with.
 */
import type { HourWindow } from './hours.ts'
import { msUntilOpen } from './hours.ts'

export interface ThrottleLimits {
  readonly instancesPerSecond?: number
  readonly bytesPerSecond?: number
  /** When it may read; always, unless it is given. */
  readonly hours?: HourWindow
}

export interface ThrottleMeans {
  /** Milliseconds of a clock that never goes back. */
  readonly elapsedMs: () => number
  readonly now: () => Date
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Waits are cut into pieces, so that a clock that is put right is seen. */
const LONGEST_PAUSE_MS = 60_000

export class Throttle {
  readonly #limits: ThrottleLimits
  readonly #means: ThrottleMeans
  /** Before that, no other instance. */
  #freeAtMs = Number.NEGATIVE_INFINITY

  constructor(limits: ThrottleLimits, means: ThrottleMeans) {
    this.#limits = limits
    this.#means = means
  }

  /** Resolves when one more instance may be read, or at once when the signal is set off. */
  async admit(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = this.#waitMs()
      if (waitMs <= 0 || signal.aborted) break
      await this.#means.pause(Math.min(waitMs, LONGEST_PAUSE_MS), signal)
    }
    const { instancesPerSecond } = this.#limits
    if (instancesPerSecond !== undefined) this.#charge(1000 / instancesPerSecond)
  }

  /** So many bytes were read: the next instance waits for them. */
  read(bytes: number): void {
    const { bytesPerSecond } = this.#limits
    if (bytesPerSecond !== undefined) this.#charge((1000 * bytes) / bytesPerSecond)
  }

  #charge(ms: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#means.elapsedMs()) + ms
  }

  #waitMs(): number {
    const { hours } = this.#limits
    const closedMs = hours === undefined ? 0 : msUntilOpen(hours, this.#means.now())
    return Math.max(closedMs, this.#freeAtMs - this.#means.elapsedMs())
  }
}
