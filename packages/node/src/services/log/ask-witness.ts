/**
 * Ask a witness: one witness, one checkpoint, and all that it may answer.
 *
 * Source: C2SP tlog-witness, section "add-checkpoint". A witness that knows another size is asked again from there. One
 * that knows a tree which does not fit ours is a conflict: either it lies, or our log has two histories.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { findPrefixRoot, type SplitView } from '@fiducial/core/domain/log/split-view.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { isClaimedBy } from '@fiducial/core/domain/log/witness-note.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { formatNote, type NoteSignature, parseSignatureLines } from '@fiducial/core/formats/note/note.ts'
import type { VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import type { PolicyWitness } from '@fiducial/core/formats/tlog/policy.ts'
import { formatAddCheckpoint, parseTreeSize } from '@fiducial/core/formats/tlog/witness-request.ts'
import { askRemote, below, type Fetch, type RemoteAnswer, textOf } from './remote.ts'
import { originId } from './witness-service.ts'

/** Bytes of an answer: a cosignature of ML-DSA-44 takes 3.4 KB. */
const ANSWER_LIMIT = 64 * 1024
const CHECKPOINT_LIMIT = 256 * 1024
/** A witness whose size moves faster than that is asked again with the next checkpoint. */
const TRIES = 4

/** The log for whose checkpoint witnesses are asked. */
export interface WitnessedLog {
  /** RFC 6962 consistency proof between two sizes of the log; its errors end the asking. */
  prove(first: bigint, second: bigint): Promise<readonly Uint8Array[]>
  /** Root of the log at a size, 32 bytes; without it there is less evidence of a conflict. */
  rootAt?(size: bigint): Promise<Uint8Array>
}

/** What to ask for. */
export interface Question {
  readonly verified: VerifiedCheckpoint
  /** The checkpoint with the signatures of its log and no others. */
  readonly note: string
  readonly log: WitnessedLog
  /** Keys of the log. */
  readonly keys: readonly VerifierKey[]
  /** The largest size that the log has ever signed. */
  readonly largestSize: bigint
}

/** One address, and the witnesses of the policy that answer there. */
export interface WitnessAddress {
  readonly url: string
  readonly witnesses: readonly PolicyWitness[]
}

export interface AskContext {
  readonly fetch: Fetch
  readonly crypto: Crypto
  readonly now: () => Date
  readonly signal: AbortSignal
  /** Newest size that each address is known to have, by its URL; kept up to date. */
  readonly sizes: Map<string, bigint>
}

export type WitnessReport = { readonly url: string } & WitnessOutcome

export type WitnessOutcome =
  /** Names of the policy; and of these, none whose signature is missing. */
  | { readonly outcome: 'cosigned'; readonly names: readonly string[] }
  /** Nobody there; too slow; no longer needed. */
  | { readonly outcome: 'unreachable' | 'aborted' }
  | { readonly outcome: 'refused'; readonly status: number }
  /** Something that the standard does not know, or a cosignature that does not hold or is of nobody known. */
  | { readonly outcome: 'answer_malformed' | 'cosignature_wrong' | 'cosignature_missing' }
  /** It has cosigned a larger checkpoint that the log has signed. */
  | { readonly outcome: 'ahead'; readonly size: bigint }
  /** It keeps moving. */
  | { readonly outcome: 'size_unsteady' }
  /** It knows a tree of this size that does not fit, with evidence where it shows the checkpoint. */
  | { readonly outcome: 'conflict'; readonly size: bigint; readonly evidence?: SplitView }

export interface WitnessReply {
  readonly report: WitnessReport
  /** Cosignatures that hold. */
  readonly signatures: readonly NoteSignature[]
}

/** Asks at one address. Rejects only with what `prove` rejects with. */
export async function askWitness(
  context: AskContext,
  address: WitnessAddress,
  question: Question,
): Promise<WitnessReply> {
  const { url } = address
  const { size } = question.verified.checkpoint
  for (let tries = 0; tries < TRIES; tries++) {
    const known = context.sizes.get(url) ?? 0n
    const oldSize = known <= size ? known : 0n
    const proof = await question.log.prove(oldSize, size)
    const body = formatAddCheckpoint({ oldSize, proof, checkpoint: question.note })
    const init = { method: 'POST', body, signal: context.signal }
    const answer = await askRemote(context.fetch, below(url, 'add-checkpoint'), init, ANSWER_LIMIT)
    if (answer === 'too_long') return reply(url, { outcome: 'answer_malformed' })
    if (answer === 'unreachable' || answer === 'aborted') return reply(url, { outcome: answer })
    if (answer.status === 200) return readCosignatures(context, address, question, answer)
    // Its size is right, and our proof does not lead on from there: it has another tree of that size.
    if (answer.status === 422) return conflict(context, address, question, oldSize, proof)
    if (answer.status !== 409) return reply(url, { outcome: 'refused', status: answer.status })

    const told = readSize(answer)
    if (told === undefined) return reply(url, { outcome: 'answer_malformed' })
    if (told > question.largestSize || (told === oldSize && told === size)) {
      return conflict(context, address, question, told, [])
    }
    context.sizes.set(url, told)
    if (told > size) return reply(url, { outcome: 'ahead', size: told })
    if (told === oldSize) return reply(url, { outcome: 'answer_malformed' })
  }
  return reply(url, { outcome: 'size_unsteady' })
}

function reply(url: string, outcome: WitnessOutcome, signatures: readonly NoteSignature[] = []): WitnessReply {
  return { report: { url, ...outcome }, signatures }
}

function readSize(answer: RemoteAnswer): bigint | undefined {
  const text = answer.type === 'text/x.tlog.size' ? textOf(answer) : undefined
  try {
    return text === undefined ? undefined : parseTreeSize(text)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function readCosignatures(
  { crypto, sizes }: AskContext,
  { url, witnesses }: WitnessAddress,
  { verified }: Question,
  answer: RemoteAnswer,
): WitnessReply {
  sizes.set(url, verified.checkpoint.size)
  const lines = readLines(answer)
  if (lines === undefined) return reply(url, { outcome: 'answer_malformed' })
  const keys = witnesses.map(({ key }) => key)
  const signatures = lines.filter((line) => isClaimedBy(line, keys))
  if (signatures.length === 0) return reply(url, { outcome: 'cosignature_missing' })
  const result = verifyCheckpoint(formatNote({ text: verified.text, signatures }), keys, crypto)
  if (result.state !== 'valid') return reply(url, { outcome: 'cosignature_wrong' })
  const names = witnesses.filter(({ key }) => result.valid.some((valid) => valid.key === key)).map(({ name }) => name)
  return reply(url, { outcome: 'cosigned', names }, signatures)
}

function readLines(answer: RemoteAnswer): readonly NoteSignature[] | undefined {
  try {
    return parseSignatureLines(answer.bytes)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** A conflict, with the checkpoint of the witness if it shows it: one that serves monitors does. */
async function conflict(
  context: AskContext,
  { url }: WitnessAddress,
  question: Question,
  size: bigint,
  proof: readonly Uint8Array[],
): Promise<WitnessReply> {
  const address = below(url, `checkpoints/${originId(question.verified.checkpoint.origin, context.crypto)}`)
  const answer = await askRemote(context.fetch, address, { signal: context.signal }, CHECKPOINT_LIMIT)
  const isShown = typeof answer === 'object' && answer.status === 200
  const theirs = isShown ? verifyCheckpoint(answer.bytes, question.keys, context.crypto) : undefined
  if (theirs?.state !== 'valid') return reply(url, { outcome: 'conflict', size })
  const evidence = await compare(context, question, { source: address, verified: theirs }, proof)
  return reply(url, { outcome: 'conflict', size, ...(evidence && { evidence }) })
}

/** Our checkpoint and theirs, in the order of their sizes; undefined where they are the same. */
async function compare(
  { crypto, now }: AskContext,
  { verified, note, log }: Question,
  theirs: { readonly source: string; readonly verified: VerifiedCheckpoint },
  proof: readonly Uint8Array[],
): Promise<SplitView | undefined> {
  const { origin, size, root } = verified.checkpoint
  const other = theirs.verified.checkpoint
  if (other.origin !== origin || (other.size === size && equalBytes(other.root, root))) return undefined
  const ours = { source: 'record', note }
  const seen = { source: theirs.source, note: theirs.verified.note }
  const common = { origin, foundAt: now() }
  if (other.size >= size) return { ...common, smaller: ours, larger: seen, proof: [] }
  const claim = { firstSize: other.size, firstRoot: other.root, secondSize: size, secondRoot: root, proof }
  const prefixRoot = (await log.rootAt?.(other.size)) ?? findPrefixRoot(crypto.hash, claim)
  return { ...common, smaller: seen, larger: ours, proof, ...(prefixRoot && { prefixRoot }) }
}
