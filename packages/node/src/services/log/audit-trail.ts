/**
 * Audit trail: tells audit repositories of others, event by event and in order, what the custody log holds.
 *
 * The log is the queue: a cursor remembers how far a repository has been told, so that nothing is left out, whatever
 * fails. What was told just before a crash may be told again; each message names its index in the log, by which a
 * repository knows it. Which event becomes which message: domain/log/audit-events.ts. How it travels: the sinks.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { AuditedEvent } from '@fiducial/core/domain/log/audit-events.ts'
import type { LogPlace } from '@fiducial/core/domain/log/audit-record.ts'
import { parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { factsOfAcquisition } from './acquired-facts.ts'
import type { LogView } from './log-view.ts'
import type { RecordStore } from './ports.ts'
import { type EntryStatement, readLogEntry } from './read-entry.ts'

/** An event as a repository is told of it. */
export interface AuditNews {
  readonly event: AuditedEvent
  readonly place: LogPlace
}

/** A repository that takes audit messages. */
export interface AuditSink {
  /**
   * When it resolves, the messages have left for the repository, in their order.
   * @throws {StoreError} `service_unreachable`, `service_refused`: all of them will be sent again
   */
  deliver(news: readonly AuditNews[]): Promise<void>
  close(): Promise<void>
}

/** How far a repository has been told. */
export interface AuditCursor {
  /** Index of the first entry that it was not told of; 0 at the beginning. */
  read(): Promise<bigint>
  /** When it resolves, the place survives a power cut. @throws {StoreError} `output_unwritable` */
  write(next: bigint): Promise<void>
}

export interface AuditTrailOptions {
  readonly crypto: Crypto
  /** The log under its newest checkpoint; undefined before the first. */
  readonly view: () => Promise<LogView | undefined>
  readonly records: () => Pick<RecordStore, 'payload'> | undefined
  readonly sink: AuditSink
  readonly cursor: AuditCursor
}

/** What a round came to. */
export interface AuditRound {
  readonly told: number
  /** Entries of which nothing can be told: erased, or none of our events. */
  readonly passedOver: number
  /** First entry that was not told of. */
  readonly next: bigint
  /** Entries that wait. */
  readonly waiting: bigint
}

/** Entries that are told of together. */
const BATCH = 128n

export class AuditTrail {
  readonly #options: AuditTrailOptions

  constructor(options: AuditTrailOptions) {
    this.#options = options
  }

  /**
   * Tells of everything under the newest checkpoint, until the signal says otherwise.
   * @throws {StoreError} from the sink, the cursor and the log: the next round goes on where this one failed
   */
  async tell(signal: AbortSignal): Promise<AuditRound> {
    const { view: openView, cursor, sink } = this.#options
    const view = await openView()
    let next = await cursor.read()
    let told = 0
    let passedOver = 0
    const size = view?.size ?? 0n
    while (view !== undefined && next < size && !signal.aborted) {
      const end = next + BATCH < size ? next + BATCH : size
      const news = await this.#gather(view, next, end)
      if (news.length > 0) await sink.deliver(news)
      told += news.length
      passedOver += Number(end - next) - news.length
      next = end
      await cursor.write(next)
    }
    return { told, passedOver, next, waiting: size > next ? size - next : 0n }
  }

  async #gather(view: LogView, from: bigint, to: bigint): Promise<readonly AuditNews[]> {
    const { records, crypto } = this.#options
    const source = { view, records: records(), crypto }
    const news: AuditNews[] = []
    for (let index = from; index < to; index++) {
      const { statement } = await readLogEntry(index, source)
      const event = auditedEventOf(statement)
      if (event !== undefined) news.push({ event, place: { origin: view.origin, index } })
    }
    return news
  }
}

function auditedEventOf(statement: EntryStatement): AuditedEvent | undefined {
  if (statement.state !== 'present') return undefined
  if (statement.event.type !== 'acquired') return statement.event
  try {
    return factsOfAcquisition(parseStatement(statement.payload))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
