/**
 * Writing timestamp tokens: first the attributes to be signed, then the token around the signature.
 *
 * Source: RFC 5652 section 5, RFC 3161 section 2.4.2, RFC 5816 section 2.2.1 (ESSCertIDv2 with SHA-256, its default).
 */
import type { HashName } from '../../bytes/hash.ts'
import { decodeHex } from '../../bytes/hex.ts'
import { constructed, TAG } from '../der/tag.ts'
import { writeElement, writeInteger, writeOctets, writeOid, writeSequence, writeSet, writeTime } from '../der/write.ts'
import { type SignatureAlgorithm, writeDigestAlgorithm, writeSignatureAlgorithm } from '../x509/algorithm.ts'
import type { Certificate } from '../x509/certificate.ts'
import { OID } from './signed-data.ts'
import { TST_INFO } from './timestamp.ts'

/**
 * SignedAttributes, a SET OF, DER: the bytes to be signed.
 *
 * @param contentDigest      of TSTInfo
 * @param certificateDigest  SHA-256 of the signer's certificate
 */
export function writeSignedAttributes(
  contentDigest: Uint8Array,
  certificateDigest: Uint8Array,
  signingTime: Date,
): Uint8Array {
  return writeSet(
    writeAttribute(OID.contentType, writeOid(TST_INFO)),
    writeAttribute(OID.messageDigest, writeOctets(contentDigest)),
    writeAttribute(OID.signingTime, writeTime(signingTime)),
    writeAttribute(
      OID.signingCertificateV2,
      writeSequence(writeSequence(writeSequence(writeOctets(certificateDigest)))),
    ),
  )
}

export interface TokenParts {
  /** TSTInfo, DER. */
  readonly info: Uint8Array
  /** From {@link writeSignedAttributes}. */
  readonly attributes: Uint8Array
  readonly signature: Uint8Array
  readonly signatureAlgorithm: SignatureAlgorithm
  /** The digest named in `attributes`. */
  readonly hash: HashName
  readonly signer: Certificate
  /** Certificates to go with the token, DER, the signer's first; none where the query does not want them. */
  readonly certificates: readonly Uint8Array[]
}

/** TimeStampToken, DER: ContentInfo with SignedData and one signer. */
export function writeTimestampToken(parts: TokenParts): Uint8Array {
  const { info, attributes, signature, signatureAlgorithm, hash, signer, certificates } = parts
  const signerInfo = writeSequence(
    writeInteger(1),
    writeSequence(signer.issuer.bytes, writeElement(TAG.integer, decodeHex(signer.serial))),
    writeDigestAlgorithm(hash),
    writeElement(constructed(0), contentOfSet(attributes)),
    writeSignatureAlgorithm(signatureAlgorithm),
    writeOctets(signature),
  )
  const signedData = writeSequence(
    writeInteger(3),
    writeSet(writeDigestAlgorithm(hash)),
    writeSequence(writeOid(TST_INFO), writeElement(constructed(0), writeOctets(info))),
    ...(certificates.length > 0 ? [writeElement(constructed(0), contentOfSet(writeSet(...certificates)))] : []),
    writeSet(signerInfo),
  )
  return writeSequence(writeOid(OID.signedData), writeElement(constructed(0), signedData))
}

const writeAttribute = (oid: string, value: Uint8Array): Uint8Array => writeSequence(writeOid(oid), writeSet(value))

/** What lies inside a SET, to be put under an IMPLICIT tag. */
function contentOfSet(set: Uint8Array): Uint8Array {
  const first = set[1] ?? 0
  return set.subarray(first < 0x80 ? 2 : 2 + first - 0x80)
}
