/**
 * File signer: the Signer port over a private key in memory.
 *
 * RSA signs a digest by padding DigestInfo itself (RFC 8017 section 8.2.1 from step 2 on), since node:crypto would
 * digest the digest again. ECDSA over a digest is made in JavaScript for the same reason, and natively over a message.
 */
import {
  constants,
  createHash,
  createPublicKey,
  sign as cryptoSign,
  type KeyObject,
  privateEncrypt,
  randomBytes,
} from 'node:crypto'
import type { DigestAlgorithm, KeyAlgorithm, Signer } from '@fiducial/core/bytes/crypto.ts'
import type { HashName } from '@fiducial/core/bytes/hash.ts'
import { checkDigest, encodeDigestInfo, readPublicKey } from '@fiducial/core/bytes/public-key.ts'
import { signEcdsa } from '@fiducial/core/bytes/sign-ecdsa.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { KeyError } from '@fiducial/core/errors.ts'
import { type Certificate, parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import { parseCertificates } from '@fiducial/core/formats/x509/pem.ts'
import { parsePrivateKey } from './key-file.ts'

/** What a file signer is made of. Can be posted to a worker thread: keys are cloned without showing themselves. */
export interface KeyMaterial {
  readonly key: KeyObject
  /** X.509 certificate, DER. */
  readonly certificate: Uint8Array
  /** Issuers, leaf's issuer first, DER. */
  readonly chain: readonly Uint8Array[]
}

/**
 * A signer over a key in memory.
 * Cost of a signature on a desktop: 0.7 ms for RSA-3072, 1 ms for P-256 over a digest, 0.03 ms for Ed25519, 0.6 ms for ML-DSA-44.
 *
 * @throws {KeyError} `key_unreadable` if the key does not belong to the certificate, or is of a kind that cannot sign
 */
export function createFileSigner({ key, certificate, chain }: KeyMaterial): Signer {
  if (!equalBytes(spkiOf(key), parseCertificate(certificate).spki)) {
    throw new KeyError('key_unreadable', 'the key does not belong to the certificate')
  }
  return { ...createKeySigner(key), certificate, chain }
}

/** A signer that has no certificate yet. */
export type KeySigner = Omit<Signer, 'certificate' | 'chain'>

/** @throws {KeyError} `key_unreadable` for a key of a kind or size that cannot sign */
export function createKeySigner(key: KeyObject): KeySigner {
  const algorithm = readPublicKey(spkiOf(key))?.algorithm
  if (algorithm === undefined) throw new KeyError('key_unreadable', 'a key of this kind or size cannot sign')
  const signDigest = signDigestBy(key, algorithm)
  return {
    algorithm,
    signDigest: async (name, digest) => signDigest(name, digest),
    signMessage: async (message) => signMessage(key, algorithm, message),
  }
}

/**
 * A signer from PEM files of any origin.
 *
 * @param files  the key, its certificate, and the issuers in any order; the key's passphrase where it is encrypted
 * @throws {KeyError} `key_unreadable`, `key_passphrase_missing`, `key_passphrase_wrong`
 * @throws {FormatError} `certificate_malformed`, `pem_malformed`
 */
export function signerFromPem(files: {
  readonly key: string
  readonly certificate: string
  readonly chain?: string
  readonly passphrase?: string
}): Signer {
  const [certificate, ...others] = parseCertificates(Buffer.from(files.certificate))
  if (!certificate) throw new KeyError('key_missing', 'there is no certificate')
  const issuers = [...others, ...(files.chain === undefined ? [] : parseCertificates(Buffer.from(files.chain)))]
  const key = parsePrivateKey(files.key, files.passphrase)
  return createFileSigner({ key, certificate: certificate.bytes, chain: orderChain(certificate, issuers) })
}

/** SubjectPublicKeyInfo of a private or public key, DER. */
export function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'public' ? key : createPublicKey(key)
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
}

/** The issuers from the leaf's on upwards, as far as they are there. */
function orderChain(leaf: Certificate, issuers: readonly Certificate[]): Uint8Array[] {
  const chain: Certificate[] = []
  let top = leaf
  for (;;) {
    const { issuer } = top
    const next = issuers.find((candidate) => equalBytes(candidate.subject.bytes, issuer.bytes))
    if (!next || next === top || chain.includes(next)) return chain.map(({ bytes }) => bytes)
    chain.push(next)
    top = next
  }
}

type SignDigest = (name: HashName, digest: Uint8Array) => Uint8Array

function signDigestBy(key: KeyObject, algorithm: KeyAlgorithm): SignDigest {
  switch (algorithm) {
    case 'rsa':
      return (name, digest) => {
        const input = encodeDigestInfo(name, digest)
        return new Uint8Array(privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, input))
      }
    case 'ecdsa-p256':
    case 'ecdsa-p384':
      return signWithCurve(key, algorithm)
    default:
      return () => {
        throw new TypeError(`${algorithm} signs whole messages, not digests`)
      }
  }
}

function signWithCurve(key: KeyObject, algorithm: Exclude<DigestAlgorithm, 'rsa'>): SignDigest {
  let scalar: Uint8Array | undefined
  return (name, digest) => {
    checkDigest(name, digest)
    scalar ??= new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'))
    return signEcdsa(algorithm, digest, { scalar, randomness: randomBytes(32) })
  }
}

function signMessage(key: KeyObject, algorithm: KeyAlgorithm, message: Uint8Array): Uint8Array {
  if (algorithm === 'rsa') {
    return signDigestBy(key, algorithm)('sha256', createHash('sha256').update(message).digest())
  }
  const isCurve = algorithm === 'ecdsa-p256' || algorithm === 'ecdsa-p384'
  return new Uint8Array(cryptoSign(isCurve ? 'sha256' : null, message, key))
}
