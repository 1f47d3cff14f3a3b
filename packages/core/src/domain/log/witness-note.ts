/**
 * Witness note: moves signature lines between a checkpoint and the answers of witnesses.
 *
 * Source: C2SP signed-note, tlog-witness (the lines of unknown keys are ignored). Lines are chosen by the name and ID of
 * their key; whether they hold is for verify-checkpoint.ts to say.
 */
import { equalBytes } from '../../bytes/text.ts'
import { formatNote, NOTE_SIGNATURES_LIMIT, type NoteSignature, parseNote } from '../../formats/note/note.ts'
import type { VerifierKey } from '../../formats/note/verifier-key.ts'

/** Whether a signature claims to be of one of these keys. */
export function isClaimedBy({ name, keyId }: NoteSignature, keys: readonly VerifierKey[]): boolean {
  return keys.some((key) => key.name === name && equalBytes(key.keyId, keyId))
}

/**
 * The note with such lines only as claim to be of these keys; undefined if there are none.
 * @throws {FormatError} `note_malformed`
 */
export function selectSignatures(note: string, keys: readonly VerifierKey[]): string | undefined {
  const { text, signatures } = parseNote(note)
  const selected = signatures.filter((signature) => isClaimedBy(signature, keys))
  return selected.length === 0 ? undefined : formatNote({ text, signatures: selected })
}

/**
 * The note with more lines under it, each key's first line only.
 * @throws {FormatError} `note_malformed`
 * @throws {RangeError} if there are more than a note can have
 */
export function addSignatures(note: string, added: readonly NoteSignature[]): string {
  const { text, signatures } = parseNote(note)
  const all: NoteSignature[] = []
  for (const line of [...signatures, ...added]) {
    if (!all.some(({ name, keyId }) => name === line.name && equalBytes(keyId, line.keyId))) all.push(line)
  }
  if (all.length > NOTE_SIGNATURES_LIMIT) throw new RangeError('more signatures than a note can have')
  return formatNote({ text, signatures: all })
}
