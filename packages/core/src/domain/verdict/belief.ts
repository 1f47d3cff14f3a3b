/**
 * Belief: what a seal may be believed for.
 *
 * All of it or nothing: where one signature of the seal is missing, wrong, or by somebody unknown, nobody vouches for
 * its statement. The one exception is the technologist who signs the whole series later: until then the device alone
 * vouches, and that is said.
 */
import type { Comparison } from '../seal/compare.ts'
import { type ImageStatement, isOfGateway } from '../seal/image-statement.ts'
import type { SealEvidence, Signers } from './evidence.ts'

export interface Belief {
  readonly statement: ImageStatement
  readonly comparison: Comparison
  readonly signers: Signers
  /** When an authority saw the signatures of the device or the gateway. */
  readonly provenAt?: Date
  /** Where the technologist signed: in the image, in the series, or not yet; for a gateway nobody does. */
  readonly operator: 'in_image' | 'in_series' | 'pending' | 'unseen'
  /** Whether the file is the very one that a gateway received, before it signed in it. */
  readonly isOriginal: boolean
}

/** @returns undefined for a seal that is absent, or that nobody known vouches for */
export function believe(seal: SealEvidence): Belief | undefined {
  if (seal.state !== 'present') return undefined
  const { report, comparison, signers, isOriginal } = seal
  const { statement, checks, provenAt } = report
  const open = checks.filter(({ outcome }) => outcome !== 'holds')
  if (!open.every((check) => check.outcome === 'unknown' && check.reason === 'series_pending')) return undefined
  const operator = open.length > 0 ? 'pending' : placeOfOperator(statement)
  return { statement, comparison, signers, operator, isOriginal, ...(provenAt && { provenAt }) }
}

function placeOfOperator(statement: ImageStatement): Belief['operator'] {
  if (isOfGateway(statement)) return 'unseen'
  return statement.signatures.operator === null ? 'in_series' : 'in_image'
}

/** Whether what was sealed is still all there, however it is encoded. */
export const isAsSealed = ({ kind }: Comparison): boolean =>
  kind === 'identical' || kind === 'equivalent' || kind === 'transcoded'
