/** Gateway time: a clock that tests move, and pauses that end when it has moved far enough. */
import { setImmediate } from 'node:timers/promises'

interface Waiting {
  readonly at: number
  readonly end: () => void
}

/** Rounds of the event loop that work without waiting gets before the clock moves on. */
const ROUNDS = 4
const STEP_MS = 50

export class GatewayTime {
  #ms: number
  readonly #waiting = new Set<Waiting>()

  constructor(start = new Date('2026-03-03T10:14:00Z')) {
    this.#ms = start.getTime()
  }

  readonly now = (): Date => new Date(this.#ms)

  readonly pause = (ms: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const waiting: Waiting = {
        at: this.#ms + ms,
        end: () => {
          this.#waiting.delete(waiting)
          signal.removeEventListener('abort', waiting.end)
          resolve()
        },
      }
      this.#waiting.add(waiting)
      signal.addEventListener('abort', waiting.end, { once: true })
    })
  }

  readonly deadline = (ms: number): AbortSignal => {
    const controller = new AbortController()
    const waiting: Waiting = {
      at: this.#ms + ms,
      end: () => {
        this.#waiting.delete(waiting)
        controller.abort()
      },
    }
    this.#waiting.add(waiting)
    return controller.signal
  }

  advance(ms: number): void {
    this.#ms += ms
    for (const waiting of [...this.#waiting]) if (waiting.at <= this.#ms) waiting.end()
  }

  /** Lets work go on, and the clock with it, until something is so. @throws {Error} where it is not so in an hour */
  async until(isSo: () => boolean | Promise<boolean>, limitMs = 3_600_000): Promise<void> {
    const end = this.#ms + limitMs
    for (let stepMs = STEP_MS; ; stepMs = Math.min(stepMs * 1.05, 10_000)) {
      for (let i = 0; i < ROUNDS; i++) await setImmediate()
      if (await isSo()) return
      if (this.#ms > end) throw new Error('it never came to that')
      this.advance(stepMs)
    }
  }
}
