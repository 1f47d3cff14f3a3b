/**
 * SignedData: content with the signatures and certificates around it, as timestamp tokens are packed.
 *
 * Source: RFC 5652 sections 5 and 11; RFC 5035 (signingCertificate, signingCertificateV2) with RFC 5816.
 * Read in DER alone, though RFC 5652 would allow BER outside the signed parts. Whether a signer's certificate may be
 * believed is left to domain/trust.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { digestOf, type HashName } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { concatBytes, equalBytes } from '../../bytes/text.ts'
import {
  contentOf,
  type DerElement,
  DerFields,
  encodingOf,
  expectTag,
  integerContent,
  malformed,
  readAs,
  readChildren,
  readDer,
  readOid,
  readSmallInteger,
} from '../der/read.ts'
import { constructed, primitive, TAG } from '../der/tag.ts'
import {
  digestByOid,
  readAlgorithm,
  readAlgorithmOid,
  type SignatureAlgorithm,
  signatureByOid,
  verifySigned,
} from '../x509/algorithm.ts'
import { type Certificate, readCertificate } from '../x509/certificate.ts'

/** Bytes; a token with a long chain has some 20,000. */
const SIZE_LIMIT = 1024 * 1024
const CERTIFICATE_LIMIT = 32

export interface SignedData {
  /** Object identifier of what the content is. */
  readonly contentType: string
  readonly content: Uint8Array
  /** In no particular order; not only those of the signers. */
  readonly certificates: readonly Certificate[]
  readonly signers: readonly SignerInfo[]
}

export interface SignerInfo {
  /** How the signer's certificate is named: by issuer (Name, DER) and serial number, or by its key identifier. */
  readonly certificateId:
    | { readonly issuer: Uint8Array; readonly serial: string }
    | { readonly subjectKeyIdentifier: Uint8Array }
  /** Digest of the content; undefined for one that is not supported. */
  readonly hash: HashName | undefined
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly signature: Uint8Array
  readonly attributes: SignedAttributes | undefined
}

/** The signed attributes that matter here. */
export interface SignedAttributes {
  /** The bytes that are signed: a SET OF, DER. */
  readonly bytes: Uint8Array
  readonly contentType: string | undefined
  readonly messageDigest: Uint8Array | undefined
  /** The certificate that the signer says it used: the first of each of the two attributes that are there. */
  readonly signingCertificates: readonly CertificateDigest[]
}

export interface CertificateDigest {
  /** Undefined for a digest that is not supported. */
  readonly hash: HashName | undefined
  readonly digest: Uint8Array
  /** Serial number as in {@link Certificate}, where the attribute has it. */
  readonly serial?: string
}

/** What can be wrong with a signature around content. */
export type SignedDataFlaw =
  | 'algorithm_unsupported'
  | 'attributes_missing'
  | 'content_type_wrong'
  | 'digest_wrong'
  | 'signing_certificate_missing'
  | 'signing_certificate_wrong'
  | 'signature_wrong'

export const OID = {
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  rsaEncryption: '1.2.840.113549.1.1.1',
} as const

/**
 * Reads a ContentInfo that holds SignedData, DER.
 * @throws {FormatError} `cms_malformed`, with the offset
 */
export function parseSignedData(bytes: Uint8Array): SignedData {
  return readAs('cms_malformed', () => readContentInfo(readDer(bytes, SIZE_LIMIT)))
}

/** The certificate that a signer names, if it is among the candidates. */
export function findSigner(
  { certificateId: id }: SignerInfo,
  candidates: readonly Certificate[],
): Certificate | undefined {
  return candidates.find((candidate) =>
    'serial' in id
      ? id.serial === candidate.serial && equalBytes(id.issuer, candidate.issuer.bytes)
      : candidate.subjectKeyIdentifier !== undefined &&
        equalBytes(id.subjectKeyIdentifier, candidate.subjectKeyIdentifier),
  )
}

/**
 * Checks a signature that names its certificate in its signed attributes, as timestamps must (RFC 3161 section 2.4.2).
 * Cost: three digests of some hundred bytes and one public-key operation.
 *
 * @param certificate  of the signer, from {@link findSigner}
 * @returns undefined if all holds
 */
export function findFlaw(
  { content, contentType }: Pick<SignedData, 'content' | 'contentType'>,
  signer: SignerInfo,
  certificate: Certificate,
  crypto: Crypto,
): SignedDataFlaw | undefined {
  const { attributes, hash, signatureAlgorithm, signature } = signer
  if (!attributes) return 'attributes_missing'
  if (hash === undefined || signatureAlgorithm.kind === 'other') return 'algorithm_unsupported'
  if (attributes.contentType !== contentType) return 'content_type_wrong'
  const digest = digestOf(crypto.hash, hash, content)
  if (!attributes.messageDigest || !equalBytes(attributes.messageDigest, digest)) return 'digest_wrong'
  if (attributes.signingCertificates.length === 0) return 'signing_certificate_missing'
  if (!attributes.signingCertificates.every((named) => names(named, certificate, crypto)))
    return 'signing_certificate_wrong'
  const isRight = verifySigned(crypto, certificate.spki, signatureAlgorithm, { message: attributes.bytes, signature })
  return isRight ? undefined : 'signature_wrong'
}

function names({ hash, digest, serial }: CertificateDigest, certificate: Certificate, crypto: Crypto): boolean {
  if (hash === undefined || (serial !== undefined && serial !== certificate.serial)) return false
  return equalBytes(digest, digestOf(crypto.hash, hash, certificate.bytes))
}

function readContentInfo(element: DerElement): SignedData {
  const info = new DerFields(element)
  const type = info.take(TAG.oid)
  if (readOid(type) !== OID.signedData) throw malformed('not signed data', type.start)
  const signedData = new DerFields(new DerFields(info.take(), constructed(0)).take(TAG.sequence))
  info.finish()

  readSmallInteger(signedData.take(TAG.integer))
  signedData.take(TAG.set)
  const encapsulated = new DerFields(signedData.take(TAG.sequence))
  const contentType = readOid(encapsulated.take(TAG.oid))
  const content = contentOf(new DerFields(encapsulated.take(), constructed(0)).take(TAG.octetString))
  encapsulated.finish()
  const certificates = signedData.takeIf(constructed(0))
  signedData.takeIf(constructed(1))
  const signers = readChildren(signedData.take(TAG.set)).map(readSignerInfo)
  signedData.finish()
  return { contentType, content, certificates: certificates ? readCertificates(certificates) : [], signers }
}

/** The X.509 certificates of a CertificateSet; attribute certificates and other kinds are left out. */
function readCertificates(set: DerElement): Certificate[] {
  const plain = readChildren(set).filter(({ tag }) => tag === TAG.sequence)
  if (plain.length > CERTIFICATE_LIMIT) throw malformed('too many certificates', set.start)
  return plain.map(readCertificate)
}

function readSignerInfo(element: DerElement): SignerInfo {
  const fields = new DerFields(element)
  readSmallInteger(fields.take(TAG.integer))
  const certificateId = readCertificateId(fields.take())
  const hash = digestByOid(readAlgorithmOid(fields.take(TAG.sequence)))
  const attributes = fields.takeIf(constructed(0))
  const signatureAlgorithm = readSignerAlgorithm(fields.take(TAG.sequence), hash)
  const signature = contentOf(fields.take(TAG.octetString))
  fields.takeIf(constructed(1))
  fields.finish()
  return { certificateId, hash, signatureAlgorithm, signature, attributes: attributes && readAttributes(attributes) }
}

function readCertificateId(element: DerElement): SignerInfo['certificateId'] {
  if (element.tag === primitive(0)) return { subjectKeyIdentifier: contentOf(element) }
  if (element.tag !== TAG.sequence) throw malformed('signer is not named', element.start)
  const fields = new DerFields(element)
  const issuer = encodingOf(fields.take(TAG.sequence))
  const serial = encodeHex(integerContent(fields.take(TAG.integer)))
  fields.finish()
  return { issuer, serial }
}

/** RFC 5652 section 10.1.2: for RSA the name may be that of the key alone, and the digest then is the content's. */
function readSignerAlgorithm(identifier: DerElement, hash: HashName | undefined): SignatureAlgorithm {
  const { oid } = readAlgorithm(identifier)
  if (oid === OID.rsaEncryption && hash !== undefined) return { kind: 'rsa', hash, oid }
  const known = signatureByOid(oid)
  if (known) readAlgorithmOid(identifier)
  return known ?? { kind: 'other', oid }
}

function readAttributes(set: DerElement): SignedAttributes {
  let contentType: string | undefined
  let messageDigest: Uint8Array | undefined
  const signingCertificates: CertificateDigest[] = []
  const seen = new Set<string>()
  for (const element of readChildren(set)) {
    const fields = new DerFields(element)
    const oid = readOid(fields.take(TAG.oid))
    const [value, ...more] = readChildren(fields.take(TAG.set))
    fields.finish()
    if (seen.has(oid)) throw malformed('attribute comes twice', element.start)
    seen.add(oid)
    const isKnown = (Object.values(OID) as string[]).includes(oid)
    if (!isKnown) continue
    if (!value || more.length > 0) throw malformed('attribute without exactly one value', element.start)
    if (oid === OID.contentType) contentType = readOid(expectTag(value, TAG.oid))
    else if (oid === OID.messageDigest) messageDigest = contentOf(expectTag(value, TAG.octetString))
    else if (oid === OID.signingCertificate) signingCertificates.push(readCertificateDigest(value, 'sha1'))
    else if (oid === OID.signingCertificateV2) signingCertificates.push(readCertificateDigest(value, 'sha256'))
  }
  // Signed is the SET OF with its own tag, not the tag under which it stands (RFC 5652 section 5.4).
  const bytes = concatBytes(Uint8Array.of(TAG.set), encodingOf(set).subarray(1))
  return { bytes, contentType, messageDigest, signingCertificates }
}

/** The first ESSCertID or ESSCertIDv2: that of the signer; those after it name its issuers. */
function readCertificateDigest(attribute: DerElement, defaultHash: 'sha1' | 'sha256'): CertificateDigest {
  const [first] = readChildren(new DerFields(attribute).take(TAG.sequence))
  if (!first) throw malformed('list of nothing', attribute.start)
  const fields = new DerFields(first)
  const algorithm = defaultHash === 'sha256' ? fields.takeIf(TAG.sequence) : undefined
  const hash = algorithm ? digestByOid(readAlgorithmOid(algorithm)) : defaultHash
  const digest = contentOf(fields.take(TAG.octetString))
  const issuerSerial = fields.takeIf(TAG.sequence)
  fields.finish()
  if (!issuerSerial) return { hash, digest }
  const parts = new DerFields(issuerSerial)
  parts.take(TAG.sequence)
  return { hash, digest, serial: encodeHex(integerContent(parts.take(TAG.integer))) }
}
