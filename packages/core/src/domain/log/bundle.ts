/**
 * Bundle: one event of the log as a Sigstore bundle, that others verify offline.
 *
 * The bundle of formats/sigstore, filled so that every value in it can be checked: the signer's key is named by its
 * digest, the checkpoint carries only signatures that the receiver is expected to know, timestamps are plain tokens
 * (formats/cms/plain-token.ts). So a verifier with the keys sees each byte that is changed: bundle-verify.ts.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { formatPlainToken } from '../../formats/cms/plain-token.ts'
import { writeTimestampResponse } from '../../formats/cms/timestamp.ts'
import { formatNote, type NoteSignature, parseNote } from '../../formats/note/note.ts'
import type { VerifierKey } from '../../formats/note/verifier-key.ts'
import { formatSigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { logKeyIdOf } from './bundle-trust.ts'
import { makeEntry, PAYLOAD_TYPE, type SignedPayload } from './entry.ts'

export interface BundleParts {
  readonly statement: SignedPayload
  readonly index: bigint
  readonly proof: readonly Uint8Array[]
  /** Signed note. */
  readonly checkpoint: string
  /** Ed25519 key of the log. */
  readonly log: VerifierKey
  /** Whose signatures on the checkpoint go along: further keys of the log and of witnesses that receivers know. */
  readonly cosigners: readonly VerifierKey[]
  /** RFC 3161 tokens, DER, over {@link bundleImprint}; at most 4. */
  readonly timestamps: readonly Uint8Array[]
}

/** What a timestamp is taken over: SHA-256 of the signature alone, as sigstore has it. */
export const bundleImprint = (signature: Uint8Array, hashes: HashFactory): Uint8Array =>
  digestOf(hashes, 'sha256', signature)

/**
 * Writes a bundle.
 * @throws {FormatError} for parts that no bundle can have: `entry_malformed`, `note_malformed`, `checkpoint_malformed`,
 *   `timestamp_malformed`, `bundle_malformed`
 */
export function exportBundle(parts: BundleParts, hashes: HashFactory): Uint8Array {
  const { statement, index, proof, checkpoint, log, cosigners, timestamps } = parts
  const hint = hintOf(statement.spki, hashes)
  return formatSigstoreBundle({
    envelope: {
      payloadType: PAYLOAD_TYPE,
      payload: statement.payload,
      signatures: [{ keyid: hint, sig: statement.signature }],
    },
    hint,
    logKeyId: logKeyIdOf(log, hashes),
    index,
    proof,
    checkpoint: keepSignatures(checkpoint, [log, ...cosigners]),
    body: makeEntry(statement, hashes),
    timestamps: timestamps.map((token) => writeTimestampResponse({ token: formatPlainToken(token) })),
  })
}

/** How a signer's key is called, as sigstore does: the SHA-256 of its SubjectPublicKeyInfo, in base64. */
export const hintOf = (spki: Uint8Array, hashes: HashFactory): string => encodeBase64(digestOf(hashes, 'sha256', spki))

/** A note with the signatures of some keys. */
function keepSignatures(note: string, keys: readonly VerifierKey[]): string {
  const { text, signatures } = parseNote(note)
  const kept = signatures.filter((signature) => isKnown(signature, keys))
  if (kept.length === 0) throw new FormatError('checkpoint_malformed', 'the checkpoint is not signed by this log')
  return formatNote({ text, signatures: kept })
}

/** Whether a signature claims to be by one of some keys. */
export const isKnown = ({ name, keyId }: NoteSignature, keys: readonly VerifierKey[]): boolean =>
  keys.some((key) => key.name === name && equalBytes(key.keyId, keyId))
