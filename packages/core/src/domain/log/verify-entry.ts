/**
 * Verify an entry: whether a signed statement stands in a log that we believe.
 *
 * Source: C2SP tlog-proof and tlog-policy for the proof and who has to have signed; RFC 6962 section 2.1.1. Every check
 * that was made is in the result. It always ends at a signed root: no hash that came along is believed by itself.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { FormatError } from '../../errors.ts'
import { verifyInclusion } from '../../formats/merkle/tree.ts'
import type { VerifierKey } from '../../formats/note/verifier-key.ts'
import type { RekorEntry } from '../../formats/sigstore/rekor-entry.ts'
import type { WitnessPolicy } from '../../formats/tlog/policy.ts'
import { isEntryOf, isSignatureRight, readEntry } from './entry.ts'
import { judgeQuorum, keysOfPolicy, type QuorumResult } from './quorum.ts'
import { isSignedBy, type VerifiedCheckpoint, verifyCheckpoint } from './verify-checkpoint.ts'

export type EntrySubject =
  /** The leaf can be read. */
  | 'entry'
  /** It is about this statement. */
  | 'statement'
  /** The signature in it is right for the statement. */
  | 'signature'
  /** The log signed the checkpoint, with a key of each kind that it is known to have. */
  | 'checkpoint'
  /** The leaf is in the tree of that checkpoint, at that place. */
  | 'inclusion'
  /** As many witnesses signed as the policy asks for. */
  | 'witnesses'

export type EntryFailure =
  | 'entry_malformed'
  | 'statement_other'
  | 'signature_wrong'
  | 'checkpoint_malformed'
  | 'checkpoint_signature_wrong'
  | 'checkpoint_signature_missing'
  | 'inclusion_wrong'
  | 'quorum_missing'

export type EntryGap =
  /** There is no statement to look at: it was erased, or kept back. */
  | 'statement_absent'
  /** The entry says nothing that could be compared. */
  | 'entry_unread'
  /** No log that we believe signed the checkpoint. */
  | 'log_unknown'

export type EntryCheck<Subject = EntrySubject, Failure = EntryFailure, Gap = EntryGap> =
  | { readonly subject: Subject; readonly outcome: 'holds' }
  | { readonly subject: Subject; readonly outcome: 'fails'; readonly reason: Failure }
  | { readonly subject: Subject; readonly outcome: 'unknown'; readonly reason: Gap }

export type EntryOutcome = 'holds' | 'fails' | 'unknown'

/** A statement, and what its log says about it. */
export interface LoggedStatement {
  /** Null where it was erased or is kept back. */
  readonly payload: Uint8Array | null
  readonly leaf: Uint8Array
  readonly index: bigint
  readonly proof: readonly Uint8Array[]
  /** Signed note. */
  readonly checkpoint: string | Uint8Array
}

/** Whom we believe about logs. */
export interface LogTrust {
  /** Of logs; the name of each is the origin of its log. */
  readonly keys: readonly VerifierKey[]
  /** How many witnesses it takes; null asks for none. */
  readonly policy: WitnessPolicy | null
}

export interface EntryReport {
  /** One check that fails: `fails`; else one unknown: `unknown`. */
  readonly outcome: EntryOutcome
  readonly checks: readonly EntryCheck[]
  readonly entry?: RekorEntry
  /** Signed by at least one key that we know. */
  readonly checkpoint?: VerifiedCheckpoint
  /** Seconds: the entry was in the log by then, if the quorum of witnesses is honest. */
  readonly notAfter?: bigint
}

/** Checks a statement against its log. Cost: two or three signatures, and some 30 hashes. */
export function verifyLoggedStatement(logged: LoggedStatement, trust: LogTrust, crypto: Crypto): EntryReport {
  const { payload, leaf } = logged
  const entry = readOrUndefined(leaf)
  const keys = [...trust.keys, ...(trust.policy === null ? [] : keysOfPolicy(trust.policy))]
  const result = verifyCheckpoint(logged.checkpoint, keys, crypto)
  const checkpoint = result.state === 'valid' ? result : undefined
  const quorum = trust.policy === null || checkpoint === undefined ? undefined : judgeQuorum(trust.policy, checkpoint)
  const checks: readonly EntryCheck[] = [
    entry === undefined ? fails('entry', 'entry_malformed') : holds('entry'),
    ...checkStatement(entry, payload, crypto),
    checkCheckpoint(result, trust.keys),
    checkInclusion(logged, checkpoint, crypto),
    ...(trust.policy === null ? [] : [checkWitnesses(quorum)]),
  ]
  return {
    outcome: outcomeOf(checks),
    checks,
    ...(entry && { entry }),
    ...(checkpoint && { checkpoint }),
    ...(quorum?.notAfter !== undefined && { notAfter: quorum.notAfter }),
  }
}

/** What checks add up to: the worst of them; `unknown` for none. */
export function outcomeOf(checks: readonly { readonly outcome: EntryOutcome }[]): EntryOutcome {
  if (checks.some(({ outcome }) => outcome === 'fails')) return 'fails'
  return checks.length > 0 && checks.every(({ outcome }) => outcome === 'holds') ? 'holds' : 'unknown'
}

export const holds = <const Subject>(subject: Subject) => ({ subject, outcome: 'holds' }) as const
export const fails = <const Subject, const Reason>(subject: Subject, reason: Reason) =>
  ({ subject, outcome: 'fails', reason }) as const
export const unknown = <const Subject, const Reason>(subject: Subject, reason: Reason) =>
  ({ subject, outcome: 'unknown', reason }) as const

function readOrUndefined(leaf: Uint8Array): RekorEntry | undefined {
  try {
    return readEntry(leaf)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function checkStatement(
  entry: RekorEntry | undefined,
  payload: Uint8Array | null,
  crypto: Crypto,
): readonly EntryCheck[] {
  const subjects = ['statement', 'signature'] as const
  if (entry === undefined) return subjects.map((subject) => unknown(subject, 'entry_unread'))
  if (payload === null) return subjects.map((subject) => unknown(subject, 'statement_absent'))
  return [
    isEntryOf(entry, payload, crypto.hash) ? holds('statement') : fails('statement', 'statement_other'),
    isSignatureRight(entry, payload, crypto) ? holds('signature') : fails('signature', 'signature_wrong'),
  ]
}

function checkCheckpoint(result: ReturnType<typeof verifyCheckpoint>, logs: readonly VerifierKey[]): EntryCheck {
  if (result.state === 'malformed') return fails('checkpoint', 'checkpoint_malformed')
  if (result.state === 'signature_wrong') return fails('checkpoint', 'checkpoint_signature_wrong')
  if (result.state === 'unsigned') return unknown('checkpoint', 'log_unknown')
  const { origin, extensions } = result.checkpoint
  const own = logs.filter(({ name }) => name === origin)
  if (!own.some((key) => isSignedBy(result, key))) return unknown('checkpoint', 'log_unknown')
  // Whoever breaks one algorithm shall not get by with leaving the other one away.
  const isComplete = own.every(({ type }) => own.some((key) => key.type === type && isSignedBy(result, key)))
  if (!isComplete) return fails('checkpoint', 'checkpoint_signature_missing')
  // ML-DSA-44 does not cover extension lines: anybody could have written them.
  if (extensions.length > 0 && !result.isTextSigned) return fails('checkpoint', 'checkpoint_signature_missing')
  return holds('checkpoint')
}

function checkInclusion(
  { leaf, index, proof }: LoggedStatement,
  verified: VerifiedCheckpoint | undefined,
  crypto: Crypto,
): EntryCheck {
  if (verified === undefined) return unknown('inclusion', 'log_unknown')
  const { size, root } = verified.checkpoint
  const isIncluded = verifyInclusion(crypto.hash, { entry: leaf, index, size, proof, root })
  return isIncluded ? holds('inclusion') : fails('inclusion', 'inclusion_wrong')
}

function checkWitnesses(quorum: QuorumResult | undefined): EntryCheck {
  if (quorum === undefined || quorum.state === 'log_unknown') return unknown('witnesses', 'log_unknown')
  return quorum.state === 'witnessed' ? holds('witnesses') : fails('witnesses', 'quorum_missing')
}
