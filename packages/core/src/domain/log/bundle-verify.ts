/**
 * Verify a bundle: whether an event is what its log, its signer and its timestamps say, without asking anybody.
 *
 * Stricter than sigstore's own verifiers: every byte of a bundle is either fixed by the format or bound by a signature,
 * a digest or another field, and one that is not fails or stays open. What the checks mean: docs/reference/log-events.md.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import type { HashFactory } from '../../bytes/hash.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { parsePlainToken } from '../../formats/cms/plain-token.ts'
import { parseTimestampResponse, writeTimestampResponse } from '../../formats/cms/timestamp.ts'
import { parseNote } from '../../formats/note/note.ts'
import { spkiOfVerifierKey, type VerifierKey } from '../../formats/note/verifier-key.ts'
import { parseSigstoreBundle, readCheckpoint, type SigstoreBundle } from '../../formats/sigstore/bundle.ts'
import type { TrustAnchors } from '../trust/anchors.ts'
import { type TimestampFailure, type TimestampGap, verifyTimestamp } from '../trust/timestamp.ts'
import { bundleImprint, hintOf, isKnown } from './bundle.ts'
import { logKeyIdOf } from './bundle-trust.ts'
import { PAYLOAD_TYPE } from './entry.ts'
import { type EventStatement, parseEventStatement } from './event.ts'
import { keysOfPolicy } from './quorum.ts'
import {
  type EntryCheck,
  type EntryFailure,
  type EntryGap,
  type EntryOutcome,
  type EntrySubject,
  fails,
  holds,
  type LogTrust,
  outcomeOf,
  unknown,
  verifyLoggedStatement,
} from './verify-entry.ts'

/** Whom a verifier of bundles believes. */
export interface BundleTrust extends LogTrust {
  /** Roots of timestamp authorities. */
  readonly anchors: TrustAnchors
  /**
   * SubjectPublicKeyInfo, DER, of those who may sign statements. The Ed25519 key of a log need not be among them: it
   * may sign events that are made for the log, and no acquisition statements.
   */
  readonly signers: readonly Uint8Array[]
  /** Whether a bundle without a timestamp is open. */
  readonly wantsTime: boolean
}

export type BundleSubject =
  | EntrySubject
  /** The bytes are a bundle in its one spelling. */
  | 'encoding'
  /** The statement is an event of the log. */
  | 'event'
  /** Keys and log are called by the names that are theirs. */
  | 'names'
  /** The key of the statement is one that may sign it. */
  | 'signer'
  /** Each signature on the checkpoint is by a key at hand, so that none can be exchanged unseen. */
  | 'cosignatures'
  /** An authority saw the signature. */
  | 'time'

export type BundleFailure =
  | EntryFailure
  | 'bundle_malformed'
  | 'event_malformed'
  | 'names_other'
  /** The statement claims a later moment than an authority saw it at. */
  | 'claimed_after_proven'
  /** A token has parts that nobody signed. */
  | 'timestamp_not_plain'
  | `timestamp_${TimestampFailure}`

export type BundleGap =
  | EntryGap
  | 'signer_unknown'
  | 'cosigner_unknown'
  | 'timestamp_absent'
  | `timestamp_${TimestampGap}`

export type BundleCheck = EntryCheck<BundleSubject, BundleFailure, BundleGap>

export interface BundleReport {
  readonly outcome: EntryOutcome
  readonly checks: readonly BundleCheck[]
  /** Believe it only as far as the checks hold. */
  readonly statement?: EventStatement
  readonly index?: bigint
  /** Earliest moment at which an authority saw the signature. */
  readonly provenAt?: Date
}

/** Clocks differ by less. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/** Verifies a bundle, offline. Every check that was made is in the result; it throws nothing, whatever the bytes are. */
export function verifyBundle(bytes: Uint8Array, trust: BundleTrust, crypto: Crypto): BundleReport {
  const bundle = parseOrUndefined(() => parseSigstoreBundle(bytes))
  if (bundle === undefined) return { outcome: 'fails', checks: [fails('encoding', 'bundle_malformed')] }
  const { envelope, body: leaf, index, proof, checkpoint } = bundle
  const statement = parseOrUndefined(() => parseEventStatement(envelope.payload))
  const logged = verifyLoggedStatement({ payload: envelope.payload, leaf, index, proof, checkpoint }, trust, crypto)
  const logs = logKeys(bundle, trust)
  const time = checkTime(bundle, statement, trust, crypto)
  const checks: readonly BundleCheck[] = [
    holds('encoding'),
    statement === undefined ? fails('event', 'event_malformed') : holds('event'),
    checkNames(bundle, logged.entry?.spki, logs, crypto.hash),
    ...logged.checks,
    checkSigner(statement, logged.entry?.spki, trust.signers, logs),
    checkCosignatures(bundle, trust),
    ...time.checks,
  ]
  return {
    outcome: outcomeOf(checks),
    checks,
    index,
    ...(statement && { statement }),
    ...(time.provenAt && { provenAt: time.provenAt }),
  }
}

/** Ed25519 keys of the log that a bundle claims to be from. */
function logKeys({ checkpoint }: SigstoreBundle, { keys }: BundleTrust): readonly VerifierKey[] {
  const { origin } = readCheckpoint(checkpoint)
  return keys.filter(({ name, type }) => name === origin && type === 'ed25519')
}

function checkNames(
  { hint, envelope, logKeyId }: SigstoreBundle,
  spki: Uint8Array | undefined,
  logs: readonly VerifierKey[],
  hashes: HashFactory,
): BundleCheck {
  if (spki === undefined) return unknown('names', 'entry_unread')
  if (logs.length === 0) return unknown('names', 'log_unknown')
  const isSigner = hint === hintOf(spki, hashes) && envelope.signatures.every(({ keyid }) => keyid === hint)
  const isLog = logs.some((key) => equalBytes(logKeyIdOf(key, hashes), logKeyId))
  return isSigner && isLog && envelope.payloadType === PAYLOAD_TYPE ? holds('names') : fails('names', 'names_other')
}

function checkSigner(
  statement: EventStatement | undefined,
  spki: Uint8Array | undefined,
  signers: readonly Uint8Array[],
  logs: readonly VerifierKey[],
): BundleCheck {
  if (statement === undefined || spki === undefined) return unknown('signer', 'entry_unread')
  const allowed = statement.type === 'acquired' ? signers : [...signers, ...logs.map(spkiOfVerifierKey)]
  return allowed.some((key) => equalBytes(key, spki)) ? holds('signer') : unknown('signer', 'signer_unknown')
}

function checkCosignatures({ checkpoint }: SigstoreBundle, { keys, policy }: BundleTrust): BundleCheck {
  const known = [...keys, ...(policy === null ? [] : keysOfPolicy(policy))]
  const isEach = parseNote(checkpoint).signatures.every((signature) => isKnown(signature, known))
  return isEach ? holds('cosignatures') : unknown('cosignatures', 'cosigner_unknown')
}

function checkTime(
  { timestamps, envelope }: SigstoreBundle,
  statement: EventStatement | undefined,
  trust: BundleTrust,
  crypto: Crypto,
): { readonly checks: readonly BundleCheck[]; readonly provenAt?: Date } {
  if (timestamps.length === 0) return { checks: trust.wantsTime ? [unknown('time', 'timestamp_absent')] : [] }
  const [signature] = envelope.signatures
  const digest = bundleImprint(signature?.sig ?? new Uint8Array(0), crypto.hash)
  const claimedAt = statement === undefined || statement.type === 'acquired' ? undefined : statement.at
  const results = timestamps.map((response) => checkToken(response, digest, claimedAt, trust, crypto))
  const times = results.flatMap(({ time }) => time ?? []).sort((a, b) => a.getTime() - b.getTime())
  return { checks: results.map(({ check }) => check), ...(times[0] && { provenAt: times[0] }) }
}

function checkToken(
  response: Uint8Array,
  digest: Uint8Array,
  claimedAt: Date | undefined,
  { anchors }: BundleTrust,
  crypto: Crypto,
): { readonly check: BundleCheck; readonly time?: Date } {
  const token = parseOrUndefined(() => plainTokenIn(response))
  if (token === undefined) return { check: fails('time', 'timestamp_not_plain') }
  const result = verifyTimestamp(token, { name: 'sha256', digest }, anchors, crypto)
  if (result.outcome === 'fails') return { check: fails('time', `timestamp_${result.reason}` as const) }
  if (result.outcome === 'unknown') return { check: unknown('time', `timestamp_${result.reason}` as const) }
  if (claimedAt !== undefined && claimedAt.getTime() > result.time.getTime() + CLOCK_TOLERANCE_MS) {
    return { check: fails('time', 'claimed_after_proven'), time: result.time }
  }
  return { check: holds('time'), time: result.time }
}

/** The token in a response, if neither has a byte that says nothing. */
function plainTokenIn(response: Uint8Array): Uint8Array | undefined {
  const { token } = parseTimestampResponse(response)
  if (token === undefined || parsePlainToken(token) === undefined) return undefined
  return equalBytes(writeTimestampResponse({ token }), response) ? token : undefined
}

function parseOrUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
