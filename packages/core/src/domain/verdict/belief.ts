/**
 * Belief: what a seal may be believed for.
 *
 * All of it or nothing: where one signature of the seal is missing, wrong, or by somebody unknown, nobody vouches for
 * its statement. The one exception is the technologist who signs the whole series later: until then the device alone
 * vouches, and that is said.
 */
import type { Comparison } from '../seal/compare.ts'
import type { AcquisitionStatement } from '../seal/statement.ts'
import type { SealEvidence } from './evidence.ts'

export interface Belief {
  readonly statement: AcquisitionStatement
  readonly comparison: Comparison
  readonly signers: Extract<SealEvidence, { state: 'present' }>['signers']
  /** When an authority saw the device's signatures. */
  readonly provenAt?: Date
  /** Where the technologist signed: in the image, in the series, or not yet. */
  readonly operator: 'in_image' | 'in_series' | 'pending'
}

/** @returns undefined for a seal that is absent, or that nobody known vouches for */
export function believe(seal: SealEvidence): Belief | undefined {
  if (seal.state !== 'present') return undefined
  const { report, comparison, signers } = seal
  const { statement, checks, provenAt } = report
  const open = checks.filter(({ outcome }) => outcome !== 'holds')
  if (!open.every((check) => check.outcome === 'unknown' && check.reason === 'series_pending')) return undefined
  const isInImage = statement.signatures.operator !== null
  const operator = open.length > 0 ? 'pending' : isInImage ? 'in_image' : 'in_series'
  return { statement, comparison, signers, operator, ...(provenAt && { provenAt }) }
}

/** Whether what was sealed is still all there, however it is encoded. */
export const isAsSealed = ({ kind }: Comparison): boolean =>
  kind === 'identical' || kind === 'equivalent' || kind === 'transcoded'
