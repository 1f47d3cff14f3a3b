/**
 * Check of the mark: whether the pixels carry the mark that seal or log say they carry, whole and at its place.
 *
 * Source: docs/reference/mark.md. A mark that holds shows no more than the signatures over the same samples; where there
 * are no signatures left it shows where the picture came from. One that does not hold counts under every policy. No key at hand
 * is no answer, and takes nothing away.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { textAt } from '../../formats/dicom/values.ts'
import type { Belief } from './belief.ts'
import { type Check, fails, holds, unknown } from './check.ts'
import type { Evidence } from './evidence.ts'
import { nameImage } from './log-question.ts'
import { type ClaimedMark, findClaim } from './mark-claims.ts'
import type { ForeignRegion, MarkReading, MarkRegion } from './mark-evidence.ts'

/**
 * @param isRequired  whether the policy asks for a mark: then that there is none is said, too
 * @returns nothing where no mark is claimed, found or asked for
 */
export function checkMark(evidence: Evidence, belief: Belief | undefined, isRequired: boolean): readonly Check[] {
  const { mark } = evidence
  const claimed = findClaim(evidence, belief)
  if (mark.state === 'read') return judgeReading(mark, evidence, belief, claimed)
  if (claimed === undefined) return isRequired ? [unknown('mark', 'mark_unclaimed')] : []
  const where = [placeOf(encodeHex(claimed.claim.recordId))]
  if (mark.state === 'unreadable') return [unknown('mark', 'mark_unreadable', [mark.code])]
  if (mark.state === 'absent') return [missing(evidence, belief, where)]
  return [unknown('mark', 'mark_key_missing', where)]
}

/** What compressing with loss takes away, and says that it did, is not taken for more. */
function missing(evidence: Evidence, belief: Belief | undefined, where: readonly string[]): Check {
  const isOwned = belief === undefined ? isMarkedLossy(evidence) : belief.comparison.kind === 'derived'
  return isOwned ? unknown('mark', 'compressed_with_loss', where) : fails('mark', 'mark_missing', where)
}

function judgeReading(
  reading: MarkReading,
  evidence: Evidence,
  belief: Belief | undefined,
  claimed: ClaimedMark | undefined,
): readonly Check[] {
  const { recordId, tiles, contradictions, altered, foreign } = reading
  const where = [placeOf(recordId)]
  const checks: Check[] = []
  if (isOfOther(reading, evidence, belief, claimed)) checks.push(fails('mark', 'mark_of_other', where))
  if (foreign.length > 0)
    checks.push(
      fails(
        'mark',
        'mark_foreign',
        foreign.map((from) => describeForeign(from, recordId)),
      ),
    )
  if (contradictions.length > 0) checks.push(fails('mark', 'mark_contradicted', contradictions))
  const own = altered.filter((region) => !foreign.some((from) => isSameRegion(from, region)))
  if (tiles === 'altered' && own.length > 0) checks.push(fails('mark', 'mark_altered', own.map(describeRegion)))
  // Chips alone tell whose picture it is; that its tiles are gone is told by whoever says that they were there.
  if (tiles === 'absent' && checks.length === 0)
    checks.push(claimed === undefined ? unknown('mark', 'mark_tiles_gone', where) : missing(evidence, belief, where))
  return checks.length > 0 ? checks : [holds('mark', where)]
}

/**
 * Whether the pixels are those of another image: marked under another record than the one that is claimed, or, where
 * nobody claims one, under another SOP Instance UID than the file has. A copy that the custody log says to be
 * derived from that instance is none.
 */
function isOfOther(
  { recordId, instanceUid }: MarkReading,
  evidence: Evidence,
  belief: Belief | undefined,
  claimed: ClaimedMark | undefined,
): boolean {
  if (claimed !== undefined) return encodeHex(claimed.claim.recordId) !== recordId
  if (instanceUid === undefined) return false
  const { sopInstanceUid } = nameImage(evidence, belief)
  if (sopInstanceUid === instanceUid) return false
  const { log } = evidence
  const isDerived =
    log.state === 'consulted' &&
    log.records.some((record) => record.sopInstanceUid === sopInstanceUid && record.sourceInstanceUid === instanceUid)
  return !isDerived
}

/** Lossy Image Compression (0028,2110) says 01: the file owns that samples were lost. */
const isMarkedLossy = ({ file }: Evidence): boolean => textAt(file.dataSet, 0x00282110) === '01'

const placeOf = (recordId: string): string => `record ${recordId}`

const isSameRegion = (a: MarkRegion, b: MarkRegion): boolean =>
  a.frame === b.frame && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height

/** @example `frame 1: 64 × 32 at 128, 96` */
export const describeRegion = ({ frame, x, y, width, height }: MarkRegion): string =>
  `frame ${frame}: ${width} × ${height} at ${x}, ${y}`

const describeForeign = (region: ForeignRegion, recordId: string): string =>
  `${describeRegion(region)} from ${region.recordId === recordId ? 'this image' : placeOf(region.recordId)}, frame ${region.fromFrame}`
