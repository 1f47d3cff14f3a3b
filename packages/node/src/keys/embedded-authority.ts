/**
 * Embedded authority: a timestamp authority of our own, for demonstrations, tests and sites without another.
 *
 * Source: RFC 3161, RFC 5816. It vouches for the clock of this machine and no more, as its policy says: whoever owns
 * both the machine and its keys can date a signature back.
 */
import type { Signer } from '@fiducial/core/bytes/crypto.ts'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { digestLength } from '@fiducial/core/bytes/public-key.ts'
import { TIMESTAMP_POLICY } from '@fiducial/core/domain/trust/roles.ts'
import { isWeakHash } from '@fiducial/core/domain/trust/strength.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import {
  parseTimestampQuery,
  type TimestampQuery,
  writeTimestampInfo,
  writeTimestampResponse,
} from '@fiducial/core/formats/cms/timestamp.ts'
import { writeSignedAttributes, writeTimestampToken } from '@fiducial/core/formats/cms/write.ts'
import { signatureAlgorithmOf } from '@fiducial/core/formats/x509/algorithm.ts'
import { parseCertificate } from '@fiducial/core/formats/x509/certificate.ts'
import type { TimestampAuthority } from '../services/ports.ts'
import { randomSerial, signTbs } from './issue.ts'
import type { KeyRing } from './key-ring.ts'
import { nativeCrypto } from './native-crypto.ts'

/** How far the clock may be off: it is read to the millisecond, and nothing else is known about it. */
const ACCURACY_MS = 1

export interface EmbeddedAuthority extends TimestampAuthority {
  /**
   * Answers a TimeStampReq as it came over a network, for a server to be put on it.
   * @returns a TimeStampResp, DER; a refusal for a query that is malformed or asks for what there is not
   */
  answer(query: Uint8Array): Promise<Uint8Array>
}

/** The authority of a ring. @throws {KeyError} as {@link KeyRing.timestampSigner} */
export async function embeddedAuthority(ring: KeyRing, now?: () => Date): Promise<EmbeddedAuthority> {
  return createAuthority(await ring.timestampSigner(), now)
}

/**
 * An authority over any signer whose certificate is for timestamps.
 * Cost: that of one signature; 0.9 ms for RSA-3072 on a desktop.
 */
export function createAuthority(signer: Signer, now: () => Date = () => new Date()): EmbeddedAuthority {
  const certificate = parseCertificate(signer.certificate)
  const signatureAlgorithm = signatureAlgorithmOf(signer.algorithm)
  const hash = 'hash' in signatureAlgorithm ? signatureAlgorithm.hash : 'sha512'
  const certificateDigest = digestOf(nativeCrypto.hash, 'sha256', signer.certificate)
  const certificates = [signer.certificate, ...signer.chain.filter((issuer) => !isRoot(issuer))]

  async function issue({ imprint, nonce, wantsCertificate }: TimestampQuery): Promise<Uint8Array> {
    const time = withMilliseconds(now())
    const info = writeTimestampInfo({
      policy: TIMESTAMP_POLICY,
      imprint,
      serial: randomSerial(),
      time,
      accuracyMs: ACCURACY_MS,
      ...(nonce !== undefined && { nonce }),
    })
    const attributes = writeSignedAttributes(digestOf(nativeCrypto.hash, hash, info), certificateDigest, time)
    const signature = await signTbs(signer, attributes)
    return writeTimestampToken({
      info,
      attributes,
      signature,
      signatureAlgorithm,
      hash,
      signer: certificate,
      certificates: wantsCertificate ? certificates : [],
    })
  }

  return {
    timestamp: (name, digest) => issue({ imprint: { name, digest }, wantsCertificate: true }),
    async answer(bytes) {
      const query = readQuery(bytes)
      if ('failure' in query) return writeTimestampResponse(query)
      return writeTimestampResponse({ token: await issue(query) })
    },
  }
}

/**
 * DER drops zeros at the end of a fraction, and verifiers of sigstore read whole milliseconds only: a time that would lose
 * a digit is stated one millisecond later, which is within the accuracy.
 */
const withMilliseconds = (time: Date): Date =>
  time.getMilliseconds() % 10 === 0 ? new Date(time.getTime() + ACCURACY_MS) : time

type Refusal = Exclude<Parameters<typeof writeTimestampResponse>[0], { token: Uint8Array }>

/** RFC 3161 section 2.4.2: what is refused, and by which bit. */
function readQuery(bytes: Uint8Array): TimestampQuery | Refusal {
  let query: TimestampQuery
  try {
    query = parseTimestampQuery(bytes)
  } catch (error) {
    if (error instanceof FormatError) return { failure: 'badDataFormat', text: 'the query is malformed' }
    throw error
  }
  const { imprint, policy } = query
  if (imprint.digest.length !== digestLength(imprint.name))
    return { failure: 'badDataFormat', text: 'the digest has a wrong length' }
  if (isWeakHash(imprint.name)) return { failure: 'badAlg', text: 'the digest is too weak' }
  if (policy !== undefined && policy !== TIMESTAMP_POLICY)
    return { failure: 'unacceptedPolicy', text: 'there is one policy only' }
  return query
}

function isRoot(bytes: Uint8Array): boolean {
  const { subject, issuer } = parseCertificate(bytes)
  return subject.text === issuer.text
}
