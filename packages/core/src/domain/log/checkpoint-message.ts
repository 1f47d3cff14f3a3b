/**
 * Checkpoint message: which bytes a key signs when it signs a checkpoint.
 *
 * Source: C2SP signed-note, section "Ed25519 signatures"; C2SP tlog-cosignature, sections "Ed25519 signed message" and
 * "ML-DSA-44 signed message"; C2SP tlog-checkpoint, section "Signatures". The one place for it: signing and verifying
 * both come here.
 */
import { encodeUtf8 } from '../../bytes/text.ts'
import type { VerifierKey } from '../../formats/note/verifier-key.ts'
import type { Checkpoint } from '../../formats/tlog/checkpoint.ts'
import { cosignatureMessage, isSubtreeName, subtreeMessage } from '../../formats/tlog/cosignature.ts'

/** A checkpoint, and the text it was read from or is written as. */
export interface CheckpointText {
  readonly checkpoint: Checkpoint
  /** The text of the note, extension lines and last newline included. */
  readonly text: string
}

/**
 * What a key signs.
 *
 * @param timestamp  seconds; not part of what a key of type ed25519 signs
 * @returns undefined where a key for ML-DSA-44 cannot sign it: a subtree message holds names of up to 255 bytes
 */
export function checkpointMessage(
  { name, type }: VerifierKey,
  { checkpoint, text }: CheckpointText,
  timestamp: bigint,
): Uint8Array | undefined {
  if (type === 'ed25519') return encodeUtf8(text)
  if (type === 'cosignature-ed25519') return cosignatureMessage(text, timestamp)
  const { origin, size, root } = checkpoint
  if (!isSubtreeName(name) || !isSubtreeName(origin)) return undefined
  return subtreeMessage({ cosigner: name, timestamp, origin, start: 0n, end: size, hash: root })
}
