/**
 * Arrival sentence: what a gateway shows about an image, in words for people: unchanged since it came, and not more.
 *
 * It names gateway and site from a certificate that was checked, and the AE title and moment that the gateway states.
 */
import { isOfGateway } from '../seal/image-statement.ts'
import { STAMP_DELAY_MS } from '../seal/verify.ts'
import type { Belief } from './belief.ts'
import type { Check, GapReason, Subject } from './check.ts'
import { mainSpeaker, type Speakers } from './check-signatures.ts'
import type { SealEvidence } from './evidence.ts'
import { formatTime } from './format-time.ts'

export interface ArrivalFacts {
  readonly content: string
  readonly checks: readonly Check[]
  readonly speakers: Speakers
  readonly belief: Belief | undefined
  readonly seal: SealEvidence
}

const UNSEEN = 'What happened before that, nobody can show.'

/** What a reader misses of an image that no device sealed, and is told already. */
const TOLD: ReadonlySet<GapReason> = new Set([
  'signature_absent',
  'time_unproven',
  'attribute_missing',
  'seal_absent',
  'log_not_consulted',
])

/** Whether an image with these gaps is one of which the sentence says all. */
export const isArrivalAll = (gaps: Iterable<GapReason>): boolean => [...gaps].every((gap) => TOLD.has(gap))

/** @returns undefined where no gateway shows anything */
export function writeArrival(facts: ArrivalFacts): string | undefined {
  const { content, checks, speakers, belief, seal } = facts
  const holds = (subject: Subject): boolean => {
    const answers = checks.filter((check) => check.subject === subject)
    return answers.length > 0 && answers.every(({ outcome }) => outcome === 'holds')
  }
  if (!holds('gateway_signature') || (content !== 'unchanged' && content !== 'derived')) return undefined
  const start = content === 'derived' ? 'The picture is unchanged' : 'Unchanged'
  if (belief === undefined) {
    if (!holds('coverage') || seal.state !== 'absent') return undefined
    return `${start} since ${nameGateway(speakers, belief)} signed it. Its seal file, which says where it came from, is missing.`
  }
  if (!isOfGateway(belief.statement) || !holds('seal') || !holds('content')) return undefined
  const { received, sealedAt } = belief.statement
  const { callingAet, receivedAt } = received
  const from = callingAet === null ? '' : ` from AE ${callingAet}`
  // What is proven is when it was sealed: that it came long before stays a claim.
  const isProven = holds('time') && Math.abs(sealedAt.getTime() - receivedAt.getTime()) <= STAMP_DELAY_MS
  const when = isProven ? ` on ${formatTime(receivedAt)}` : `, by its own clock on ${formatTime(receivedAt)}`
  const record = holds('log') ? ' The custody log has a record of it.' : ''
  return `${start} since ${nameGateway(speakers, belief)} received it${from}${when}. ${UNSEEN}${record}`
}

/** `the gateway Front Door of Mercy Hospital`. */
function nameGateway(speakers: Speakers, belief: Belief | undefined): string {
  const { commonName, organisation } =
    (belief === undefined ? mainSpeaker(speakers)?.signer.certificate : belief.signers.sealer)?.subject ?? {}
  return `the gateway${commonName === undefined ? '' : ` ${commonName}`}${organisation === undefined ? '' : ` of ${organisation}`}`
}
