/**
 * Verify a checkpoint: who of those whom we know has signed it.
 *
 * Source: C2SP signed-note, section "Signatures"; C2SP tlog-checkpoint and tlog-cosignature. Signatures of unknown keys
 * are ignored; one wrong signature of a known key refuses the whole note. Whether those who signed are enough is left to
 * quorum.ts, whether the tree grew honestly to formats/merkle.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { decodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type NoteSignature, parseNote } from '../../formats/note/note.ts'
import { isSameKey, spkiOfVerifierKey, type VerifierKey } from '../../formats/note/verifier-key.ts'
import { parseCheckpoint } from '../../formats/tlog/checkpoint.ts'
import { parseTimestamped, type TimestampedSignature } from '../../formats/tlog/cosignature.ts'
import { type CheckpointText, checkpointMessage } from './checkpoint-message.ts'

/** A signature that holds. */
export interface CheckpointSignature {
  /** One of the keys that were handed in. */
  readonly key: VerifierKey
  /** Seconds, at least 1n: when the checkpoint was the newest that the cosigner knew. Missing where nothing is said. */
  readonly timestamp?: bigint
}

/** A checkpoint that at least one of the keys has signed, and against which none speaks. */
export interface VerifiedCheckpoint extends CheckpointText {
  readonly state: 'valid'
  /** The note as it came. */
  readonly note: string
  /** In the order of the note, at least one; a key may be there more than once. */
  readonly valid: readonly CheckpointSignature[]
  /**
   * Whether a signature covers the extension lines, too. Those of ML-DSA-44 do not: where this is false, anybody may
   * have written the lines of `checkpoint.extensions`.
   */
  readonly isTextSigned: boolean
}

export type CheckpointResult =
  | VerifiedCheckpoint
  /** No note, or no checkpoint in it. */
  | { readonly state: 'malformed'; readonly error: FormatError }
  /** None of the keys has signed. */
  | { readonly state: 'unsigned' }
  /** A signature under the name and key ID of this key does not hold. */
  | { readonly state: 'signature_wrong'; readonly key: VerifierKey }

/**
 * Checks the signatures of a note with a checkpoint.
 *
 * @param note  UTF-8, or the text of it
 * @param keys  of logs and witnesses: all that we know. What each may vouch for is left to the caller
 */
export function verifyCheckpoint(
  note: string | Uint8Array,
  keys: readonly VerifierKey[],
  crypto: Crypto,
): CheckpointResult {
  const parsed = parse(note)
  if (parsed instanceof FormatError) return { state: 'malformed', error: parsed }
  const valid: CheckpointSignature[] = []
  for (const signature of parsed.signatures) {
    const candidates = keys.filter((key) => isClaimed(key, signature))
    const [candidate] = candidates
    if (candidate === undefined) continue
    const holds = findHolding(candidates, signature, parsed, crypto)
    if (holds === undefined) return { state: 'signature_wrong', key: candidate }
    valid.push(holds)
  }
  if (valid.length === 0) return { state: 'unsigned' }
  const { checkpoint, text, whole } = parsed
  const isTextSigned = valid.some(({ key }) => key.type !== 'cosignature-ml-dsa-44')
  return { state: 'valid', checkpoint, text, note: whole, valid, isTextSigned }
}

/** Whether a key is among those that have signed. */
export function isSignedBy({ valid }: VerifiedCheckpoint, key: VerifierKey): boolean {
  return valid.some((signature) => isSameKey(signature.key, key))
}

interface ParsedNote extends CheckpointText {
  readonly whole: string
  readonly signatures: readonly NoteSignature[]
}

function parse(note: string | Uint8Array): ParsedNote | FormatError {
  try {
    const { text, signatures } = parseNote(note)
    const whole = typeof note === 'string' ? note : decodeUtf8(note)
    return { text, signatures, checkpoint: parseCheckpoint(text), whole }
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
}

const isClaimed = (key: VerifierKey, { name, keyId }: NoteSignature): boolean =>
  key.name === name && equalBytes(key.keyId, keyId)

/** Two keys of one name may share a key ID by chance or intent: each of them is believed, so either may have signed. */
function findHolding(
  keys: readonly VerifierKey[],
  { signature }: NoteSignature,
  text: CheckpointText,
  crypto: Crypto,
): CheckpointSignature | undefined {
  for (const key of keys) {
    const parts = readSignature(key, signature)
    if (parts === undefined || !verify(key, parts, text, crypto)) continue
    return parts.timestamp > 0n ? { key, timestamp: parts.timestamp } : { key }
  }
  return undefined
}

function verify(
  key: VerifierKey,
  { timestamp, signature }: TimestampedSignature,
  text: CheckpointText,
  crypto: Crypto,
): boolean {
  const message = checkpointMessage(key, text, timestamp)
  return message !== undefined && crypto.verifyMessage(spkiOfVerifierKey(key), message, signature)
}

/** Undefined for a signature that has not even the shape that those of the key have. */
function readSignature({ type }: VerifierKey, signature: Uint8Array): TimestampedSignature | undefined {
  if (type === 'ed25519') return { timestamp: 0n, signature }
  try {
    return parseTimestamped(signature, type)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
