/**
 * Anchors: the keys that a verifier believes without a further signature, with what helps to reach them.
 */
import { equalBytes } from '../../bytes/text.ts'
import { type Certificate, isSelfIssued } from '../../formats/x509/certificate.ts'
import type { Crl } from '../../formats/x509/crl.ts'

export interface TrustAnchors {
  /** Believed as they are: mostly self-signed CA certificates, but also any one certificate that was pinned. */
  readonly roots: readonly Certificate[]
  /** Not believed; steps from a leaf to a root. */
  readonly intermediates: readonly Certificate[]
  readonly crls: readonly Crl[]
}

export const NO_ANCHORS: TrustAnchors = { roots: [], intermediates: [], crls: [] }

/**
 * Sorts the certificates that somebody hands over as trusted: one whose issuer is among them is a step, all others
 * are roots. So a root with its issuing CA gives one root, and an issuing CA alone is a root itself.
 */
export function anchorsFrom(certificates: readonly Certificate[], crls: readonly Crl[] = []): TrustAnchors {
  const isStep = (certificate: Certificate): boolean =>
    certificates.some(
      (other) => !isSame(other, certificate) && equalBytes(other.subject.bytes, certificate.issuer.bytes),
    )
  const isRoot = (certificate: Certificate): boolean => isSelfIssued(certificate) || !isStep(certificate)
  return {
    roots: certificates.filter(isRoot),
    intermediates: certificates.filter((certificate) => !isRoot(certificate)),
    crls,
  }
}

/** All of several sets. */
export function joinAnchors(...sets: readonly TrustAnchors[]): TrustAnchors {
  return {
    roots: sets.flatMap(({ roots }) => roots),
    intermediates: sets.flatMap(({ intermediates }) => intermediates),
    crls: sets.flatMap(({ crls }) => crls),
  }
}

const isSame = (a: Certificate, b: Certificate): boolean => a === b || equalBytes(a.bytes, b.bytes)
