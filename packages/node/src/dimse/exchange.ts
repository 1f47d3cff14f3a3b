/**
 * Exchange: the answers to one request, in their order, for whoever asked.
 *
 * Answers that nobody has taken yet are few: the connection is paused until they are.
 */
import { STATUS, statusClass } from '@fiducial/core/formats/dimse/status.ts'
import type { Answer } from './service.ts'

const PAUSE_AT = 16
const RESUME_AT = 4

export class Exchange {
  readonly #flow: { pause(): void; resume(): void }
  readonly #waiting: Answer[] = []
  #wake: (() => void) | undefined
  #failure: unknown
  #isPaused = false

  constructor(flow: { pause(): void; resume(): void }) {
    this.#flow = flow
  }

  push(answer: Answer): void {
    this.#waiting.push(answer)
    if (this.#waiting.length >= PAUSE_AT && !this.#isPaused) {
      this.#isPaused = true
      this.#flow.pause()
    }
    this.#wake?.()
  }

  /** Answers that have come are given first. */
  fail(cause: unknown): void {
    this.#failure ??= cause ?? new TypeError('failed without a cause')
    this.#wake?.()
  }

  /** Every answer; the last one is the first that is not pending. @throws what {@link fail} was given */
  async *answers(): AsyncGenerator<Answer> {
    for (;;) {
      const answer = this.#waiting.shift()
      if (answer !== undefined) {
        if (this.#waiting.length <= RESUME_AT) this.#resume()
        yield answer
        if (statusClass(answer.response.status) !== 'pending') return
      } else if (this.#failure !== undefined) throw this.#failure
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    }
  }

  /** Nobody takes answers any more. */
  close(): void {
    this.#waiting.length = 0
    this.#resume()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#flow.resume()
  }
}

/** A C-FIND with optional keys that were not looked at is under way as well. */
export const isPending = (status: number): boolean => status === STATUS.pending || status === STATUS.pendingWithWarning
