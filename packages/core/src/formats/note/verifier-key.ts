/**
 * Verifier key: the line of text that says whose signatures on a note to accept, and how they are made.
 *
 * Source: C2SP signed-note, sections "Verifier keys" and "Signature types"; the types of cosignatures are those of C2SP
 * tlog-cosignature. Other types are refused: nobody here could check them. Which keys to believe is left to others.
 */
import { decodeBase64, encodeBase64 } from '../../bytes/base64.ts'
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { concatBytes, encodeLatin1, encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'

/** Ed25519 over the note text; Ed25519 over a cosignature/v1 message; ML-DSA-44 over a subtree/v1 message. */
export type VerifierKeyType = 'ed25519' | 'cosignature-ed25519' | 'cosignature-ml-dsa-44'

export interface VerifierKey {
  /** Not empty; no white space, plus or control character. At most 255 bytes of UTF-8 for ML-DSA-44. */
  readonly name: string
  /** 4 bytes; with the name it says which key made a signature. A hint: not collision-resistant. */
  readonly keyId: Uint8Array
  readonly type: VerifierKeyType
  /** As RFC 8032 (32 bytes) or FIPS 204 (1,312 bytes) encode it. */
  readonly publicKey: Uint8Array
}

interface Kind {
  readonly type: VerifierKeyType
  /** Signature type identifier byte. */
  readonly identifier: number
  readonly keyBytes: number
  readonly signatureBytes: number
  /** SubjectPublicKeyInfo up to the key itself (RFC 8410 section 4, RFC 9881 section 4). */
  readonly spkiStart: Uint8Array
}

const ED25519 = {
  keyBytes: 32,
  signatureBytes: 64,
  spkiStart: encodeLatin1('\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'),
}
const ML_DSA_44 = {
  keyBytes: 1312,
  signatureBytes: 2420,
  spkiStart: encodeLatin1('\x30\x82\x05\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x03\x82\x05\x21\x00'),
}
const KINDS: readonly Kind[] = [
  { type: 'ed25519', identifier: 0x01, ...ED25519 },
  { type: 'cosignature-ed25519', identifier: 0x04, ...ED25519 },
  { type: 'cosignature-ml-dsa-44', identifier: 0x06, ...ML_DSA_44 },
]

export const KEY_ID_BYTES = 4
/** Bytes of UTF-8 of a name that fits the message of an ML-DSA-44 cosignature. */
export const SUBTREE_NAME_LIMIT = 255

/** What Unicode calls white space, plus, and the control characters that no note may hold. */
const NOT_IN_NAMES = /[\p{White_Space}+\x00-\x1f]/u

/** Whether a text can be the name of a key. */
export const isKeyName = (name: string): boolean => name !== '' && name.isWellFormed() && !NOT_IN_NAMES.test(name)

/**
 * Reads a verifier key; accepts exactly the spellings that {@link formatVerifierKey} writes.
 * @throws {FormatError} `verifier_key_malformed`, also for a type that is not one of the three, and for a wrong key ID
 */
export function parseVerifierKey(text: string, hashes: HashFactory): VerifierKey {
  // The base64 may hold a plus too, the name and the key ID may not.
  const [, name = '', idText, keyText = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? []
  if (!isKeyName(name)) throw malformed('its name, key ID or parts')
  const bytes = decodeKey(keyText)
  const kind = KINDS.find(({ identifier }) => identifier === bytes[0])
  if (kind === undefined) throw malformed('its type of signature')
  if (!fits(kind, name, bytes.subarray(1))) throw malformed('its length')

  const key = keyOf(kind, name, bytes.slice(1), hashes)
  if (encodeHex(key.keyId) !== idText) throw malformed('its key ID, which is of another name or key')
  return key
}

/** Writes a verifier key; the inverse of {@link parseVerifierKey}. */
export function formatVerifierKey({ name, keyId, type, publicKey }: VerifierKey): string {
  return `${name}+${encodeHex(keyId)}+${encodeBase64(concatBytes(Uint8Array.of(kindOf(type).identifier), publicKey))}`
}

/**
 * A verifier key from its parts.
 * @throws {RangeError} if the name cannot be one, or the key does not have the length of its type
 */
export function makeVerifierKey(
  name: string,
  type: VerifierKeyType,
  publicKey: Uint8Array,
  hashes: HashFactory,
): VerifierKey {
  const kind = kindOf(type)
  if (!isKeyName(name) || !fits(kind, name, publicKey)) throw new RangeError('not the name or length of a verifier key')
  return keyOf(kind, name, publicKey, hashes)
}

/** SubjectPublicKeyInfo, DER, by which the Crypto port checks signatures of this key. */
export function spkiOfVerifierKey({ type, publicKey }: VerifierKey): Uint8Array {
  return concatBytes(kindOf(type).spkiStart, publicKey)
}

/** Bytes of a bare signature of a type: 64 or 2,420. */
export const signatureLength = (type: VerifierKeyType): number => kindOf(type).signatureBytes

/** Same type, name and public key. */
export function isSameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.type === b.type && a.name === b.name && equalBytes(a.publicKey, b.publicKey)
}

function fits(kind: Kind, name: string, publicKey: Uint8Array): boolean {
  if (publicKey.length !== kind.keyBytes) return false
  return kind.type !== 'cosignature-ml-dsa-44' || encodeUtf8(name).length <= SUBTREE_NAME_LIMIT
}

function keyOf({ type, identifier }: Kind, name: string, publicKey: Uint8Array, hashes: HashFactory): VerifierKey {
  const digest = digestOf(hashes, 'sha256', encodeUtf8(`${name}\n`), Uint8Array.of(identifier), publicKey)
  return { name, keyId: digest.slice(0, KEY_ID_BYTES), type, publicKey }
}

function kindOf(type: VerifierKeyType): Kind {
  return KINDS.find((kind) => kind.type === type) as Kind
}

function decodeKey(text: string): Uint8Array {
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw malformed('its base64', cause)
  }
}

const malformed = (what: string, cause?: unknown): FormatError =>
  new FormatError('verifier_key_malformed', `not a verifier key: ${what}`, { cause })
