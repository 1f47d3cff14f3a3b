/**
 * Plain token: a timestamp token without anything that nobody signed, in one spelling.
 *
 * Source: RFC 5652 section 5. An authority signs what it says and the attributes around that; version numbers, the list
 * of digests, the way in which it names its certificate, further certificates, revocation lists and unsigned attributes
 * can be changed afterwards. Where a file shall have no byte that can change unseen, tokens stand in it plain.
 */
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type Certificate, isSelfIssued } from '../x509/certificate.ts'
import { findSigner } from './signed-data.ts'
import { parseTimestampToken, type TimestampToken } from './timestamp.ts'
import { writeTimestampToken } from './write.ts'

/**
 * Writes a token anew around the parts that are signed, with the certificates from the authority's up to, but without,
 * a root. A plain token comes back as it is.
 *
 * @throws {FormatError} `timestamp_malformed`, also for a token without the certificate of its authority or with
 *   algorithms that are not supported: those cannot be written
 */
export const formatPlainToken = (bytes: Uint8Array): Uint8Array => format(parseTimestampToken(bytes))

/**
 * Reads a token that is plain.
 * @returns undefined for one that is not
 * @throws {FormatError} as {@link formatPlainToken}
 */
export function parsePlainToken(bytes: Uint8Array): TimestampToken | undefined {
  const token = parseTimestampToken(bytes)
  return equalBytes(format(token), bytes) ? token : undefined
}

function format({ signedData, signer }: TimestampToken): Uint8Array {
  const { content, certificates } = signedData
  const { attributes, hash, signature, signatureAlgorithm } = signer
  const certificate = findSigner(signer, certificates)
  if (certificate === undefined) throw malformed('the certificate of its authority is missing')
  if (attributes === undefined) throw malformed('it has no signed attributes')
  if (hash === undefined || signatureAlgorithm.kind === 'other') throw malformed('its algorithms are not supported')
  return writeTimestampToken({
    info: content,
    attributes: attributes.bytes,
    signature,
    signatureAlgorithm,
    hash,
    signer: certificate,
    certificates: chainFrom(certificate, certificates).map(({ bytes }) => bytes),
  })
}

/** The certificate and those that issued it, by name; roots are the verifier's own to know. */
function chainFrom(leaf: Certificate, certificates: readonly Certificate[]): readonly Certificate[] {
  const chain: Certificate[] = []
  let next: Certificate | undefined = leaf
  while (next !== undefined && !isSelfIssued(next) && !chain.includes(next)) {
    chain.push(next)
    const { issuer }: Certificate = next
    next = certificates.find(({ subject }) => equalBytes(subject.bytes, issuer.bytes))
  }
  return chain.length > 0 ? chain : [leaf]
}

const malformed = (problem: string): FormatError => new FormatError('timestamp_malformed', problem)
