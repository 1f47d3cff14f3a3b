/**
 * Issue: certificates and revocation lists, signed by a CA whose key may sit anywhere behind the Signer port.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import { DerFields, readBitBytes, readDer } from '@fiducial/core/formats/der/read.ts'
import { signatureAlgorithmOf } from '@fiducial/core/formats/x509/algorithm.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { CrlEntry } from '@fiducial/core/formats/x509/crl.ts'
import type { Extensions } from '@fiducial/core/formats/x509/extension.ts'
import { type NameParts, writeName } from '@fiducial/core/formats/x509/name.ts'
import { writeSigned, writeTbsCertificate, writeTbsCrl } from '@fiducial/core/formats/x509/write.ts'
import type { KeySigner } from './file-signer.ts'

/** What is new about a certificate; the rest follows from its issuer. */
export interface CertificateOrder {
  readonly subject: NameParts
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: Pick<Extensions, 'basicConstraints' | 'keyUsage' | 'extendedKeyUsage'>
}

/**
 * A certificate, DER, signed by the CA.
 * @throws {RangeError} if a part of the name is empty or over 64 characters (RFC 5280 appendix A.1, upper bounds)
 */
export async function issueCertificate(ca: Signer, order: CertificateOrder): Promise<Uint8Array> {
  const issuer = parseCertificate(ca.certificate)
  return signCertificate(ca, order, {
    issuer: issuer.subject.bytes,
    authorityKeyIdentifier: issuer.subjectKeyIdentifier ?? keyIdentifierOf(issuer.spki),
  })
}

/** The certificate, DER, with which a CA begins: signed by the key that it names. */
export async function issueRoot(ca: KeySigner, order: CertificateOrder): Promise<Uint8Array> {
  return signCertificate(ca, order, {
    issuer: writeName(order.subject),
    authorityKeyIdentifier: keyIdentifierOf(order.spki),
  })
}

/** A revocation list, DER, with all that the CA has revoked. */
export async function issueCrl(
  ca: Signer,
  content: {
    readonly number: number
    readonly thisUpdate: Date
    readonly nextUpdate: Date
    readonly entries: readonly CrlEntry[]
  },
): Promise<Uint8Array> {
  const issuer = parseCertificate(ca.certificate)
  const signatureAlgorithm = signatureAlgorithmOf(ca.algorithm)
  const tbs = writeTbsCrl({
    ...content,
    signatureAlgorithm,
    issuer: issuer.subject.bytes,
    authorityKeyIdentifier: issuer.subjectKeyIdentifier ?? keyIdentifierOf(issuer.spki),
  })
  return writeSigned(tbs, signatureAlgorithm, await signTbs(ca, tbs))
}

/** SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1): a name for the key, no protection. */
export function keyIdentifierOf(spki: Uint8Array): Uint8Array {
  const fields = new DerFields(readDer(spki))
  fields.take()
  return new Uint8Array(createHash('sha1').update(readBitBytes(fields.take())).digest())
}

/** Signs by the algorithm that {@link signatureAlgorithmOf} names for the key. */
export async function signTbs(signer: KeySigner, tbs: Uint8Array): Promise<Uint8Array> {
  const algorithm = signatureAlgorithmOf(signer.algorithm)
  if (!('hash' in algorithm)) return signer.signMessage(tbs)
  return signer.signDigest(algorithm.hash, createHash(algorithm.hash).update(tbs).digest())
}

async function signCertificate(
  ca: KeySigner,
  order: CertificateOrder,
  { issuer, authorityKeyIdentifier }: { readonly issuer: Uint8Array; readonly authorityKeyIdentifier: Uint8Array },
): Promise<Uint8Array> {
  for (const part of Object.values(order.subject)) {
    if (part !== undefined && (part === '' || part.length > 64))
      throw new RangeError('part of a name is empty or over 64 characters')
  }
  const signatureAlgorithm = signatureAlgorithmOf(ca.algorithm)
  const tbs = writeTbsCertificate({
    serial: randomSerial(),
    signatureAlgorithm,
    issuer,
    subject: writeName(order.subject),
    notBefore: order.notBefore,
    notAfter: order.notAfter,
    spki: order.spki,
    extensions: { ...order.extensions, subjectKeyIdentifier: keyIdentifierOf(order.spki), authorityKeyIdentifier },
  })
  return writeSigned(tbs, signatureAlgorithm, await signTbs(ca, tbs))
}

/** 126 random bits, positive: nobody can guess the next certificate, and none comes twice. */
export function randomSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
