/**
 * Judge: what the whole evidence about an image adds up to.
 *
 * Three lines that are never merged: a verdict under a policy, a level of provenance, and what became of the content.
 * Signing proves origin and integrity, not truth; and silence is never proof of authenticity.
 */
import type { Tag } from '../../formats/dicom/element.ts'
import { textAt } from '../../formats/dicom/values.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { isOfGateway } from '../seal/image-statement.ts'
import type { SignatureReport } from '../signature/verify.ts'
import { type Belief, believe } from './belief.ts'
import type { Check, FailureReason } from './check.ts'
import { checkBinding } from './check-binding.ts'
import { checkEncoding, checkFragments, checkNaming } from './check-file.ts'
import { checkLog, checkLogTime, isRecordedAsIs, proveByLog } from './check-log.ts'
import { checkMark } from './check-mark.ts'
import { checkContent, checkSeal } from './check-seal.ts'
import {
  checkCoverage,
  checkOthers,
  checkRevocation,
  checkSpeaker,
  checkTime,
  findSpeakers,
  mainSpeaker,
  type Speakers,
} from './check-signatures.ts'
import type { Evidence } from './evidence.ts'
import { decide, isAsked, type Policy, type Verdict } from './policy.ts'
import { writeSentence } from './sentence.ts'

/** P0 none, P1 recorded, P2 sealed at capture or at the first hop, P3 device-signed with a log, P4 rooted in hardware. */
export type Level = 'P0' | 'P1' | 'P2' | 'P3' | 'P4'

export type Content = 'unchanged' | 'derived' | 'altered' | 'not_shown' | 'contradicted'

export interface Judgement {
  readonly verdict: Verdict
  readonly level: Level
  readonly content: Content
  /** For a person who reads nothing else. */
  readonly sentence: string
  readonly checks: readonly Check[]
  /** Whether the file says of itself that it is synthetic (0008,001C), or its seal or signers that they are for demonstration. */
  readonly isSynthetic: boolean
}

/** Weighs the evidence under a policy. Pure; every check that was made is in the result. */
export function judge(evidence: Evidence, policy: Policy): Judgement {
  const belief = believe(evidence.seal)
  const speakers = findSpeakers(evidence, belief, policy)
  const main = mainSpeaker(speakers)
  const checks: readonly Check[] = [
    ...checkEncoding(evidence, belief, main),
    checkFragments(evidence, belief),
    ...checkSpeaker('device', speakers, evidence, belief, policy),
    ...checkSpeaker('operator', speakers, evidence, belief, policy),
    ...(isThroughGateway(evidence, speakers, belief)
      ? checkSpeaker('gateway', speakers, evidence, belief, policy)
      : []),
    ...checkOthers(evidence, speakers, belief, policy),
    ...checkCoverage(evidence, main, belief),
    ...checkTimes(evidence, main, belief),
    ...checkRevocation(speakers),
    checkSeal(evidence.seal),
    ...checkContent(evidence, belief),
    checkNaming(evidence, belief),
    ...checkBinding(evidence, belief),
    ...checkLog(evidence, belief, policy.requires.includes('log')),
    ...checkMark(evidence, belief, policy.requires.includes('mark')),
  ]
  const verdict = decide(checks, policy)
  const content = contentOf(evidence, speakers, belief, checks)
  const level = levelOf(verdict, checks, isRecordedAsIs(evidence))
  const isSynthetic = isMarkedSynthetic(evidence, speakers)
  const asked = checks.filter((check) => isAsked(check, policy, checks))
  const sentence = writeSentence({
    verdict,
    content,
    checks,
    asked,
    isRecorded: isRecordedAsIs(evidence) && level === 'P1',
    isSynthetic,
    speakers,
    belief,
    seal: evidence.seal,
  })
  return { verdict, level, content, checks, isSynthetic, sentence }
}

/** Whether a gateway has anything to answer for: it sealed, or signed in a file for which no seal speaks. */
function isThroughGateway({ seal }: Evidence, { gateway }: Speakers, belief: Belief | undefined): boolean {
  if (belief !== undefined) return isOfGateway(belief.statement)
  return gateway !== undefined || (seal.state === 'present' && isOfGateway(seal.report.statement))
}

/** What an authority saw, and what the log knows of it: doubts of the log take the place of an answer that holds. */
function checkTimes(
  evidence: Evidence,
  main: SignatureReport | undefined,
  belief: Belief | undefined,
): readonly Check[] {
  const logged = checkLogTime(evidence.log, belief)
  const stamped = checkTime(main, belief)
  const proven = stamped.outcome === 'unknown' && logged.length === 0 ? (proveByLog(evidence) ?? stamped) : stamped
  return logged.length > 0 && proven.outcome === 'holds' ? logged : [proven, ...logged]
}

function contentOf(
  evidence: Evidence,
  speakers: Speakers,
  belief: Belief | undefined,
  checks: readonly Check[],
): Content {
  const isFailed = (subject: Check['subject']): boolean =>
    checks.some((check) => check.subject === subject && check.outcome === 'fails')
  const isFor = (...reasons: readonly FailureReason[]): boolean =>
    checks.some((check) => check.outcome === 'fails' && reasons.includes(check.reason))
  const isContradicted = isFor('replaced')
  // The pixels themselves say that they, or some of them, are those of another picture.
  if (isFor('mark_of_other', 'mark_foreign', 'mark_contradicted')) return 'contradicted'
  if (belief !== undefined) {
    if (isFailed('content') || isFailed('mark')) return 'altered'
    if (isContradicted) return 'contradicted'
    const { kind, changes } = belief.comparison
    if (changes.some(({ what }) => what === 'sequence_lost' || what === 'icon_recoded')) return 'not_shown'
    if (kind === 'transcoded') return 'derived'
    return kind === 'identical' || kind === 'equivalent' ? 'unchanged' : 'not_shown'
  }
  const isTampered = evidence.signatures.signatures.some(({ path, mac }) => path === '' && mac.outcome === 'fails')
  if (isTampered || isFailed('coverage') || isFailed('mark')) return 'altered'
  if (isContradicted) return 'contradicted'
  const main = mainSpeaker(speakers)
  if (main?.state !== 'valid') return isRecordedAsIs(evidence) ? 'unchanged' : 'not_shown'
  return main.mac.outcome === 'holds' && main.mac.by === 'decoded_pixels' ? 'derived' : 'unchanged'
}

/**
 * The level of provenance. A seal by device and technologist counts as P2, and with a record in a custody log, at its
 * time and with certificates that are known not to be revoked, as P3. A gateway has not seen how the image was made: its
 * seal counts as P2 where it could tie the image to order, technologist and sender, and never for more; else, as a
 * record alone, as P1.
 * P4 asks for keys that are rooted in hardware, and nothing shows that yet.
 */
function levelOf(verdict: Verdict, checks: readonly Check[], isRecorded: boolean): Level {
  const hold = (...subjects: readonly Check['subject'][]): boolean =>
    subjects.every((subject) => {
      const answers = checks.filter((check) => check.subject === subject)
      return answers.length > 0 && answers.every(({ outcome }) => outcome === 'holds')
    })
  if (verdict === 'not_authentic') return 'P0'
  if (hold('gateway_signature', 'seal', 'content')) return hold('binding') ? 'P2' : 'P1'
  if (!hold('device_signature', 'operator_signature', 'seal', 'content')) {
    return isRecorded && hold('log') ? 'P1' : 'P0'
  }
  return hold('time', 'revocation', 'log') ? 'P3' : 'P2'
}

/** Synthetic Data, PS3.3 section C.12.1.1.1. */
const SYNTHETIC_DATA: Tag = 0x0008001c
/** How key rings for demonstrations begin the names in their certificates. */
const DEMO = /^DEMO\b/

function isMarkedSynthetic({ file, seal }: Evidence, { device, operator, gateway }: Speakers): boolean {
  if (textAt(file.dataSet, SYNTHETIC_DATA) === 'YES') return true
  if (seal.state === 'present' && seal.report.statement.isDemo) return true
  return [device, operator, gateway].some((report) => report !== undefined && isOfDemo(report.signer.certificate))
}

const isOfDemo = ({ subject, issuer }: Certificate): boolean =>
  [subject.organisation, subject.commonName, issuer.organisation, issuer.commonName].some((name) =>
    DEMO.test(name ?? ''),
  )
