/**
 * Entry: the leaf that stands in the log for a signed statement.
 *
 * The leaf holds the digest of the statement, one signature over it and the signer's key, and nothing of what it says:
 * it can be published, and stays right when the statement is erased. It follows from statement, signature and key
 * alone, so that a seal file is enough to look its entry up.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type Envelope, encodePae } from '../../formats/dsse/envelope.ts'
import { formatRekorEntry, keyDetailsOf, parseRekorEntry, type RekorEntry } from '../../formats/sigstore/rekor-entry.ts'

/** DSSE payload type of in-toto statements. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** A statement with the one signature that the log keeps. */
export interface SignedPayload {
  readonly payload: Uint8Array
  /** Over {@link signedBytes}: Ed25519, or ECDSA on P-256 in DER. */
  readonly signature: Uint8Array
  /** SubjectPublicKeyInfo of the signer, DER. */
  readonly spki: Uint8Array
}

/** What the signature of a statement is over: its pre-authentication encoding. */
export const signedBytes = (payload: Uint8Array): Uint8Array => encodePae(PAYLOAD_TYPE, payload)

/**
 * The leaf of a signed statement. Does not check the signature.
 * @throws {FormatError} `entry_malformed` for another kind of key, or a signature that cannot be one of it
 */
export function makeEntry({ payload, signature, spki }: SignedPayload, hashes: HashFactory): Uint8Array {
  const keyDetails = keyDetailsOf(spki)
  if (keyDetails === undefined) throw new FormatError('entry_malformed', 'the key is neither Ed25519 nor P-256')
  return formatRekorEntry({ payloadSha256: digestOf(hashes, 'sha256', payload), signature, keyDetails, spki })
}

/** What a leaf says. @throws {FormatError} `entry_malformed` */
export const readEntry = (leaf: Uint8Array): RekorEntry => parseRekorEntry(leaf)

/**
 * The leaf of a statement in its envelope.
 *
 * @param spki   of the signer
 * @param keyid  which of the signatures; may be left out where there is one
 * @throws {FormatError} `entry_malformed`, also for an envelope of another payload type or without that signature
 */
export function entryOfEnvelope(envelope: Envelope, spki: Uint8Array, hashes: HashFactory, keyid?: string): Uint8Array {
  if (envelope.payloadType !== PAYLOAD_TYPE) throw new FormatError('entry_malformed', 'holds no in-toto statement')
  const candidates = envelope.signatures.filter((signature) => keyid === undefined || signature.keyid === keyid)
  const [signature] = candidates
  if (signature === undefined || candidates.length > 1) {
    throw new FormatError('entry_malformed', `${candidates.length} signatures where the log keeps one`)
  }
  return makeEntry({ payload: envelope.payload, signature: signature.sig, spki }, hashes)
}

/** Whether an entry is about this statement. */
export const isEntryOf = (entry: RekorEntry, payload: Uint8Array, hashes: HashFactory): boolean =>
  equalBytes(entry.payloadSha256, digestOf(hashes, 'sha256', payload))

/** Whether the signature in an entry is right for the statement. */
export const isSignatureRight = ({ signature, spki }: RekorEntry, payload: Uint8Array, crypto: Crypto): boolean =>
  crypto.verifyMessage(spki, signedBytes(payload), signature)
