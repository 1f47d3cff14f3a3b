/**
 * Relay: one instance that goes out to a destination while it comes in.
 *
 * It ends in one of three ways: somebody takes it and has it finished, its destination loses it, or it is not to get there.
 * However it ends, whoever brings its bytes is not held up any longer.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Pause } from './loop.ts'
import type { Observation } from './observation.ts'
import type { RelayedCopy, SendFate } from './ports.ts'

/** How an instance went that was to be relayed. */
export type RelayOutcome = Extract<Observation, { readonly kind: 'relay' }>['outcome']

/** It took its bytes too slowly. */
export const SLOW = 'peer_slow'

interface RelayOptions {
  readonly destination: string
  readonly copy: RelayedCopy
  readonly dataSetStart: number
  readonly now: () => Date
  readonly pause: Pause
  /** How long all pauses together may hold up its sender. */
  readonly patienceMs: number
  /** How long its end may be held back. */
  readonly holdMs: number
  readonly onEnd: (outcome: RelayOutcome, code: string | null) => void
}

/** One instance on its way through while it comes. */
export class Relay {
  readonly #options: RelayOptions
  /** Until it is finished, or of no use. */
  readonly #ending = new AbortController()
  #headLeft: number
  #patienceMs: number
  #room: PromiseWithResolvers<void> | undefined
  #isTaken = false
  isWhole = false

  constructor(options: RelayOptions) {
    this.#options = options
    this.#headLeft = options.dataSetStart
    this.#patienceMs = options.patienceMs
    void options.copy.lost.then((code) => this.leave(code))
  }

  get destination(): string {
    return this.#options.destination
  }

  /** The next bytes of the file. */
  write(bytes: Uint8Array): void {
    if (this.#hasEnded) return
    const skipped = Math.min(this.#headLeft, bytes.length)
    this.#headLeft -= skipped
    if (skipped === bytes.length) return
    const isFull = !this.#options.copy.write(bytes.subarray(skipped), () => this.#goOn())
    if (isFull) this.#wait()
  }

  /** Resolves when the destination can take more; undefined: now. */
  room(): Promise<void> | undefined {
    return this.#room?.promise
  }

  /** All bytes have come: the end waits for the verdict, but not for ever. */
  hold(): void {
    this.isWhole = true
    const { pause, holdMs } = this.#options
    void pause(holdMs, this.#ending.signal).then(() => this.leave('held_too_long'))
  }

  /** For whoever finishes it; undefined where it has ended, or somebody has it. */
  take(): RelayedCopy | undefined {
    if (this.#hasEnded || this.#isTaken) return undefined
    this.#isTaken = true
    const { copy } = this.#options
    return {
      write: () => true,
      lost: copy.lost,
      finish: (signal) => this.#finish(signal),
      abort: () => this.end('not_relayed', 'stopped'),
    }
  }

  /** Has the instance go the usual way, unless somebody has taken it. */
  leave(code: string): void {
    if (!this.#isTaken) this.end('not_relayed', code)
  }

  /** Ends it before its end is sent: the destination keeps nothing. */
  end(outcome: RelayOutcome, code: string | null): void {
    if (this.#hasEnded) return
    this.#settle()
    this.#options.copy.abort()
    this.#options.onEnd(outcome, code)
  }

  async #finish(signal: AbortSignal): Promise<SendFate> {
    if (this.#hasEnded) throw new StoreError('association_aborted', 'it has ended')
    this.#settle()
    try {
      const fate = await this.#options.copy.finish(signal)
      if (fate.outcome === 'stored') this.#options.onEnd('relayed', null)
      else this.#options.onEnd('refused', fate.code)
      return fate
    } catch (error) {
      this.#options.onEnd('not_relayed', error instanceof StoreError ? error.code : 'defect')
      throw error
    }
  }

  get #hasEnded(): boolean {
    return this.#ending.signal.aborted
  }

  /** Nothing waits for it any more. */
  #settle(): void {
    this.#ending.abort()
    this.#goOn()
  }

  #goOn(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  /** Holds the sender up, while there is patience. */
  #wait(): void {
    if (this.#room !== undefined) return
    const room = Promise.withResolvers<void>()
    this.#room = room
    const { now, pause } = this.#options
    const since = now().getTime()
    const over = new AbortController()
    void room.promise.then(() => {
      this.#patienceMs -= now().getTime() - since
      over.abort()
    })
    void pause(Math.max(0, this.#patienceMs), over.signal).then(() => {
      if (this.#room === room) this.end('not_relayed', SLOW)
    })
  }
}
