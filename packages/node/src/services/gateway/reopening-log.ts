/**
 * Reopening log: a log that is opened again after it has ended itself.
 *
 * A custody log that could not write stops for good, since after a failed flush nobody knows what is on the disk: only opening
 * it anew, which recovers it, says what it holds (docs/explanation/log-durability.md). A gateway goes on for months, and a
 * full disk is emptied again. It may also not be there at first, while another process appends.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { EventLog } from './outbox.ts'

/** A log that is open. */
export interface OpenedLog extends AsyncDisposable {
  readonly events: EventLog
}

/** Codes after which a log takes no more until it is opened anew. */
const ENDED: ReadonlySet<string> = new Set(['log_stopped', 'log_unwritable', 'fence_lost', 'checkpoint_moved'])

export class ReopeningLog<Log extends OpenedLog> implements EventLog {
  readonly #open: () => Promise<Log>
  #current: Promise<Log> | undefined
  #opened: Log | undefined

  /** @param first  open already; undefined where it could not be opened yet @param open  opens it anew */
  constructor(first: Log | undefined, open: () => Promise<Log>) {
    this.#current = first && Promise.resolve(first)
    this.#opened = first
    this.#open = open
  }

  /** The log where it is open now; asking opens nothing. */
  get opened(): Log | undefined {
    return this.#opened
  }

  /** The log that is open now. @throws what opening it throws */
  current(): Promise<Log> {
    this.#current ??= this.#openAnew()
    return this.#current
  }

  record(news: string): Promise<bigint> {
    return this.#attempt((log) => log.events.record(news))
  }

  settle(): Promise<void> {
    return this.#attempt((log) => log.events.settle())
  }

  async close(): Promise<void> {
    const log = await this.#current?.catch(() => undefined)
    this.#current = undefined
    this.#opened = undefined
    await log?.[Symbol.asyncDispose]()
  }

  async #attempt<T>(step: (log: Log) => Promise<T>): Promise<T> {
    const opening = this.current()
    const log = await opening
    try {
      return await step(log)
    } catch (error) {
      // Of several that see it end, the first lets go of it.
      const hasEnded = error instanceof StoreError && ENDED.has(error.code)
      if (hasEnded && this.#current === opening) {
        this.#current = undefined
        this.#opened = undefined
        await letGo(log)
      }
      throw error
    }
  }

  async #openAnew(): Promise<Log> {
    try {
      this.#opened = await this.#open()
      return this.#opened
    } catch (error) {
      this.#current = undefined
      throw error
    }
  }
}

/** What it says at its end was said already. */
async function letGo(log: AsyncDisposable): Promise<void> {
  try {
    await log[Symbol.asyncDispose]()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}
