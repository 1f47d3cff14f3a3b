/**
 * Senders first: what looks at images lets those that are coming in go first, for a while.
 *
 * A sender waits for each of its answers, and nobody yet for a verdict; both want the same processors. Work that is at it
 * goes on: only the first step after a rest waits, until nothing more comes, or for a bounded time. A stream that does not
 * end is looked at as it comes, but for that time.
 */
import type { Pause } from './loop.ts'

export interface SendersFirstOptions {
  /** Whether anything is coming in right now. */
  readonly isReceiving: () => boolean
  /** Whether somebody waits for a verdict: then nothing is put off. */
  readonly isAwaited?: () => boolean
  readonly pause: Pause
  /** 0 for no waiting at all. */
  readonly longestMs: number
}

const STEP_MS = 10

export class SendersFirst {
  readonly #options: SendersFirstOptions
  #count = 0

  constructor(options: SendersFirstOptions) {
    this.#options = options
  }

  /** Says that an image has come in. */
  came(): void {
    this.#count++
  }

  /** Resolves once nothing came in for a moment, or enough time has passed. */
  async wait(signal: AbortSignal): Promise<void> {
    const { isReceiving, isAwaited, pause, longestMs } = this.#options
    let calmMs = 0
    for (let waitedMs = 0; waitedMs < longestMs && !signal.aborted; waitedMs += STEP_MS) {
      if (isAwaited?.() === true) return
      const before = this.#count
      await pause(STEP_MS, signal)
      calmMs = isReceiving() || this.#count !== before ? 0 : calmMs + STEP_MS
      if (calmMs >= calmAfter(waitedMs + STEP_MS - calmMs)) return
    }
  }
}

/** How long nothing comes in after a burst that took so long: one request follows another, but not at once. */
function calmAfter(burstMs: number): number {
  return burstMs === 0 ? STEP_MS : Math.min(100, Math.max(30, burstMs / 4))
}
