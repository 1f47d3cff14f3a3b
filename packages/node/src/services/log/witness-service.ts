/**
 * Witness service: cosigns checkpoints of the logs it watches, and remembers what it has cosigned.
 *
 * Source: C2SP tlog-witness, section "add-checkpoint". For each request: read the record, decide, sign, change the record
 * if it is still the one that was read, and only then answer. A cosignature whose record could not be changed is thrown
 * away. Anybody may send requests: what is expensive (a signature, a write that reaches the disk) is done for checkpoints
 * alone that the log itself has signed, and for each of them once in a while.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { cosign, type NoteSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { formatSplitView, judgeSplitView, type SplitView, splitViewId } from '@fiducial/core/domain/log/split-view.ts'
import {
  decideAddCheckpoint,
  type Refusal,
  readSubmission,
  type Submission,
  type WatchedLog,
  type WitnessDecision,
  type WitnessEvidence,
} from '@fiducial/core/domain/log/witness.ts'
import { addSignatures, selectSignatures } from '@fiducial/core/domain/log/witness-note.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { formatSignatureLine, parseNote, parseSignatureLines } from '@fiducial/core/formats/note/note.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { isSubtreeName } from '@fiducial/core/formats/tlog/cosignature.ts'
import { LogClock } from './clock.ts'
import type { WitnessedCheckpoint, WitnessStore } from './ports.ts'
import { RateLimit, type RateLimitOptions } from './rate-limit.ts'

/** For so long, the same checkpoint gets the same cosignatures: repeating a request costs a look at the record. */
const REPEAT_SECONDS = 10n
/** Other processes on the same store that were faster, in a row, before a request is given up. */
const ATTEMPTS = 10
/** Pieces of evidence that are kept for each log: of those that prove something, and of all. */
const PROVEN_LIMIT = 1_000
const UNPROVEN_LIMIT = 16
const DEFAULT_RATE: RateLimitOptions = { burst: 100, perSecond: 20 }

export interface WitnessOptions {
  readonly logs: readonly WatchedLog[]
  /** Keys for cosignatures, at least one. */
  readonly signers: readonly NoteSigner[]
  readonly store: WitnessStore
  readonly crypto: Crypto
  readonly now: () => Date
  /** Cosignatures that a log may have; default: 100 at once, 20 a second. */
  readonly rate?: RateLimitOptions
  /** Told of each piece of evidence once, after it is kept. */
  readonly onEvidence?: (evidence: SplitView) => void
}

export type WitnessAnswer =
  /** The signature lines of the witness. */
  | { readonly outcome: 'cosigned'; readonly lines: string }
  | Refusal
  | Exclude<WitnessDecision, { readonly outcome: 'consistent' }>
  /** The log has had all the cosignatures that it gets for now. */
  | { readonly outcome: 'too_many'; readonly retryMs: number }

export interface Witness {
  readonly keys: readonly VerifierKey[]
  readonly origins: readonly string[]
  /**
   * Answers a request. A cosignature that it answers with is on record, and survives a power cut.
   * @throws {StoreError} `log_unwritable`, `clock_went_back`, `checkpoint_moved`; what the signers throw
   */
  addCheckpoint(body: string | Uint8Array): Promise<WitnessAnswer>
  /** The newest cosigned checkpoint of a log, by {@link originId}; undefined if there is none. */
  latest(originId: string): Promise<string | undefined>
  /** Looks at the store. @throws {StoreError} if it cannot be read */
  check(): Promise<void>
}

/** By what a witness is asked for a log: SHA-256 of its origin, 64 lower-case hexadecimal digits. */
export const originId = (origin: string, crypto: Crypto): string =>
  encodeHex(digestOf(crypto.hash, 'sha256', encodeUtf8(origin)))

/** @throws {RangeError} for keys that cannot cosign, a log without a key, one twice, or an origin ML-DSA-44 cannot sign */
export function createWitness(options: WitnessOptions): Witness {
  checkOptions(options)
  const { logs, signers, store, crypto } = options
  const limit = new RateLimit(options.rate ?? DEFAULT_RATE)
  const queues = new Map<string, Promise<unknown>>()
  const origins = new Map(logs.map(({ origin }) => [originId(origin, crypto), origin]))
  return {
    keys: signers.map(({ key }) => key),
    origins: logs.map(({ origin }) => origin),
    async addCheckpoint(body) {
      const submission = readSubmission(body, logs, crypto)
      if (submission.outcome !== 'submitted') return submission
      // One at a time for each log, so that only other processes can come between reading and changing the record.
      const { origin } = submission.verified.checkpoint
      const answer = Promise.resolve(queues.get(origin))
        .catch(() => undefined)
        .then(() => answerInTurn(options, limit, submission))
      queues.set(origin, answer)
      return answer
    },
    async latest(id) {
      const origin = origins.get(id)
      return origin === undefined ? undefined : (await store.read(origin))?.note
    },
    check: async () => void (await store.read('')),
  }
}

async function answerInTurn(options: WitnessOptions, limit: RateLimit, submission: Submission): Promise<WitnessAnswer> {
  const { store, crypto, now } = options
  const { origin } = submission.verified.checkpoint
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const record = await store.read(origin)
    const decision = decideAddCheckpoint(submission, record, crypto.hash)
    if (decision.outcome !== 'consistent') {
      if (decision.evidence) await keepEvidence(options, origin, decision.evidence)
      return decision
    }
    const repeated = record && repeat(options, submission, record)
    if (repeated !== undefined) return { outcome: 'cosigned', lines: repeated }

    const retryMs = limit.take(origin, now().getTime())
    if (retryMs > 0) return { outcome: 'too_many', retryMs }
    const lines = await cosignOnRecord(options, submission, record)
    if (lines !== undefined) return { outcome: 'cosigned', lines }
  }
  throw new StoreError('checkpoint_moved', 'other processes keep changing the record of this log')
}

/** The lines that this very checkpoint has got a moment ago. */
function repeat({ signers, now }: WitnessOptions, { verified }: Submission, record: WitnessedCheckpoint) {
  const age = BigInt(Math.floor(now().getTime() / 1000)) - record.timestamp
  if (age < 0n || age > REPEAT_SECONDS || parseNote(record.note).text !== verified.text) return undefined
  const ours = selectSignatures(
    record.note,
    signers.map(({ key }) => key),
  )
  const lines = ours === undefined ? [] : parseNote(ours).signatures
  return lines.length === signers.length ? lines.map(formatSignatureLine).join('') : undefined
}

/** Signs, and puts it on record; undefined where the record was changed meanwhile. */
async function cosignOnRecord(
  { signers, store, now }: WitnessOptions,
  { verified, note }: Submission,
  record: WitnessedCheckpoint | undefined,
): Promise<string | undefined> {
  // A cosignature says that this was the newest tree at its time, so a later one has no earlier time.
  const clock = new LogClock(now, record?.timestamp ?? 0n)
  clock.check()
  const timestamp = clock.seconds()
  const lines = await cosign(note, signers, timestamp)
  const { origin, size, root } = verified.checkpoint
  const next = { size, root, timestamp, note: addSignatures(note, parseSignatureLines(lines)) }
  return (await store.replace(origin, record, next)) ? lines : undefined
}

async function keepEvidence(
  { logs, store, crypto, now, onEvidence }: WitnessOptions,
  origin: string,
  evidence: WitnessEvidence,
): Promise<void> {
  const view: SplitView = { origin, foundAt: now(), ...evidence }
  const keys = logs.find((log) => log.origin === origin)?.keys ?? []
  // Whoever sends good checkpoints with bad proofs must not fill up the room for what proves something.
  const limit = judgeSplitView(view, keys, crypto) === 'proven' ? PROVEN_LIMIT : UNPROVEN_LIMIT
  const id = splitViewId(view, crypto.hash)
  if (await store.keep({ origin, id, document: formatSplitView(view) }, limit)) onEvidence?.(view)
}

function checkOptions({ logs, signers }: WitnessOptions): void {
  if (signers.length === 0 || signers.some(({ key }) => key.type === 'ed25519')) {
    throw new RangeError('a witness needs keys for cosignatures')
  }
  if (logs.some(({ keys }) => keys.length === 0)) throw new RangeError('a log without a key')
  if (new Set(logs.map(({ origin }) => origin)).size < logs.length) throw new RangeError('a log twice')
  const isSubtree = signers.some(({ key }) => key.type === 'cosignature-ml-dsa-44')
  if (isSubtree && !logs.every(({ origin }) => isSubtreeName(origin))) {
    throw new RangeError('a log whose name ML-DSA-44 cannot sign')
  }
}
