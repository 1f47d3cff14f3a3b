/**
 * Outbox: brings what happened into the custody log, in order, each event once, however often either side fails.
 *
 * Events are taken down with the step that they tell of, each with its moment. Recorded again after a crash, an event is
 * the same statement, which the log knows. A log that is away holds nothing up but its own news.
 */
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { Observe } from './observation.ts'
import type { InstanceStore } from './ports.ts'

/** A log that takes events. */
export interface EventLog {
  /**
   * Several at once cost little more than one.
   * @param news  short form of a statement, as JSON
   * @returns its place, once it is durable
   * @throws {FormatError} for what is no event; {StoreError} {KeyError} where the log cannot take it now
   */
  record(news: string): Promise<bigint>
  /** Does what is owed after a run of events: the map's new root, timestamps, witnesses. @throws {StoreError} {KeyError} */
  settle(): Promise<void>
}

export interface OutboxOptions {
  readonly store: Pick<InstanceStore, 'pendingEvents' | 'logged'>
  readonly log: EventLog
  readonly now: () => Date
  readonly observe: Observe
  /** Events at once. Default: 512. */
  readonly batch?: number
  /** Shortest time between two settlements. Default: 10,000. */
  readonly settleMs?: number
}

const BATCH = 512
const SETTLE_MS = 10_000

export class Outbox {
  readonly #options: OutboxOptions
  /** Events that the log does not take, whatever is done. */
  readonly #refused = new Set<string>()
  #awayBecause: string | undefined
  #isUnsettled = true
  #settledAt: Date | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Why the log takes nothing; null where it does. */
  get awayBecause(): string | null {
    return this.#awayBecause ?? null
  }

  get refused(): number {
    return this.#refused.size
  }

  /**
   * Records what is there.
   * @returns whether there was anything
   * @throws {StoreError} {KeyError} where the log or the store cannot do it now
   */
  async work(signal: AbortSignal): Promise<boolean> {
    try {
      const count = await this.#drain(signal)
      if (!signal.aborted) await this.#settle()
      this.#isBack()
      return count > 0
    } catch (error) {
      if (error instanceof StoreError || error instanceof KeyError) this.#isAway(error.code)
      throw error
    }
  }

  async #drain(signal: AbortSignal): Promise<number> {
    let count = 0
    for (;;) {
      const recorded = signal.aborted ? 0 : await this.#recordSome()
      if (recorded === 0) return count
      count += recorded
    }
  }

  async #recordSome(): Promise<number> {
    const { store, log, observe, batch = BATCH } = this.#options
    const pending = await store.pendingEvents(batch + this.#refused.size)
    const events = pending.filter(({ id }) => !this.#refused.has(id))
    const results = await Promise.allSettled(events.map(({ news }) => log.record(news)))
    const logged: { id: string; index: bigint }[] = []
    let failure: unknown
    for (const [i, result] of results.entries()) {
      const id = events[i]?.id as string
      if (result.status === 'fulfilled') logged.push({ id, index: result.value })
      else if (result.reason instanceof FormatError) this.#refuse(id, result.reason.code)
      else failure ??= result.reason
    }
    if (logged.length > 0) {
      await store.logged(logged)
      this.#isUnsettled = true
      observe({ kind: 'logged', events: logged.length })
    }
    if (failure !== undefined) throw failure
    return logged.length
  }

  async #settle(): Promise<void> {
    const { log, now, settleMs = SETTLE_MS } = this.#options
    const at = now()
    const isDue = this.#settledAt === undefined || at.getTime() - this.#settledAt.getTime() >= settleMs
    if (!this.#isUnsettled || !isDue) return
    await log.settle()
    this.#settledAt = at
    this.#isUnsettled = false
  }

  #refuse(id: string, code: string): void {
    this.#refused.add(id)
    this.#options.observe({ kind: 'event_refused', code })
  }

  #isAway(code: string): void {
    if (this.#awayBecause === undefined) this.#options.observe({ kind: 'log_away', code })
    this.#awayBecause = code
  }

  #isBack(): void {
    if (this.#awayBecause !== undefined) this.#options.observe({ kind: 'log_back' })
    this.#awayBecause = undefined
  }
}
