/**
 * Public key: the few shapes of SubjectPublicKeyInfo with which this project checks signatures.
 *
 * Source: RFC 5280 section 4.1.2.7; RFC 8017 appendix A.1.1 (RSA), RFC 5480 (P-256, P-384), RFC 8410 (Ed25519),
 * RFC 9881 (ML-DSA-44). Stands below the formats since both implementations of the Crypto port need it; any other
 * key is described, not used, by formats/x509.
 */

import type { HashName } from './hash.ts'
import { concatBytes, decodeLatin1 } from './text.ts'

/** A key that can check signatures. */
export type PublicKey =
  /** Both numbers big-endian without leading zeros; 2048 to 4096 bits, exponent odd, 3 to 2^64 - 1. */
  | { readonly algorithm: 'rsa'; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  /** Point as in SEC 1 section 2.3.3, compressed or not; whether it lies on the curve is not yet known. */
  | { readonly algorithm: 'ecdsa-p256' | 'ecdsa-p384'; readonly point: Uint8Array }
  | { readonly algorithm: 'ed25519' | 'ml-dsa-44'; readonly key: Uint8Array }

const SEQUENCE = 0x30
const INTEGER = 0x02
const BIT_STRING = 0x03

/** AlgorithmIdentifier, DER, as each of the standards demands it. */
const ALGORITHMS: readonly { readonly algorithm: PublicKey['algorithm']; readonly identifier: string }[] = [
  { algorithm: 'rsa', identifier: '\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00' },
  {
    algorithm: 'ecdsa-p256',
    identifier: '\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07',
  },
  { algorithm: 'ecdsa-p384', identifier: '\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22' },
  { algorithm: 'ed25519', identifier: '\x30\x05\x06\x03\x2b\x65\x70' },
  { algorithm: 'ml-dsa-44', identifier: '\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11' },
]

/**
 * Reads a key in its one DER spelling.
 *
 * @param spki  SubjectPublicKeyInfo, DER
 * @returns undefined for any other algorithm, size or spelling
 */
export function readPublicKey(spki: Uint8Array): PublicKey | undefined {
  const whole = readValue(spki, 0, SEQUENCE)
  if (!whole || whole.end !== spki.length) return undefined
  const identifier = readValue(spki, whole.start, SEQUENCE)
  if (!identifier) return undefined
  const bits = readValue(spki, identifier.end, BIT_STRING)
  if (!bits || bits.end !== spki.length || spki[bits.start] !== 0) return undefined

  const identifierText = decodeLatin1(spki.subarray(whole.start, identifier.end))
  const key = spki.subarray(bits.start + 1, bits.end)
  const algorithm = ALGORITHMS.find((known) => known.identifier === identifierText)?.algorithm
  switch (algorithm) {
    case 'rsa':
      return readRsa(key)
    case 'ecdsa-p256':
      return isPoint(key, 32) ? { algorithm, point: key } : undefined
    case 'ecdsa-p384':
      return isPoint(key, 48) ? { algorithm, point: key } : undefined
    case 'ed25519':
      return key.length === 32 ? { algorithm, key } : undefined
    case 'ml-dsa-44':
      return key.length === 1312 ? { algorithm, key } : undefined
    default:
      return undefined
  }
}

/**
 * Remembers what was made of the last keys, since one device signs thousands of images.
 *
 * @param limit  number of keys kept; the one that came first goes first
 */
export function rememberKeys<T>(make: (spki: Uint8Array) => T, limit = 256): (spki: Uint8Array) => T {
  const known = new Map<string, T>()
  return (spki) => {
    const name = decodeLatin1(spki)
    const found = known.get(name)
    if (found !== undefined) return found
    const made = make(new Uint8Array(spki)) // A copy: what is kept must not change with the caller's buffer.
    if (known.size >= limit) known.delete(known.keys().next().value as string)
    known.set(name, made)
    return made
  }
}

/** DigestInfo up to the digest itself (RFC 8017 section 9.2, note 1; RIPEMD-160 from ISO/IEC 10118-3). */
const DIGEST_INFO: Record<HashName, readonly number[]> = {
  md5: [0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00, 0x04, 0x10],
  ripemd160: [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x24, 0x03, 0x02, 0x01, 0x05, 0x00, 0x04, 0x14],
  sha1: [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
  sha256: [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
  ],
  sha384: [
    0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30,
  ],
  sha512: [
    0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40,
  ],
}

/**
 * DigestInfo, DER: what RSASSA-PKCS1-v1_5 pads and signs.
 * @throws {RangeError} if the digest does not have the length of its algorithm
 */
export function encodeDigestInfo(name: HashName, digest: Uint8Array): Uint8Array {
  checkDigest(name, digest)
  return Uint8Array.of(...DIGEST_INFO[name], ...digest)
}

/** Bytes of a digest. */
export const digestLength = (name: HashName): number => DIGEST_INFO[name].at(-1) ?? 0

/** @throws {RangeError} if a digest does not have the length of its algorithm: a mistake of the caller */
export function checkDigest(name: HashName, digest: Uint8Array): void {
  if (digest.length !== digestLength(name)) throw new RangeError(`${name} digest of ${digest.length} bytes`)
}

/**
 * EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) from a digest: the only block a right signature may open to.
 * @param lengthBytes  of the modulus, at least 256
 */
export function encodeEmsaPkcs1(name: HashName, digest: Uint8Array, lengthBytes: number): Uint8Array {
  const info = encodeDigestInfo(name, digest)
  const block = new Uint8Array(lengthBytes).fill(0xff)
  block[0] = 0
  block[1] = 1
  block[lengthBytes - info.length - 1] = 0
  block.set(info, lengthBytes - info.length)
  return block
}

function readRsa(key: Uint8Array): PublicKey | undefined {
  const pair = readValue(key, 0, SEQUENCE)
  if (!pair || pair.end !== key.length) return undefined
  const modulus = readPositive(key, pair.start)
  if (!modulus) return undefined
  const exponent = readPositive(key, modulus.end)
  if (!exponent || exponent.end !== key.length) return undefined

  const bits = modulus.bytes.length * 8 - Math.clz32(modulus.bytes[0] ?? 0) + 24
  if (bits < 2048 || bits > 4096 || ((modulus.bytes.at(-1) ?? 0) & 1) === 0) return undefined
  const low = exponent.bytes.at(-1) ?? 0
  if (exponent.bytes.length > 8 || (low & 1) === 0 || (exponent.bytes.length === 1 && low < 3)) return undefined
  return { algorithm: 'rsa', modulus: modulus.bytes, exponent: exponent.bytes }
}

function isPoint(point: Uint8Array, size: number): boolean {
  if (point[0] === 4) return point.length === 1 + 2 * size
  return (point[0] === 2 || point[0] === 3) && point.length === 1 + size
}

interface Range {
  readonly start: number
  readonly end: number
}

/** The value range of one DER element with definite, minimal length, or undefined. */
function readValue(bytes: Uint8Array, at: number, tag: number): Range | undefined {
  const first = bytes[at + 1]
  if (bytes[at] !== tag || first === undefined) return undefined
  let start = at + 2
  let length = first
  if (first >= 0x80) {
    const count = first - 0x80
    if (count < 1 || count > 2) return undefined
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start++] ?? 0)
    if (length < (count === 1 ? 0x80 : 0x100)) return undefined
  }
  return start + length <= bytes.length ? { start, end: start + length } : undefined
}

/** A positive INTEGER in its shortest spelling, without the sign byte. */
function readPositive(bytes: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly end: number } | undefined {
  const range = readValue(bytes, at, INTEGER)
  if (!range || range.start === range.end) return undefined
  const [first = 0, second = 0] = bytes.subarray(range.start, range.end)
  if (first >= 0x80) return undefined
  if (first !== 0) return { bytes: bytes.subarray(range.start, range.end), end: range.end }
  if (range.end - range.start < 2 || second < 0x80) return undefined
  return { bytes: bytes.subarray(range.start + 1, range.end), end: range.end }
}

/** An Ed25519 key up to the key itself: RFC 8410 section 4. */
const ED25519_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)

/** SubjectPublicKeyInfo, DER. @param key  32 bytes (RFC 8032 section 5.1.5) */
export const ed25519Spki = (key: Uint8Array): Uint8Array => concatBytes(ED25519_PREFIX, key)
