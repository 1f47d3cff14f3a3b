/**
 * Native crypto: the Crypto port on node:crypto.
 *
 * Source: RFC 8017 section 8.2.2 (RSASSA-PKCS1-v1_5), FIPS 186-5 (ECDSA), RFC 8032 (Ed25519), FIPS 204 (ML-DSA-44).
 * node:crypto digests the message itself, while DICOM signatures come to us as a digest: RSA is therefore opened with
 * the raw public operation and compared with the whole expected block, and ECDSA over a digest is left to noble.
 */
import {
  constants,
  createHash,
  createPublicKey,
  verify as cryptoVerify,
  type KeyObject,
  type Hash as NodeHash,
  publicDecrypt,
} from 'node:crypto'
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { Hash, HashName } from '@fiducial/core/bytes/hash.ts'
import {
  digestLength,
  encodeEmsaPkcs1,
  type PublicKey,
  readPublicKey,
  rememberKeys,
} from '@fiducial/core/bytes/public-key.ts'
import { decodeLatin1, equalBytes } from '@fiducial/core/bytes/text.ts'
import { verifyEcdsa } from '@fiducial/core/bytes/verify-ecdsa.ts'

interface ParsedKey {
  readonly key: PublicKey
  readonly object: KeyObject
  /** Of no other key that the port has seen. */
  readonly number: number
}

/** Answers kept: the certificates and revocation lists of a site, and some images' own signatures between them. */
const ANSWERS_LIMIT = 512

/**
 * The port on node:crypto, with a memory of the last 256 keys and 512 answers over digests: a folder of images has the
 * same few certificates in each file, so that their signatures are checked once and looked up after.
 * Cost on a desktop: 0.1 ms for RSA-3072; for P-256 2 ms over a digest, which is portable code, 0.1 ms over a message.
 */
export function createNativeCrypto(): Crypto {
  let keys = 0
  const keyOf = rememberKeys((spki) => parseKey(spki, keys++))
  const answers = rememberAnswers(ANSWERS_LIMIT)
  return {
    hash: (name) => wrapHash(createHash(name)),
    verifyDigest(spki, name, digest, signature) {
      const parsed = keyOf(spki)
      if (parsed === null || digest.length !== digestLength(name)) return false
      return answers(spell(parsed, name, digest, signature), () => verifyDigest(parsed, name, digest, signature))
    },
    verifyMessage(spki, message, signature) {
      const parsed = keyOf(spki)
      if (parsed === null) return false
      if (parsed.key.algorithm !== 'rsa') return verifyMessage(parsed, message, signature)
      const digest = createHash('sha256').update(message).digest()
      return answers(spell(parsed, 'sha256', digest, signature), () =>
        verifyDigest(parsed, 'sha256', digest, signature),
      )
    },
  }
}

/** A question as one text: the key by its number, digest and signature by their bytes. */
const spell = ({ number }: ParsedKey, name: HashName, digest: Uint8Array, signature: Uint8Array): string =>
  `${number} ${name} ${decodeLatin1(digest)}${decodeLatin1(signature)}`

export const nativeCrypto: Crypto = createNativeCrypto()

/** Keeps the answers to the last questions; one that is asked again stays longer. */
function rememberAnswers(limit: number): (question: string, answer: () => boolean) => boolean {
  const known = new Map<string, boolean>()
  return (question, answer) => {
    const result = known.get(question) ?? answer()
    known.delete(question)
    known.set(question, result)
    if (known.size > limit) known.delete(known.keys().next().value as string)
    return result
  }
}

function parseKey(spki: Uint8Array, number: number): ParsedKey | null {
  const key = readPublicKey(spki)
  if (!key) return null
  try {
    return { key, object: createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }), number }
  } catch {
    return null // A point off its curve, a modulus of no use.
  }
}

function verifyDigest({ key, object }: ParsedKey, name: HashName, digest: Uint8Array, signature: Uint8Array): boolean {
  if (key.algorithm === 'rsa') {
    if (signature.length !== key.modulus.length) return false
    try {
      const block = publicDecrypt({ key: object, padding: constants.RSA_NO_PADDING }, signature)
      return equalBytes(block, encodeEmsaPkcs1(name, digest, key.modulus.length))
    } catch {
      return false // The number is not below the modulus.
    }
  }
  if (key.algorithm === 'ecdsa-p256' || key.algorithm === 'ecdsa-p384') {
    return verifyEcdsa(key.algorithm, key.point, digest, signature)
  }
  return false
}

function verifyMessage({ key, object }: ParsedKey, message: Uint8Array, signature: Uint8Array): boolean {
  const isCurve = key.algorithm === 'ecdsa-p256' || key.algorithm === 'ecdsa-p384'
  try {
    return cryptoVerify(isCurve ? 'sha256' : null, message, object, signature)
  } catch {
    return false
  }
}

function wrapHash(state: NodeHash): Hash {
  return {
    update: (bytes) => void state.update(bytes),
    copy: () => wrapHash(state.copy()),
    digest: () => new Uint8Array(state.digest()),
  }
}
