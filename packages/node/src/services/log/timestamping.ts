/**
 * Timestamping: has authorities see the published checkpoint, and puts their tokens into the log.
 *
 * The tokens are taken over the signed note as it was published, witnesses' signatures included, so that
 * `openssl ts -verify -data` checks them against the file that everybody can fetch.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import type { TimestampAuthority } from '../ports.ts'
import type { CustodyLog } from './custody-log.ts'
import type { RecordStore } from './ports.ts'
import type { Receipt } from './receipt.ts'
import type { Recorder } from './recorder.ts'

export interface TimestampingOptions {
  readonly crypto: Crypto
  readonly now: () => Date
  /** At most 4; more than one, so that none of them has to be believed alone. */
  readonly authorities: readonly TimestampAuthority[]
  /** Time between two rounds of a log that grows. */
  readonly intervalMs: number
  readonly records: Pick<RecordStore, 'find' | 'payload' | 'settle'>
}

export interface TimestampRound {
  readonly receipt: Receipt
  readonly tokens: number
  /** What went wrong with the other authorities. */
  readonly failures: readonly unknown[]
}

/** A log as it is asked whether a round is due. */
export interface RoundOptions extends Pick<TimestampingOptions, 'intervalMs'> {
  /** Entries of the log. */
  readonly size: bigint
  readonly records: Pick<RecordStore, 'find' | 'payload'>
}

const TYPE = { kind: 'type', value: 'timestamped' } as const

/** Takes rounds of timestamps of one log. */
export class Timestamping {
  readonly #log: CustodyLog
  readonly #recorder: Recorder
  readonly #options: TimestampingOptions

  constructor(log: CustodyLog, recorder: Recorder, options: TimestampingOptions) {
    this.#log = log
    this.#recorder = recorder
    this.#options = options
  }

  /** Whether the log has grown since the last round, and that was long enough ago. */
  async isDue(): Promise<boolean> {
    const { authorities, records, now, intervalMs } = this.#options
    const { size } = this.#log.state
    if (authorities.length === 0 || size === 0n) return false
    await records.settle()
    return isRoundDue({ records, size, intervalMs }, now())
  }

  /**
   * Has all authorities see the published checkpoint. One that fails keeps none of the others back.
   * @throws {StoreError} `entry_missing` if nothing is published yet; where all authorities fail, what the first one
   *   said; what the log says
   */
  async run(): Promise<TimestampRound> {
    const { crypto, authorities } = this.#options
    const note = this.#log.publishedCheckpoint
    if (note === undefined) throw new StoreError('entry_missing', 'no checkpoint is published yet')
    const digest = digestOf(crypto.hash, 'sha256', encodeUtf8(note))
    const answers = await Promise.allSettled(authorities.map((authority) => authority.timestamp('sha256', digest)))
    const tokens = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []))
    if (tokens.length === 0) throw failures[0] ?? new StoreError('service_unreachable', 'there is no authority to ask')
    const { root } = parseCheckpoint(parseNote(note).text)
    const receipt = await this.#recorder.record({
      type: 'timestamped',
      instance: null,
      digests: null,
      details: { note, root, tokens },
    })
    return { receipt, tokens: tokens.length, failures }
  }
}

/** Whether a log has grown since its last round, and that was long enough ago; as far as its records tell. */
export async function isRoundDue({ records, size, intervalMs }: RoundOptions, now: Date): Promise<boolean> {
  if (size === 0n) return false
  const [last] = await records.find({ term: TYPE, limit: 1, order: 'newest_first' })
  if (last === undefined) return true
  if (last + 1n >= size) return false
  const payload = await records.payload(last)
  if (!(payload instanceof Uint8Array)) return true
  const event = parseEventStatement(payload)
  return event.type === 'acquired' || now.getTime() - event.at.getTime() >= intervalMs
}
