/**
 * Writing certificates and revocation lists: first the part to be signed, then the whole around the signature.
 *
 * Source: RFC 5280 sections 4.1 and 5.1. In two steps, so that the signature may come from a file, a token behind
 * PKCS#11 or another machine. Who may sign what is left to the key ring.
 */
import { decodeHex } from '../../bytes/hex.ts'
import { constructed, TAG } from '../der/tag.ts'
import {
  writeBitBytes,
  writeElement,
  writeGeneralizedTime,
  writeInteger,
  writeSequence,
  writeTime,
} from '../der/write.ts'
import { type SignatureAlgorithm, writeSignatureAlgorithm } from './algorithm.ts'
import { CRL_REASONS, type CrlEntry } from './crl.ts'
import { type Extensions, writeAuthorityKeyIdentifier, writeExtension, writeExtensions } from './extension.ts'

export interface CertificateContent {
  /** Positive number, at most 20 bytes, lower-case hexadecimal. */
  readonly serial: string
  readonly signatureAlgorithm: SignatureAlgorithm
  /** Names, DER. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly extensions: Omit<Extensions, 'unknownCritical' | 'alternativeNames'>
}

/** TBSCertificate, version 3, DER: the bytes to be signed. */
export function writeTbsCertificate(content: CertificateContent): Uint8Array {
  return writeSequence(
    writeElement(constructed(0), writeInteger(2)),
    writeInteger(decodeHex(content.serial)),
    writeSignatureAlgorithm(content.signatureAlgorithm),
    content.issuer,
    writeSequence(writeTime(content.notBefore), writeTime(content.notAfter)),
    content.subject,
    content.spki,
    writeElement(constructed(3), writeExtensions(content.extensions)),
  )
}

export interface CrlContent {
  readonly signatureAlgorithm: SignatureAlgorithm
  /** Name, DER. */
  readonly issuer: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  /** Grows by one with every list of an issuer. */
  readonly number: number
  readonly authorityKeyIdentifier: Uint8Array
  readonly entries: readonly CrlEntry[]
}

/** TBSCertList, version 2, DER: the bytes to be signed. */
export function writeTbsCrl(content: CrlContent): Uint8Array {
  const entries = content.entries.map(writeEntry)
  return writeSequence(
    writeInteger(1),
    writeSignatureAlgorithm(content.signatureAlgorithm),
    content.issuer,
    writeTime(content.thisUpdate),
    writeTime(content.nextUpdate),
    ...(entries.length > 0 ? [writeSequence(...entries)] : []),
    writeElement(
      constructed(0),
      writeSequence(
        writeAuthorityKeyIdentifier(content.authorityKeyIdentifier),
        writeExtension('2.5.29.20', writeInteger(content.number)),
      ),
    ),
  )
}

/** The signed whole: a certificate from its TBSCertificate, a list from its TBSCertList. */
export function writeSigned(tbs: Uint8Array, algorithm: SignatureAlgorithm, signature: Uint8Array): Uint8Array {
  return writeSequence(tbs, writeSignatureAlgorithm(algorithm), writeBitBytes(signature))
}

function writeEntry({ serial, revokedAt, reason, invalidSince }: CrlEntry): Uint8Array {
  const extensions: Uint8Array[] = []
  // RFC 5280 section 5.3.1: `unspecified` is said by saying nothing.
  if (reason !== 'unspecified') {
    const value = writeElement(TAG.enumerated, Uint8Array.of(CRL_REASONS.indexOf(reason)))
    extensions.push(writeExtension('2.5.29.21', value))
  }
  if (invalidSince) extensions.push(writeExtension('2.5.29.24', writeGeneralizedTime(invalidSince)))
  const list = extensions.length > 0 ? [writeSequence(...extensions)] : []
  return writeSequence(writeInteger(decodeHex(serial)), writeTime(revokedAt), ...list)
}
