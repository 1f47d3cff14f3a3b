/**
 * Toy PKI: certificates and lists that are well-formed in all but one thing, for tests of the rules of trust.
 *
 * A toy signature is the SHA-256 of the signer's key and the message: anybody can make one, in microseconds. Real
 * signatures are put to the test in packages/node/src/interop.
 */
import type { Crypto } from '../bytes/crypto.ts'
import { digestOf, type HashName } from '../bytes/hash.ts'
import { encodeHex } from '../bytes/hex.ts'
import { portableCrypto } from '../bytes/portable-crypto.ts'
import { concatBytes, encodeUtf8, equalBytes } from '../bytes/text.ts'
import { type TimestampInfo, writeTimestampInfo } from '../formats/cms/timestamp.ts'
import { writeSignedAttributes, writeTimestampToken } from '../formats/cms/write.ts'
import { type SignatureAlgorithm, signatureAlgorithmOf } from '../formats/x509/algorithm.ts'
import { type Certificate, parseCertificate } from '../formats/x509/certificate.ts'
import { type Crl, type CrlEntry, parseCrl } from '../formats/x509/crl.ts'
import { writeName } from '../formats/x509/name.ts'
import {
  type CertificateContent,
  type CrlContent,
  writeSigned,
  writeTbsCertificate,
  writeTbsCrl,
} from '../formats/x509/write.ts'

export const sha256 = (...pieces: readonly Uint8Array[]): Uint8Array =>
  digestOf(portableCrypto.hash, 'sha256', ...pieces)

/** A Crypto that accepts toy signatures and counts how many it was shown. */
export function createToyCrypto(): Crypto & { readonly count: () => number } {
  let count = 0
  const verify = (spki: Uint8Array, signed: Uint8Array, signature: Uint8Array): boolean => {
    count++
    return equalBytes(signature, sha256(spki, signed))
  }
  return {
    hash: portableCrypto.hash,
    verifyMessage: verify,
    verifyDigest: (spki, _name, digest, signature) => verify(spki, digest, signature),
    count: () => count,
  }
}

/** An Ed25519 key that is made of a name. */
export function toyKey(name: string): Uint8Array {
  const prefix = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)
  return concatBytes(prefix, sha256(encodeUtf8(name)))
}

export interface ToyOrder extends Partial<Omit<CertificateContent, 'issuer' | 'subject'>> {
  readonly name: string
  /** Signs itself where there is none. */
  readonly issuer?: Certificate
  /** Signs although the name of the issuer stands in the certificate. */
  readonly signedBy?: Certificate
}

export const CA: CertificateContent['extensions'] = {
  basicConstraints: { isCa: true },
  keyUsage: ['keyCertSign', 'crlSign'],
}
export const LEAF: CertificateContent['extensions'] = {
  basicConstraints: { isCa: false },
  keyUsage: ['digitalSignature'],
}

/** A certificate from 2020 to 2030; a CA where nothing else is said and it signs itself, else a leaf. */
export function toyCertificate(order: ToyOrder): Certificate {
  const { name, issuer, signedBy = issuer, signatureAlgorithm = signatureAlgorithmOf('ed25519') } = order
  const spki = order.spki ?? toyKey(name)
  const subject = writeName({ commonName: name })
  const tbs = writeTbsCertificate({
    serial: encodeHex(sha256(encodeUtf8(name)).subarray(0, 8)).replace(/^./, '4'),
    notBefore: new Date('2020-01-01T00:00:00Z'),
    notAfter: new Date('2030-01-01T00:00:00Z'),
    extensions: issuer ? LEAF : CA,
    ...order,
    signatureAlgorithm,
    issuer: issuer?.subject.bytes ?? subject,
    subject,
    spki,
  })
  const signature = toySignature(signedBy?.spki ?? spki, signatureAlgorithm, tbs)
  return parseCertificate(writeSigned(tbs, signatureAlgorithm, signature))
}

/** A list of January 2025, good for a year. */
export function toyCrl(
  issuer: Certificate,
  entries: readonly CrlEntry[],
  change: Partial<Pick<CrlContent, 'thisUpdate' | 'nextUpdate' | 'signatureAlgorithm'>> & {
    readonly signedBy?: Certificate
  } = {},
): Crl {
  const { signatureAlgorithm = signatureAlgorithmOf('ed25519'), signedBy = issuer } = change
  const tbs = writeTbsCrl({
    issuer: issuer.subject.bytes,
    thisUpdate: new Date('2025-01-01T00:00:00Z'),
    nextUpdate: new Date('2026-01-01T00:00:00Z'),
    number: 1,
    authorityKeyIdentifier: Uint8Array.of(1),
    entries,
    ...change,
    signatureAlgorithm,
  })
  const signature = toySignature(signedBy.spki, signatureAlgorithm, tbs)
  return parseCrl(writeSigned(tbs, signatureAlgorithm, signature))
}

export function toySignature(spki: Uint8Array, algorithm: SignatureAlgorithm, message: Uint8Array): Uint8Array {
  return sha256(spki, hasDigest(algorithm) ? digestOf(portableCrypto.hash, algorithm.hash, message) : message)
}

/** With SHA-256 the message itself is handed to the port; see formats/x509/algorithm.ts. */
function hasDigest(algorithm: SignatureAlgorithm): algorithm is SignatureAlgorithm & { readonly hash: HashName } {
  return 'hash' in algorithm && algorithm.hash !== 'sha256'
}

/** A timestamp token over what it is to say, with the authority's certificate in it. */
export function toyToken(content: TimestampInfo, by: Certificate): Uint8Array {
  const info = writeTimestampInfo(content)
  const attributes = writeSignedAttributes(sha256(info), sha256(by.bytes), content.time)
  const signatureAlgorithm = signatureAlgorithmOf('ed25519')
  const signature = toySignature(by.spki, signatureAlgorithm, attributes)
  const certificates = [by.bytes]
  return writeTimestampToken({
    info,
    attributes,
    signature,
    signatureAlgorithm,
    hash: 'sha256',
    signer: by,
    certificates,
  })
}
