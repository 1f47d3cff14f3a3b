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
/** Timestamped entries that are looked at in either direction. */
const NEAREST = 8

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
    const { records } = this.#options
    for (const at of await records.find({ term: TYPE, from: index + 1n, to: size, limit: NEAREST })) {
      const stamp = await this.#stampAt(at)
      if (stamp !== undefined && stamp.size > index && stamp.times[0] !== undefined) return stamp.times[0]
    }
    return quorum.notAfter === undefined ? undefined : new Date(Number(quorum.notAfter) * 1000)
  }

  async notBefore(size: bigint): Promise<Date | undefined> {
    const { records } = this.#options
    const query = { term: TYPE, to: size, limit: NEAREST, order: 'newest_first' } as const
    for (const at of await records.find(query)) {
      const time = (await this.#stampAt(at))?.times.at(-1)
      if (time !== undefined) return time
    }
    return undefined
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
