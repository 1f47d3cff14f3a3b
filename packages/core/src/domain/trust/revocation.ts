/**
 * Revocation: whether an issuer had taken a certificate back at a given moment.
 *
 * Source: RFC 5280 sections 5 and 6.3, without delta lists and indirect lists.
 * A signature made before its certificate was revoked stays good, unless the reason is that others may hold the key:
 * whoever has a stolen key chooses the date that the signature claims.
 */
import type { Crypto } from '../../bytes/crypto.ts'
import { equalBytes } from '../../bytes/text.ts'
import { verifySigned } from '../../formats/x509/algorithm.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { type Crl, type CrlEntry, isCompromise } from '../../formats/x509/crl.ts'
import { isWeakSignature } from './strength.ts'

/** `unknown`: there is no list of the issuer's, or none that speaks of the moment. */
export type RevocationStatus = 'good' | 'revoked' | 'unknown'

export interface Revocation {
  readonly status: RevocationStatus
  /** The entry that revokes. */
  readonly entry?: CrlEntry
}

/**
 * Looks a certificate up in the lists of its issuer; lists of others, and lists that its issuer did not sign, are
 * skipped. A list that is out of date can still revoke; it cannot clear.
 *
 * @param at  moment of the signature in question
 */
export function findRevocation(
  certificate: Certificate,
  issuer: Certificate,
  crls: readonly Crl[],
  { at, crypto }: { readonly at: Date; readonly crypto: Crypto },
): Revocation {
  let status: RevocationStatus = 'unknown'
  for (const crl of crls) {
    if (!equalBytes(crl.issuer.bytes, certificate.issuer.bytes) || !isUsable(crl, issuer, crypto)) continue
    const entry = crl.entries.get(certificate.serial)
    if (entry && revokes(entry, at)) return { status: 'revoked', entry }
    if (speaksOf(crl, certificate, at)) status = 'good'
  }
  return { status }
}

function isUsable(crl: Crl, issuer: Certificate, crypto: Crypto): boolean {
  if (crl.unknownCritical.length > 0 || isWeakSignature(crl.signatureAlgorithm)) return false
  if (issuer.keyUsage && !issuer.keyUsage.includes('crlSign')) return false
  return verifySigned(crypto, issuer.spki, crl.signatureAlgorithm, { message: crl.tbs, signature: crl.signature })
}

function revokes({ reason, revokedAt, invalidSince }: CrlEntry, at: Date): boolean {
  if (reason === 'removeFromCRL') return false
  return isCompromise(reason) || revokedAt <= at || (invalidSince !== undefined && invalidSince <= at)
}

/** A later list speaks of an earlier moment, too, as long as its issuer had no right yet to drop the certificate. */
function speaksOf({ thisUpdate, nextUpdate }: Crl, { notAfter }: Certificate, at: Date): boolean {
  if (at < thisUpdate) return thisUpdate <= notAfter
  return nextUpdate !== undefined && at <= nextUpdate
}
