/**
 * Crypto: the port through which `core` checks and makes signatures.
 *
 * The runtime hands in its own: native in Node, portable code in a browser, a token behind PKCS#11. Messages are
 * digested by the caller where the algorithm allows it, so that gigabytes are hashed once for many signatures.
 */
import type { HashFactory, HashName } from './hash.ts'

/** Signature algorithms over a digest: RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2) and ECDSA (FIPS 186-5), DER-encoded. */
export type DigestAlgorithm = 'rsa' | 'ecdsa-p256' | 'ecdsa-p384'
/** Signature algorithms over a whole message: Ed25519 (RFC 8032) and ML-DSA-44 with an empty context (FIPS 204). */
export type MessageAlgorithm = 'ed25519' | 'ml-dsa-44'
export type KeyAlgorithm = DigestAlgorithm | MessageAlgorithm

/** Checking; all of it public, nothing here needs a secret. */
export interface Crypto {
  readonly hash: HashFactory
  /**
   * Whether `signature` is right for a digest. False, never an exception, for a malformed signature or key.
   * @param spki  SubjectPublicKeyInfo, DER (RFC 5280 section 4.1.2.7)
   */
  verifyDigest(spki: Uint8Array, name: HashName, digest: Uint8Array, signature: Uint8Array): boolean
  /** The same for the algorithms that take the whole message. */
  verifyMessage(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}

/** One private key that can sign, with the certificate that names its holder. The key itself never shows. */
export interface Signer {
  readonly algorithm: KeyAlgorithm
  /** X.509 certificate, DER. */
  readonly certificate: Uint8Array
  /** Issuers, leaf's issuer first, up to the root, DER. */
  readonly chain: readonly Uint8Array[]
  /**
   * Signs a digest (RSA, ECDSA).
   * @throws {KeyError} `token_refused` and its siblings
   * @throws {TypeError} for an algorithm that signs whole messages
   */
  signDigest(name: HashName, digest: Uint8Array): Promise<Uint8Array>
  /** Signs a whole message: all algorithms; RSA and ECDSA digest it with SHA-256 first. */
  signMessage(message: Uint8Array): Promise<Uint8Array>
}
