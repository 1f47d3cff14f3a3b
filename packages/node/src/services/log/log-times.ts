/**
 * Log times: between which moments an entry must have been logged, by the tokens of timestamp authorities.
 *
 * A `timestamped` entry holds tokens over an earlier checkpoint. What that checkpoint covers was there when the tokens
 * were made; and whatever comes after the entry in the log came after the tokens, for nobody could foresee them. Where
 * no token covers an entry yet, the time at which a quorum of witnesses cosigned the newest checkpoint bounds it.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { isEntryOf, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { QuorumResult } from '@fiducial/core/domain/log/quorum.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import { verifyTimestamp } from '@fiducial/core/domain/trust/timestamp.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import type { LogView } from './log-view.ts'
import type { RecordStore } from './ports.ts'

export interface LogTimes {
  /** Earliest moment by which an entry is known to have been in the log. */
  notAfter(index: bigint): Promise<Date | undefined>
  /** Latest moment before which the tree of a size cannot have existed. */
  notBefore(size: bigint): Promise<Date | undefined>
}

export interface LogTimesOptions {
  readonly crypto: Crypto
  /** Whose tokens count. */
  readonly anchors: TrustAnchors
  readonly records: Pick<RecordStore, 'find' | 'payload'>
}

/** What one timestamped entry shows. */
interface Stamp {
  /** Entries under the checkpoint that was stamped. */
  readonly size: bigint
  /** Times that hold, earliest first; empty where no token is believed. */
  readonly times: readonly Date[]
}

const TYPE = { kind: 'type', value: 'timestamped' } as const
/** Timestamped entries that are looked at in either direction: bad ones hide no good one behind them. */
const LOOKED_AT = 256
/** As many are found at once. */
const PAGE = 8
/** Milliseconds from 1970 to the last day of ECMAScript. */
const LAST_MS = 8.64e15

/** Since when a checkpoint has existed at the latest, by its witnesses; undefined for a time that no calendar has. */
export function timeOfQuorum({ notAfter }: QuorumResult): Date | undefined {
  const ms = Number(notAfter ?? 0n) * 1000
  return notAfter === undefined || ms > LAST_MS ? undefined : new Date(ms)
}

/** The times of a log under one checkpoint. */
export class TimestampedLog implements LogTimes {
  readonly #view: LogView
  readonly #options: LogTimesOptions
  readonly #stamps = new Map<bigint, Promise<Stamp | undefined>>()

  constructor(view: LogView, options: LogTimesOptions) {
    this.#view = view
    this.#options = options
  }

  async notAfter(index: bigint): Promise<Date | undefined> {
    const { size, quorum } = this.#view
    for await (const stamp of this.#stampsBetween(index + 1n, size, 'oldest_first')) {
      if (stamp.size > index) return stamp.times[0]
    }
    return timeOfQuorum(quorum)
  }

  async notBefore(size: bigint): Promise<Date | undefined> {
    for await (const { times } of this.#stampsBetween(0n, size, 'newest_first')) return times.at(-1)
    return undefined
  }

  /** Those that show a time, in the order asked for. */
  async *#stampsBetween(from: bigint, to: bigint, order: 'oldest_first' | 'newest_first'): AsyncGenerator<Stamp> {
    let [low, high] = [from, to]
    for (let seen = 0; seen < LOOKED_AT && low < high; seen += PAGE) {
      const found = await this.#options.records.find({ term: TYPE, from: low, to: high, limit: PAGE, order })
      for (const index of found) {
        const stamp = await this.#stampAt(index)
        if (stamp !== undefined && stamp.times.length > 0) yield stamp
      }
      const last = found.at(-1)
      if (last === undefined || found.length < PAGE) return
      if (order === 'oldest_first') low = last + 1n
      else high = last
    }
  }

  #stampAt(index: bigint): Promise<Stamp | undefined> {
    const known = this.#stamps.get(index)
    if (known !== undefined) return known
    const stamp = this.#readStamp(index)
    this.#stamps.set(index, stamp)
    return stamp
  }

  async #readStamp(index: bigint): Promise<Stamp | undefined> {
    const { crypto, anchors, records } = this.#options
    const [{ leaf }, payload] = await Promise.all([this.#view.prove(index), records.payload(index)])
    if (!(payload instanceof Uint8Array) || !isEntryOf(readEntry(leaf), payload, crypto.hash)) return undefined
    const event = parseEventStatement(payload)
    if (event.type !== 'timestamped') return undefined
    const { note, tokens } = event.details
    const { size, root } = parseCheckpoint(parseNote(note).text)
    if (!(await this.#view.hadRoot(size, root))) return undefined
    const digest = digestOf(crypto.hash, 'sha256', encodeUtf8(note))
    const times = tokens.flatMap((token) => {
      const result = verifyTimestamp(token, { name: 'sha256', digest }, anchors, crypto)
      return result.outcome === 'holds' ? [result.time] : []
    })
    return { size, times: times.sort((a, b) => a.getTime() - b.getTime()) }
  }
}
