/**
 * Mark claims: who says that the pixels of an image carry a mark, and which one.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { LoggedMark } from '../log/logged-instance.ts'
import { isOfGateway } from '../seal/image-statement.ts'
import type { Belief } from './belief.ts'
import type { Evidence } from './evidence.ts'
import { nameImage } from './log-question.ts'

/** Who says that the pixels carry a mark. */
export interface ClaimedMark {
  /** `log`: an entry of this instance in the custody log, for an image whose seal is not believed or gone. */
  readonly by: 'seal' | 'log'
  readonly claim: LoggedMark
}

/** What is said of a mark in these pixels by those who are believed. Undefined: nobody says that there is one. */
export function findClaim(evidence: Evidence, belief: Belief | undefined): ClaimedMark | undefined {
  if (belief !== undefined && !isOfGateway(belief.statement)) {
    const { mark } = belief.statement
    return mark === null ? undefined : { by: 'seal', claim: mark }
  }
  const { log } = evidence
  if (log.state !== 'consulted') return undefined
  const { sopInstanceUid } = nameImage(evidence, belief)
  if (sopInstanceUid === undefined) return undefined
  const claim = log.records.find(
    (record) => record.sopInstanceUid === sopInstanceUid && record.mark !== undefined,
  )?.mark
  return claim === undefined ? undefined : { by: 'log', claim }
}

/**
 * Which marks to look for, those first that are claimed by somebody who is believed. A claim of nobody known is a hint
 * and no more: it may name a key that opens the tiles.
 */
export function claimsOf(evidence: Evidence, belief: Belief | undefined): readonly LoggedMark[] {
  const { seal } = evidence
  const believed = findClaim(evidence, belief)?.claim
  const said = seal.state === 'present' && !isOfGateway(seal.report.statement) ? seal.report.statement.mark : null
  const claims = [...(believed === undefined ? [] : [believed]), ...(said === null ? [] : [said])]
  return [...new Map(claims.map((claim) => [encodeHex(claim.recordId), claim])).values()]
}
