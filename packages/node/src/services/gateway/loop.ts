/**
 * Loop: does a piece of work again and again: at once while there is any, else when somebody calls, or after a while.
 *
 * A failing piece of work is tried again after a while, and then after a longer one; it ends nothing.
 */
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'

/** Resolves after some time, or at once when the signal is or was aborted. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>

export interface LoopOptions {
  readonly name: string
  /** Does what there is to do. @returns whether there was anything */
  readonly work: (signal: AbortSignal) => Promise<boolean>
  readonly pause: Pause
  /** How long to wait where nobody calls. */
  readonly idleMs: number
  /** How long to wait after a call for more of it: several are done with one step of the store. Default: not at all. */
  readonly gatherMs?: () => number
  readonly onTrouble: (where: string, code: string) => void
}

const FIRST_RETRY_MS = 200
const LONGEST_RETRY_MS = 30_000

/** Runs until it is stopped. */
export class Loop {
  readonly #options: LoopOptions
  readonly #stopping = new AbortController()
  readonly #ended: Promise<void>
  #isCalled = false
  #waiting: AbortController | undefined

  constructor(options: LoopOptions) {
    this.#options = options
    // Not before whoever made it has it.
    this.#ended = Promise.resolve().then(() => this.#run())
  }

  /** Says that there is work. */
  call(): void {
    this.#isCalled = true
    this.#waiting?.abort()
  }

  /** Resolves once the work that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#waiting?.abort()
    await this.#ended
  }

  async #run(): Promise<void> {
    const { name, work, pause, idleMs, gatherMs, onTrouble } = this.#options
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      this.#isCalled = false
      let isBusy = false
      try {
        isBusy = await work(signal)
        failures = 0
      } catch (error) {
        failures++
        onTrouble(name, codeOf(error))
      }
      if (failures > 0) await this.#wait(Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS), false)
      else if (!isBusy) await this.#wait(idleMs, true)
      const gather = this.#isCalled && !signal.aborted ? (gatherMs?.() ?? 0) : 0
      if (gather > 0) await pause(gather, signal)
    }
  }

  async #wait(ms: number, isCallable: boolean): Promise<void> {
    if (this.#stopping.signal.aborted || (isCallable && this.#isCalled)) return
    const waiting = new AbortController()
    if (isCallable) this.#waiting = waiting
    await this.#options.pause(ms, AbortSignal.any([waiting.signal, this.#stopping.signal]))
    this.#waiting = undefined
  }
}

/** Of an error of ours, its code; a defect has none. */
export const codeOf = (error: unknown): string =>
  error instanceof StoreError || error instanceof FormatError || error instanceof KeyError ? error.code : 'defect'
