/**
 * Portable crypto: the Crypto port in plain JavaScript, for browsers and as a second opinion on the native one.
 *
 * Source: RFC 8017 section 8.2.2 (RSASSA-PKCS1-v1_5), FIPS 186-5 (ECDSA), RFC 8032 (Ed25519), FIPS 204 (ML-DSA-44).
 * Curves, lattices and digests come from the noble libraries; RSA is one modular power of public numbers, so that
 * nothing here has to run in constant time.
 *
 * Known flaw: an Ed25519 key of small order, which no honest holder makes, is judged by the cofactored equation here
 * and by the cofactorless one in OpenSSL; the two may differ on it.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { md5, ripemd160, sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import type { Crypto } from './crypto.ts'
import type { Hash, HashName } from './hash.ts'
import { encodeHex } from './hex.ts'
import { encodeEmsaPkcs1, readPublicKey, rememberKeys } from './public-key.ts'
import { verifyEcdsa } from './verify-ecdsa.ts'

const HASHES = { md5, ripemd160, sha1, sha256, sha384, sha512 } satisfies Record<HashName, unknown>
const NOT_A_KEY = { verifyDigest: () => false, verifyMessage: () => false }

/** What one key can do; the port without the key. */
interface Verifier {
  verifyDigest(name: HashName, digest: Uint8Array, signature: Uint8Array): boolean
  verifyMessage(message: Uint8Array, signature: Uint8Array): boolean
}

/**
 * The port on portable code.
 * Cost on a desktop: 0.3 ms for RSA-3072, 1 to 5 ms for a curve, 1.5 ms for ML-DSA-44; SHA-256 at 0.1 to 0.3 GB/s.
 */
export function createPortableCrypto(): Crypto {
  const verifierOf = rememberKeys(createVerifier)
  return {
    hash: (name) => wrapHash(HASHES[name].create()),
    verifyDigest: (spki, name, digest, signature) => verifierOf(spki).verifyDigest(name, digest, signature),
    verifyMessage: (spki, message, signature) => verifierOf(spki).verifyMessage(message, signature),
  }
}

export const portableCrypto: Crypto = createPortableCrypto()

function createVerifier(spki: Uint8Array): Verifier {
  const key = readPublicKey(spki)
  switch (key?.algorithm) {
    case 'rsa': {
      const modulus = toNumber(key.modulus)
      const exponent = toNumber(key.exponent)
      return overDigest((name, digest, signature) => {
        if (signature.length !== key.modulus.length) return false
        const value = toNumber(signature)
        if (value >= modulus) return false
        return powerOf(value, exponent, modulus) === toNumber(encodeEmsaPkcs1(name, digest, signature.length))
      })
    }
    case 'ecdsa-p256':
    case 'ecdsa-p384':
      return overDigest((_name, digest, signature) => verifyEcdsa(key.algorithm, key.point, digest, signature))
    case 'ed25519':
      return overMessage((message, signature) => ed25519.verify(signature, message, key.key, { zip215: false }))
    case 'ml-dsa-44':
      return overMessage((message, signature) => ml_dsa44.verify(signature, message, key.key))
    case undefined:
      return NOT_A_KEY
  }
}

function overDigest(verifyDigest: Verifier['verifyDigest']): Verifier {
  const checked: Verifier['verifyDigest'] = (name, digest, signature) =>
    digest.length === HASHES[name].outputLen && verifyDigest(name, digest, signature)
  return {
    verifyDigest: checked,
    verifyMessage: (message, signature) => checked('sha256', sha256(message), signature),
  }
}

function overMessage(verify: Verifier['verifyMessage']): Verifier {
  return {
    verifyDigest: () => false,
    verifyMessage: (message, signature) => {
      try {
        return verify(message, signature)
      } catch {
        return false
      }
    },
  }
}

interface NobleHash {
  update(bytes: Uint8Array): unknown
  clone(): NobleHash
  digest(): Uint8Array
}

function wrapHash(state: NobleHash): Hash {
  return {
    update: (bytes) => void state.update(bytes),
    copy: () => wrapHash(state.clone()),
    digest: () => state.digest(),
  }
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes) || '0'}`)
}

/** Square and multiply from the exponent's lowest bit; all three are public. */
function powerOf(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}
