/**
 * Witness: whether a witness cosigns what a log submits, and what it answers if not.
 *
 * Source: C2SP tlog-witness, section "add-checkpoint". The decision is pure: reading the record of the log, changing it in
 * one step with this decision, and signing are left to the service; the statuses of HTTP to its face. Where a log has
 * signed two trees that do not fit, the decision comes with the evidence.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { verifyConsistency } from '../../formats/merkle/consistency.ts'
import { parseNote } from '../../formats/note/note.ts'
import type { VerifierKey } from '../../formats/note/verifier-key.ts'
import { type Checkpoint, parseCheckpoint } from '../../formats/tlog/checkpoint.ts'
import { type AddCheckpoint, parseAddCheckpoint } from '../../formats/tlog/witness-request.ts'
import { findPrefixRoot, type SplitView } from './split-view.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from './verify-checkpoint.ts'
import { selectSignatures } from './witness-note.ts'

/** A log that a witness watches. */
export interface WatchedLog {
  readonly origin: string
  /** A checkpoint needs the signature of one of them. */
  readonly keys: readonly VerifierKey[]
}

/** The newest checkpoint of a log that a witness has cosigned. */
export interface WitnessedTree {
  readonly size: bigint
  /** 32 bytes. */
  readonly root: Uint8Array
  /** The signed note. */
  readonly note: string
}

/** A request whose checkpoint one of the log's keys has signed. */
export interface Submission {
  readonly outcome: 'submitted'
  readonly request: AddCheckpoint
  readonly verified: VerifiedCheckpoint
  /** The checkpoint with the signatures of its log, and no others. */
  readonly note: string
}

export interface Refusal {
  /**
   * `malformed`: no request, or an old size over that of the checkpoint. `log_unknown`: the witness does not watch this
   * origin. `signature_missing`: no key of the log has signed, or one has signed wrongly.
   */
  readonly outcome: 'malformed' | 'log_unknown' | 'signature_missing'
}

export type WitnessDecision =
  | { readonly outcome: 'consistent' }
  /**
   * `size_moved`: the old size is not that of the record. `root_differs`: it is, and of the same size, but the root is
   * another. Both are answered with the size of the record.
   */
  | { readonly outcome: 'size_moved' | 'root_differs'; readonly size: bigint; readonly evidence?: WitnessEvidence }
  /** The proof does not lead from the record to the checkpoint. */
  | { readonly outcome: 'proof_wrong'; readonly evidence?: WitnessEvidence }

/** Evidence, but for who has found it where and when. */
export type WitnessEvidence = Pick<SplitView, 'smaller' | 'larger' | 'proof' | 'prefixRoot'>

/** Reads a request, and looks at its signatures. Cost: one check for each line of a key of the log. */
export function readSubmission(
  body: string | Uint8Array,
  logs: readonly WatchedLog[],
  crypto: Crypto,
): Submission | Refusal {
  const request = parseRequest(body)
  if (request === undefined) return { outcome: 'malformed' }
  const { origin } = checkpointOf(request)
  const log = logs.find((candidate) => candidate.origin === origin)
  if (log === undefined) return { outcome: 'log_unknown' }
  const verified = verifyCheckpoint(request.checkpoint, log.keys, crypto)
  const note = verified.state === 'valid' ? selectSignatures(request.checkpoint, log.keys) : undefined
  if (verified.state !== 'valid' || note === undefined) return { outcome: 'signature_missing' }
  return { outcome: 'submitted', request, verified, note }
}

/**
 * Decides on a submission.
 *
 * @param record  undefined if nothing of this log was cosigned yet: it is held to the tree without entries
 */
export function decideAddCheckpoint(
  { request, verified, note }: Submission,
  record: WitnessedTree | undefined,
  hashes: HashFactory,
): WitnessDecision {
  const { size, root } = verified.checkpoint
  const known = record ?? { size: 0n, root: digestOf(hashes, 'sha256'), note: undefined }
  const isFork = size === known.size && !equalBytes(root, known.root)
  const fork = isFork && known.note !== undefined ? { evidence: pair(known.note, note) } : {}
  if (request.oldSize !== known.size) return { outcome: 'size_moved', size: known.size, ...fork }
  if (isFork) return { outcome: 'root_differs', size: known.size, ...fork }

  const { proof } = request
  const claim = { firstSize: known.size, firstRoot: known.root, secondSize: size, secondRoot: root, proof }
  if (verifyConsistency(hashes, claim)) return { outcome: 'consistent' }
  if (known.note === undefined || size === known.size) return { outcome: 'proof_wrong' }
  const prefixRoot = findPrefixRoot(hashes, claim)
  const evidence = { ...pair(known.note, note), proof, ...(prefixRoot && { prefixRoot }) }
  return { outcome: 'proof_wrong', evidence }
}

function pair(record: string, submitted: string): WitnessEvidence {
  return { smaller: { source: 'record', note: record }, larger: { source: 'submission', note: submitted }, proof: [] }
}

function parseRequest(body: string | Uint8Array): AddCheckpoint | undefined {
  try {
    return parseAddCheckpoint(body)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** What the parser of the request has looked at already. */
const checkpointOf = ({ checkpoint }: AddCheckpoint): Checkpoint => parseCheckpoint(parseNote(checkpoint).text)
