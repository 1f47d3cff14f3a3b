/**
 * Recorder: states what happened, signs it, and has it logged.
 *
 * Its key is the log's own Ed25519 key. What it signs as a statement can never be a checkpoint: one begins with
 * `DSSEv1 ` and the other with the name of a log, which holds no space.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { isSignatureRight, makeEntry, readEntry, signedBytes } from '@fiducial/core/domain/log/entry.ts'
import { type EventStatement, formatEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { type Party, SALT_BYTES } from '@fiducial/core/domain/log/event-parts.ts'
import { identityOf } from '@fiducial/core/domain/log/identity.ts'
import type { NoteSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { termsOfEvent } from '@fiducial/core/domain/log/terms.ts'
import type { Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { spkiOfVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import type { QuotedCheckpoint } from '@fiducial/core/formats/tlog/quoted-checkpoint.ts'
import type { RandomBytes } from '../ports.ts'
import type { CustodyLog } from './custody-log.ts'
import type { NewEntry } from './ports.ts'
import type { Receipt } from './receipt.ts'
import { entryOfSeal } from './seal-entry.ts'

export interface RecorderOptions {
  readonly crypto: Crypto
  readonly random: RandomBytes
  readonly now: () => Date
  /** Ed25519: signs statements. */
  readonly signer: NoteSigner
  /** Which system records. */
  readonly recorder: Party
  readonly isDemo: boolean
}

/** What happened; the recorder adds who states it, the salt and the newest checkpoint. */
export type EventNews = DistributeNews<CustodyStatement>
type DistributeNews<Statement> = Statement extends CustodyStatement
  ? Omit<Statement, 'salt' | 'at' | 'isDemo' | 'recorder' | 'checkpoint'> & {
      /** When it happened; now, unless it is stated: whoever may state it twice says when. */
      readonly at?: Date
    }
  : never

/** A log with a key to state events with. */
export class Recorder {
  readonly #log: CustodyLog
  readonly #options: RecorderOptions
  #last: Promise<unknown> = Promise.resolve()

  constructor(log: CustodyLog, options: RecorderOptions) {
    this.#log = log
    this.#options = options
  }

  /**
   * Logs an event. The same event, of the same moment, is logged once.
   * @throws {FormatError} `event_malformed`; what {@link CustodyLog.append} throws
   */
  async record(news: EventNews): Promise<Receipt> {
    return this.#log.append(await this.#inTurn(this.#sign(this.#complete(news))))
  }

  /** Logs a statement that somebody else made in full, under the recorder's signature. @throws as {@link record} */
  async recordStatement(statement: Exclude<EventStatement, { readonly type: 'acquired' }>): Promise<Receipt> {
    return this.#log.append(await this.#inTurn(this.#sign(statement)))
  }

  /**
   * Logs a sealed image. Whether its device is to be believed is not for the log to say; that it has signed is.
   * @throws {FormatError} `seal_malformed`, also for a signature that is not right; `entry_malformed`, `entry_too_large`;
   *   what {@link CustodyLog.append} throws
   */
  async recordSeal(seal: Seal): Promise<Receipt> {
    const { crypto } = this.#options
    const entry = entryOfSeal(seal, crypto)
    if (!isSignatureRight(readEntry(entry.leaf), seal.envelope.payload, crypto))
      throw new FormatError('seal_malformed', 'the signature of the device is not right')
    return this.#log.append(entry)
  }

  /** Signatures are made side by side, and come to the log in the order in which they were asked for. */
  #inTurn(signed: Promise<NewEntry>): Promise<NewEntry> {
    const entry = this.#last.then(() => signed)
    this.#last = entry.catch(() => undefined)
    return entry
  }

  #complete(news: EventNews): CustodyStatement {
    const { random, now, recorder, isDemo } = this.#options
    return {
      ...news,
      salt: random(SALT_BYTES),
      at: news.at ?? now(),
      isDemo,
      recorder,
      checkpoint: quoteCheckpoint(this.#log.publishedCheckpoint),
    } as CustodyStatement
  }

  async #sign(statement: CustodyStatement): Promise<NewEntry> {
    const { crypto, signer } = this.#options
    const payload = formatEventStatement(statement)
    const signature = await signer.sign(signedBytes(payload))
    return {
      leaf: makeEntry({ payload, signature, spki: spkiOfVerifierKey(signer.key) }, crypto.hash),
      identity: identityOf(payload, crypto.hash),
      payload,
      terms: termsOfEvent(statement),
    }
  }
}

/** A published checkpoint as statements quote it; null for none, and for that of an empty log. */
export function quoteCheckpoint(note: string | undefined): QuotedCheckpoint | null {
  if (note === undefined) return null
  const { origin, size, root } = parseCheckpoint(parseNote(note).text)
  return size === 0n ? null : { origin, size, root }
}
