/**
 * Algorithm: which signature algorithm an AlgorithmIdentifier means, and checking bytes signed by it.
 *
 * Source: RFC 5280 section 4.1.1.2 with RFC 4055 (RSA), RFC 5758 (ECDSA), RFC 8410 (Ed25519), RFC 9881 (ML-DSA-44);
 * digests from RFC 5754, and RFC 3279 for those of old certificates.
 */
import type { Crypto, KeyAlgorithm } from '../../bytes/crypto.ts'
import { digestOf, type HashName } from '../../bytes/hash.ts'
import { type DerElement, DerFields, expectTag, readOid } from '../der/read.ts'
import { TAG } from '../der/tag.ts'
import { writeNull, writeOid, writeSequence } from '../der/write.ts'

/** How a certificate, list or token was signed. */
export type SignatureAlgorithm =
  | { readonly kind: 'rsa' | 'ecdsa'; readonly hash: HashName; readonly oid: string }
  | { readonly kind: 'ed25519' | 'ml-dsa-44'; readonly oid: string }
  /** Anything else: described, never verified. */
  | { readonly kind: 'other'; readonly oid: string }

const SIGNATURES: readonly SignatureAlgorithm[] = [
  { kind: 'rsa', hash: 'md5', oid: '1.2.840.113549.1.1.4' },
  { kind: 'rsa', hash: 'sha1', oid: '1.2.840.113549.1.1.5' },
  { kind: 'rsa', hash: 'sha256', oid: '1.2.840.113549.1.1.11' },
  { kind: 'rsa', hash: 'sha384', oid: '1.2.840.113549.1.1.12' },
  { kind: 'rsa', hash: 'sha512', oid: '1.2.840.113549.1.1.13' },
  { kind: 'ecdsa', hash: 'sha1', oid: '1.2.840.10045.4.1' },
  { kind: 'ecdsa', hash: 'sha256', oid: '1.2.840.10045.4.3.2' },
  { kind: 'ecdsa', hash: 'sha384', oid: '1.2.840.10045.4.3.3' },
  { kind: 'ecdsa', hash: 'sha512', oid: '1.2.840.10045.4.3.4' },
  { kind: 'ed25519', oid: '1.3.101.112' },
  { kind: 'ml-dsa-44', oid: '2.16.840.1.101.3.4.3.17' },
]
const BY_OID = new Map(SIGNATURES.map((algorithm) => [algorithm.oid, algorithm]))

const DIGESTS: Record<HashName, string> = {
  md5: '1.2.840.113549.2.5',
  ripemd160: '1.3.36.3.2.1',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
}
const DIGEST_BY_OID = new Map(Object.entries(DIGESTS).map(([name, oid]) => [oid, name as HashName]))

/** Reads an AlgorithmIdentifier of any kind. */
export function readAlgorithm(identifier: DerElement): { readonly oid: string; readonly parameters?: DerElement } {
  const fields = new DerFields(identifier)
  const oid = readOid(fields.take(TAG.oid))
  const parameters = fields.hasMore ? fields.take() : undefined
  fields.finish()
  return parameters ? { oid, parameters } : { oid }
}

/** Reads an AlgorithmIdentifier whose parameters, if there are any, must be NULL. */
export function readAlgorithmOid(identifier: DerElement): string {
  const { oid, parameters } = readAlgorithm(identifier)
  if (parameters) expectTag(parameters, TAG.null)
  return oid
}

/** Reads an AlgorithmIdentifier of a signature; one with parameters of its own, such as RSASSA-PSS, is `other`. */
export function readSignatureAlgorithm(identifier: DerElement): SignatureAlgorithm {
  const { oid } = readAlgorithm(identifier)
  const known = BY_OID.get(oid)
  if (!known) return { kind: 'other', oid }
  readAlgorithmOid(identifier)
  return known
}

/** The digest that an object identifier names, or undefined. */
export const digestByOid = (oid: string): HashName | undefined => DIGEST_BY_OID.get(oid)

/** The signature algorithm that an object identifier names, or undefined. */
export const signatureByOid = (oid: string): SignatureAlgorithm | undefined => BY_OID.get(oid)

/** AlgorithmIdentifier of a digest, without parameters (RFC 5754 section 2). */
export const writeDigestAlgorithm = (name: HashName): Uint8Array => writeSequence(writeOid(DIGESTS[name]))

/** AlgorithmIdentifier of a signature; NULL parameters for RSA alone. */
export function writeSignatureAlgorithm({ kind, oid }: SignatureAlgorithm): Uint8Array {
  return kind === 'rsa' ? writeSequence(writeOid(oid), writeNull()) : writeSequence(writeOid(oid))
}

/** The algorithm with which a key of ours signs certificates, lists and tokens. */
export function signatureAlgorithmOf(key: KeyAlgorithm): SignatureAlgorithm {
  const [kind, hash] = SIGNING[key]
  const found = SIGNATURES.find((known) => known.kind === kind && (!('hash' in known) || known.hash === hash))
  if (!found) throw new TypeError(`no signature algorithm for ${key}`)
  return found
}

const SIGNING: Record<KeyAlgorithm, readonly [kind: SignatureAlgorithm['kind'], hash?: HashName]> = {
  rsa: ['rsa', 'sha256'],
  'ecdsa-p256': ['ecdsa', 'sha256'],
  'ecdsa-p384': ['ecdsa', 'sha384'],
  ed25519: ['ed25519'],
  'ml-dsa-44': ['ml-dsa-44'],
}

/**
 * Whether `signature` is right for `message`. False for algorithms and keys that are not supported, too.
 *
 * @param spki  SubjectPublicKeyInfo of the signer, DER
 */
export function verifySigned(
  crypto: Crypto,
  spki: Uint8Array,
  algorithm: SignatureAlgorithm,
  { message, signature }: { readonly message: Uint8Array; readonly signature: Uint8Array },
): boolean {
  if (algorithm.kind === 'other') return false
  // With SHA-256 the port takes the message too, and native code then checks a curve ten times as fast.
  if (!('hash' in algorithm) || algorithm.hash === 'sha256') return crypto.verifyMessage(spki, message, signature)
  return crypto.verifyDigest(spki, algorithm.hash, digestOf(crypto.hash, algorithm.hash, message), signature)
}
