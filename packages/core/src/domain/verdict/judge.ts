/**
 * Judge: what the whole evidence about an image adds up to.
 *
 * Three lines that are never merged: a verdict under a policy, a level of provenance, and what became of the content.
 * Signing proves origin and integrity, not truth; and silence is never proof of authenticity.
 */
import type { Tag } from '../../formats/dicom/element.ts'
import { textAt } from '../../formats/dicom/values.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import type { SignatureReport } from '../signature/verify.ts'
import { type Belief, believe } from './belief.ts'
import type { Check } from './check.ts'
import { checkEncoding, checkFragments, checkNaming } from './check-file.ts'
import { checkLog, checkLogTime, isRecordedAsIs } from './check-log.ts'
import { checkContent, checkSeal } from './check-seal.ts'
import {
  checkCoverage,
  checkOthers,
  checkRevocation,
  checkSpeaker,
  checkTime,
  findSpeakers,
  type Speakers,
} from './check-signatures.ts'
import type { Evidence } from './evidence.ts'
import { decide, isAsked, type Policy, type Verdict } from './policy.ts'
import { writeSentence } from './sentence.ts'

/** P0 none, P1 recorded, P2 sealed at the first hop, P3 device-signed with a log, P4 rooted in hardware. */
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
  const { device } = speakers
  const checks: readonly Check[] = [
    ...checkEncoding(evidence, belief, device),
    checkFragments(evidence, belief),
    ...checkSpeaker('device', speakers, evidence, belief, policy),
    ...checkSpeaker('operator', speakers, evidence, belief, policy),
    ...checkOthers(evidence, speakers, belief, policy),
    ...checkCoverage(evidence, device, belief),
    ...checkTimes(evidence, device, belief),
    ...checkRevocation(speakers),
    checkSeal(evidence.seal),
    ...checkContent(evidence, belief),
    checkNaming(evidence, belief),
    ...checkLog(evidence, belief, policy.requires.includes('log')),
  ]
  const verdict = decide(checks, policy)
  const content = contentOf(evidence, speakers, belief, checks)
  const level = levelOf(verdict, checks, isRecordedAsIs(evidence))
  const isSynthetic = isMarkedSynthetic(evidence, speakers)
  const asked = checks.filter((check) => isAsked(check, policy))
  const sentence = writeSentence({
    verdict,
    content,
    checks,
    asked,
    isRecorded: level === 'P1',
    isSynthetic,
    speakers,
    belief,
    seal: evidence.seal,
  })
  return { verdict, level, content, checks, isSynthetic, sentence }
}

/** What an authority saw, and what the log knows of it: doubts of the log take the place of an answer that holds. */
function checkTimes(
  { log }: Evidence,
  device: SignatureReport | undefined,
  belief: Belief | undefined,
): readonly Check[] {
  const proven = checkTime(device, belief)
  const logged = checkLogTime(log, belief)
  return logged.length > 0 && proven.outcome === 'holds' ? logged : [proven, ...logged]
}

function contentOf(
  evidence: Evidence,
  { device }: Speakers,
  belief: Belief | undefined,
  checks: readonly Check[],
): Content {
  const isFailed = (subject: Check['subject']): boolean =>
    checks.some((check) => check.subject === subject && check.outcome === 'fails')
  const isContradicted = checks.some((check) => check.outcome === 'fails' && check.reason === 'replaced')
  if (belief !== undefined) {
    if (isFailed('content')) return 'altered'
    if (isContradicted) return 'contradicted'
    const { kind, changes } = belief.comparison
    if (changes.some(({ what }) => what === 'sequence_lost' || what === 'icon_recoded')) return 'not_shown'
    if (kind === 'transcoded') return 'derived'
    return kind === 'identical' || kind === 'equivalent' ? 'unchanged' : 'not_shown'
  }
  const isTampered = evidence.signatures.signatures.some(({ path, mac }) => path === '' && mac.outcome === 'fails')
  if (isTampered || isFailed('coverage')) return 'altered'
  if (isContradicted) return 'contradicted'
  if (device?.state !== 'valid') return isRecordedAsIs(evidence) ? 'unchanged' : 'not_shown'
  return device.mac.outcome === 'holds' && device.mac.by === 'decoded_pixels' ? 'derived' : 'unchanged'
}

/**
 * The level of provenance. A seal by device and technologist at the first hop counts as P2, and with a record in a
 * custody log, at its time and with certificates that are known not to be revoked, as P3. A record alone counts as P1.
 * P4 asks for keys that are rooted in hardware, and nothing shows that yet.
 */
function levelOf(verdict: Verdict, checks: readonly Check[], isRecorded: boolean): Level {
  const hold = (...subjects: readonly Check['subject'][]): boolean =>
    subjects.every((subject) => {
      const answers = checks.filter((check) => check.subject === subject)
      return answers.length > 0 && answers.every(({ outcome }) => outcome === 'holds')
    })
  if (verdict === 'not_authentic') return 'P0'
  if (!hold('device_signature', 'operator_signature', 'seal', 'content')) {
    return isRecorded && hold('log') ? 'P1' : 'P0'
  }
  return hold('time', 'revocation', 'log') ? 'P3' : 'P2'
}

/** Synthetic Data, PS3.3 section C.12.1.1.1. */
const SYNTHETIC_DATA: Tag = 0x0008001c
/** How key rings for demonstrations begin the names in their certificates. */
const DEMO = /^DEMO\b/

function isMarkedSynthetic({ file, seal }: Evidence, { device, operator }: Speakers): boolean {
  if (textAt(file.dataSet, SYNTHETIC_DATA) === 'YES') return true
  if (seal.state === 'present' && seal.report.statement.isDemo) return true
  return [device, operator].some((report) => report !== undefined && isOfDemo(report.signer.certificate))
}

const isOfDemo = ({ subject, issuer }: Certificate): boolean =>
  [subject.organisation, subject.commonName, issuer.organisation, issuer.commonName].some((name) =>
    DEMO.test(name ?? ''),
  )
