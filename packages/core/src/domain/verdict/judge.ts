/**
 * Judge: what the whole evidence about an image adds up to.
 *
 * Three lines that are never merged: a verdict under a policy, a level of provenance, and what became of the content.
 * Signing proves origin and integrity, not truth; and silence is never proof of authenticity.
 */
import type { Tag } from '../../formats/dicom/element.ts'
import { textAt } from '../../formats/dicom/values.ts'
import type { Certificate } from '../../formats/x509/certificate.ts'
import { type Belief, believe } from './belief.ts'
import type { Check } from './check.ts'
import { checkEncoding, checkFragments, checkNaming } from './check-file.ts'
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
import { decide, type Policy, type Verdict } from './policy.ts'
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
    checkTime(device, belief),
    ...checkRevocation(speakers),
    checkSeal(evidence.seal),
    ...checkContent(evidence, belief),
    checkNaming(evidence, belief),
  ]
  const verdict = decide(checks, policy)
  const content = contentOf(evidence, speakers, belief, checks)
  const level = levelOf(verdict, checks)
  const isSynthetic = isMarkedSynthetic(evidence, speakers)
  const asked = checks.filter(({ subject }) => policy.requires.includes(subject))
  const sentence = writeSentence({
    verdict,
    content,
    checks,
    asked,
    isSynthetic,
    speakers,
    belief,
    seal: evidence.seal,
  })
  return { verdict, level, content, checks, isSynthetic, sentence }
}

function contentOf(
  evidence: Evidence,
  { device }: Speakers,
  belief: Belief | undefined,
  checks: readonly Check[],
): Content {
  const isFailed = (subject: Check['subject']): boolean =>
    checks.some((check) => check.subject === subject && check.outcome === 'fails')
  if (belief !== undefined) {
    if (isFailed('content')) return 'altered'
    const { kind, changes } = belief.comparison
    if (changes.some(({ what }) => what === 'sequence_lost' || what === 'icon_recoded')) return 'not_shown'
    if (kind === 'transcoded') return 'derived'
    return kind === 'identical' || kind === 'equivalent' ? 'unchanged' : 'not_shown'
  }
  const isTampered = evidence.signatures.signatures.some(({ path, mac }) => path === '' && mac.outcome === 'fails')
  if (isTampered || isFailed('coverage')) return 'altered'
  if (device?.state !== 'valid') return 'not_shown'
  return device.mac.outcome === 'holds' && device.mac.by === 'decoded_pixels' ? 'derived' : 'unchanged'
}

/**
 * The level of provenance. Levels from P3 up ask for a record in a custody log; until an image has one, a seal by
 * device and technologist at the first hop counts as P2.
 */
function levelOf(verdict: Verdict, checks: readonly Check[]): Level {
  const isSealed = (['device_signature', 'operator_signature', 'seal', 'content'] as const).every((subject) => {
    const answers = checks.filter((check) => check.subject === subject)
    return answers.length > 0 && answers.every(({ outcome }) => outcome === 'holds')
  })
  return isSealed && verdict !== 'not_authentic' ? 'P2' : 'P0'
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
