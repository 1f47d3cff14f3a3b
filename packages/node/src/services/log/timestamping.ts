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
import { TOKEN_LIMIT } from '@fiducial/core/domain/log/event-details.ts'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
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
  readonly failures: readonly Error[]
}

/** A round in which all authorities failed: nothing was logged. */
export interface FailedRound {
  readonly receipt: undefined
  readonly tokens: 0
  readonly failures: readonly Error[]
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
   * @throws {StoreError} `entry_missing` if nothing is published yet; what the log says
   */
  async run(): Promise<TimestampRound | FailedRound> {
    const { crypto, authorities } = this.#options
    const note = this.#log.publishedCheckpoint
    if (note === undefined) throw new StoreError('entry_missing', 'no checkpoint is published yet')
    const digest = digestOf(crypto.hash, 'sha256', encodeUtf8(note))
    const answers = await Promise.all(authorities.map((authority) => ask(authority, digest)))
    const tokens = answers.filter((answer) => answer instanceof Uint8Array)
    const failures = answers.filter((answer) => answer instanceof Error)
    if (tokens.length === 0) return { receipt: undefined, tokens: 0, failures }
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

/** A token, or what went wrong with the authority. @throws what is none of our own errors */
async function ask(authority: TimestampAuthority, digest: Uint8Array): Promise<Uint8Array | Error> {
  try {
    const token = await authority.timestamp('sha256', digest)
    if (token.length > 0 && token.length <= TOKEN_LIMIT) return token
    return new StoreError('service_refused', `the timestamp authority gave a token of ${token.length} bytes`)
  } catch (error) {
    if (error instanceof StoreError || error instanceof KeyError || error instanceof FormatError) return error
    throw error
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
