/**
 * Seen by log: when a custody log had the seal of a gateway, which needs no timestamp where a log proves its time.
 *
 * The log knows the digest of the seal file, and with that every word and signature in it.
 */
import { isOfGateway } from '../seal/image-statement.ts'
import { CLOCK_TOLERANCE_MS, STAMP_DELAY_MS } from '../seal/verify.ts'
import type { Evidence } from './evidence.ts'

/**
 * The moment by which the seal was in the log, if that is soon enough after the one that it claims to confirm it.
 * It says more than nothing, and less than a timestamp: where the seal has one, that counts.
 * @returns undefined for other seals
 */
export function seenByLog({ seal, log }: Pick<Evidence, 'seal' | 'log'>): Date | undefined {
  if (seal.state !== 'present' || !isOfGateway(seal.report.statement)) return undefined
  if (log.state !== 'consulted' || log.entry?.inclusion !== 'holds' || log.entry.notAfter === undefined)
    return undefined
  const { notAfter } = log.entry
  const delayMs = notAfter.getTime() - seal.report.statement.sealedAt.getTime()
  return delayMs >= -CLOCK_TOLERANCE_MS && delayMs <= STAMP_DELAY_MS ? notAfter : undefined
}

/** Whether nothing is wanting for the seal to be believed but a proof that its certificates had not ended yet. */
export function wantsTime({ seal }: Pick<Evidence, 'seal'>): boolean {
  if (seal.state !== 'present' || !isOfGateway(seal.report.statement)) return false
  const open = seal.report.checks.filter(({ outcome }) => outcome !== 'holds')
  return open.length > 0 && open.every((check) => check.outcome === 'unknown' && check.reason === 'time_unproven')
}
