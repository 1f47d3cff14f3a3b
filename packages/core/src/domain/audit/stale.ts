/**
 * Stale: what makes signatures believable and ends, or has ended: certificates, timestamps, algorithms, revocation lists.
 *
 * A signature whose time nobody proves ends with its certificate; a timestamp carries it as long as the certificate of its
 * authority, and a custody log that had the seal by then carries it on (RFC 3161 section 4, RFC 4998 section 1).
 */

import type { LogEvidence } from '../log/logged-instance.ts'
import type { SignatureReport, SignaturesReport } from '../signature/verify.ts'
import type { TrustAnchors } from '../trust/anchors.ts'

/** `…_ended`: it has; `…_ending`: it does within {@link HORIZON_DAYS}. */
export type StaleReason =
  | 'certificate_ended'
  | 'certificate_ending'
  | 'timestamp_ended'
  | 'timestamp_ending'
  | 'weak_digest'
  | 'weak_timestamp'

export interface Staleness {
  readonly reasons: readonly StaleReason[]
  /** Earliest moment after now at which the answer may be another one, though nobody touches the file; null for none. */
  readonly nextLookAt: Date | null
}

/** Time enough to have timestamps renewed. */
export const HORIZON_DAYS = 90
const HORIZON_MS = HORIZON_DAYS * 86_400_000

/** What is or goes stale of the signatures in the main data set. */
export function findStaleness({ signatures }: SignaturesReport, log: LogEvidence, now: Date): Staleness {
  const reasons = new Set<StaleReason>()
  const ends: Date[] = []
  for (const report of signatures.filter(({ path, mac }) => path === '' && mac.outcome === 'holds')) {
    if (report.isWeakHash) reasons.add('weak_digest')
    if (report.time.outcome === 'holds' && report.time.timestamp.isWeak) reasons.add('weak_timestamp')
    // The log had it by a time that witnesses or authorities have signed for, whatever becomes of the certificates.
    if (isLogged(log)) continue
    const [end, kind] = endOf(report)
    ends.push(end)
    if (end <= now) reasons.add(`${kind}_ended`)
    else if (end.getTime() - HORIZON_MS <= now.getTime()) reasons.add(`${kind}_ending`)
  }
  const moments = ends.flatMap((end) => [end.getTime() - HORIZON_MS, end.getTime()]).filter((ms) => ms > now.getTime())
  return { reasons: [...reasons], nextLookAt: moments.length === 0 ? null : new Date(Math.min(...moments)) }
}

function endOf({ signer, time }: SignatureReport): readonly [Date, 'certificate' | 'timestamp'] {
  return time.outcome === 'holds'
    ? [time.timestamp.authority.notAfter, 'timestamp']
    : [signer.certificate.notAfter, 'certificate']
}

const isLogged = (log: LogEvidence): boolean =>
  (log.state === 'consulted' || log.state === 'proof') &&
  log.entry?.inclusion === 'holds' &&
  log.entry.notAfter !== undefined

/** A revocation list that is out of date: it can still revoke, and clears nobody any more. */
export interface StaleList {
  /** Issuer as the list names it: an authority, and no person. */
  readonly issuer: string
  readonly nextUpdate: Date
}

/** Lists that have ended, of issuers of which there is no newer one. */
export function findStaleLists({ crls }: TrustAnchors, now: Date): readonly StaleList[] {
  const newest = new Map<string, Date>()
  for (const { issuer, nextUpdate } of crls) {
    const known = newest.get(issuer.text)
    if (nextUpdate !== undefined && (known === undefined || known < nextUpdate)) newest.set(issuer.text, nextUpdate)
  }
  return [...newest].filter(([, end]) => end <= now).map(([issuer, nextUpdate]) => ({ issuer, nextUpdate }))
}
