/**
 * Judge: what the whole evidence about an image adds up to.
 *
 * Three lines that are never merged: a verdict under a policy, a level of provenance, and what became of the content.
 * Signing proves origin and integrity, not truth; and silence is never proof of authenticity.
 */
import type { Concern } from '../../formats/dicom/attribute-concern.ts'
import { formatTag, type Tag } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import type { Change } from '../seal/compare.ts'
import type { SealCheck } from '../seal/verify.ts'
import { describeTag } from '../signature/coverage.ts'
import type { FragmentPlace } from '../signature/fragments.ts'
import type { SignatureReport } from '../signature/verify.ts'
import { type Check, fails, type FailureReason, type GapReason, holds, type Subject, unknown } from './check.ts'
import type { Evidence, SealEvidence } from './evidence.ts'
import { missingNames } from './naming.ts'
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
  /** Whether the file says of itself that it is synthetic (0008,001C), or its seal that it is a demonstration. */
  readonly isSynthetic: boolean
}

const DEVICE_PURPOSES: ReadonlySet<string | undefined> = new Set(['14'])
const PERSON_PURPOSES: ReadonlySet<string | undefined> = new Set(['1', '2', '3', '5', '6', '13'])

/** Weighs the evidence under a policy. Pure; every check that was made is in the result. */
export function judge(evidence: Evidence, policy: Policy): Judgement {
  const { signatures } = evidence.signatures
  const main = signatures.filter(({ path }) => path === '')
  const device = pick(main, 'device', DEVICE_PURPOSES, policy)
  const operator = pick(main, 'person', PERSON_PURPOSES, policy)
  const checks: readonly Check[] = [
    ...checkEncoding(evidence.file),
    ...checkFragments(evidence),
    ...checkSignature('device_signature', device, evidence, policy),
    ...checkOperator(operator, evidence, policy),
    ...checkOthers(signatures, [device, operator], evidence),
    ...checkCoverage(device, evidence),
    checkTime(device, evidence),
    ...checkRevocation([device, operator]),
    checkSeal(evidence.seal),
    ...checkContent(evidence),
    checkNaming(evidence),
  ]
  const verdict = decide(checks, policy)
  const content = contentOf(evidence, device, checks)
  const level = levelOf(verdict, checks)
  const isSynthetic = isMarkedSynthetic(evidence)
  const facts = { verdict, content, checks, isSynthetic, device, operator, seal: evidence.seal }
  return { verdict, level, content, checks, isSynthetic, sentence: writeSentence(facts) }
}

/** The signature that speaks in a role: by its certificate, or by its stated purpose where a policy lets that count. */
function pick(
  signatures: readonly SignatureReport[],
  role: 'device' | 'person',
  purposes: ReadonlySet<string | undefined>,
  { acceptsUncertifiedRoles }: Policy,
): SignatureReport | undefined {
  const candidates = signatures.filter((report) => report.signer.role === role || purposes.has(report.purpose))
  const anyone = acceptsUncertifiedRoles && role === 'device' ? signatures : []
  const ranked = [...candidates, ...anyone].toSorted((a, b) => rank(b, role) - rank(a, role))
  return ranked[0]
}

/** A valid signature speaks before one that is not, and one in the right role before the others. */
const rank = ({ state, signer }: SignatureReport, role: 'device' | 'person'): number =>
  (state === 'valid' ? 4 : 0) + (signer.role === role ? 2 : 0) + (signer.path.outcome === 'trusted' ? 1 : 0)

function checkEncoding({ findings, preamble }: DicomFile): readonly Check[] {
  const checks: Check[] = []
  if (preamble === 'executable') checks.push(fails('encoding', 'preamble_executable', ['offset 0']))
  const ambiguities = findings.filter(({ code }) => code !== 'dicom_preamble_executable')
  if (ambiguities.length > 0) {
    const where = ambiguities.map(({ code, offset, message }) => `offset ${offset}: ${message} (${code})`)
    checks.push(fails('encoding', 'encoding_ambiguous', where))
  }
  return checks.length > 0 ? checks : [holds('encoding')]
}

function checkFragments({ fragments, seal }: Evidence): readonly Check[] {
  if (fragments.outcome === 'holds') return [holds('fragments')]
  const where = [describePlace(fragments.where)]
  if (fragments.outcome === 'fails') return [fails('fragments', 'fragments_ambiguous', where)]
  // A seal knows how the fragments were cut.
  const isKnown = seal.state === 'present' && seal.report.outcome === 'holds' && seal.comparison.kind !== 'undecided'
  return [isKnown ? holds('fragments') : unknown('fragments', 'fragments_undecided', where)]
}

const describePlace = ({ path, fragment, frame }: FragmentPlace): string =>
  `fragment ${fragment}${frame === undefined ? '' : ` of frame ${frame}`}${path === '' ? '' : ` in ${path}`}`

const GONE: Readonly<Record<'device_signature' | 'operator_signature', 'device' | 'operator'>> = {
  device_signature: 'device',
  operator_signature: 'operator',
}

function checkSignature(
  subject: 'device_signature' | 'operator_signature',
  report: SignatureReport | undefined,
  { seal, signatures }: Evidence,
  policy: Policy,
): readonly Check[] {
  const checks: Check[] = signatures.malformed.map(({ offset, problem }) =>
    fails(subject, 'signature_malformed', [`offset ${offset}: ${problem}`]),
  )
  if (report === undefined) {
    const expected = seal.state === 'present' ? seal.report.statement.signatures[GONE[subject]] : undefined
    // Only a seal that holds can say that there was one.
    const isRemoved = seal.state === 'present' && seal.report.outcome === 'holds' && expected
    return [...checks, isRemoved ? fails(subject, 'signature_removed') : unknown(subject, 'signature_absent')]
  }
  const role = subject === 'device_signature' ? 'device' : 'person'
  return [...checks, ...answerFor(subject, report, role, seal, policy)]
}

function answerFor(
  subject: 'device_signature' | 'operator_signature',
  report: SignatureReport,
  role: 'device' | 'person',
  seal: SealEvidence,
  { acceptsUncertifiedRoles }: Policy,
): readonly Check[] {
  const { mac, signer, state } = report
  const isTranscoded = seal.state === 'present' && seal.report.outcome === 'holds' && seal.comparison.kind === 'transcoded'
  if (state === 'tampered') {
    return [mac.outcome === 'fails' ? fails(subject, 'tampered') : fails(subject, 'time_contradicted')]
  }
  const checks: Check[] = []
  if (mac.outcome === 'fails') checks.push(fails(subject, 'tampered'))
  // The samples are those that were sealed: the seal, by the same device, answers for the signature.
  else if (mac.outcome === 'unknown' && !isTranscoded) {
    checks.push(unknown(subject, mac.reason, mac.where === undefined ? undefined : [describeTag(mac.where)]))
  }
  const trust = answerForSigner(subject, report)
  if (trust !== undefined) checks.push(trust)
  if (signer.role !== role) {
    if (signer.role !== 'uncertified') checks.push(fails(subject, 'role_mismatch', [`certified as ${signer.role}`]))
    else if (!acceptsUncertifiedRoles) checks.push(unknown(subject, 'role_uncertified'))
  }
  if (report.isWeakHash) checks.push(unknown(subject, 'weak_digest', [report.hash]))
  return checks.length > 0 ? checks : [holds(subject)]
}

function answerForSigner(subject: Subject, { signer, state }: SignatureReport): Check | undefined {
  const { path } = signer
  if (path.outcome === 'trusted') return state === 'untrusted_signer' ? fails(subject, 'certificate_outside_validity') : undefined
  if (path.outcome === 'revoked') return fails(subject, 'revoked')
  if (path.outcome === 'weak') return fails(subject, 'weak_key')
  if (state === 'time_unproven') return unknown(subject, 'time_unproven')
  if (path.outcome === 'expired' || path.outcome === 'not_yet_valid') return fails(subject, 'certificate_outside_validity')
  // An issuer that we know by name did not issue it: somebody pretends. An issuer we never heard of proves nothing.
  return path.reason === 'issuer_unknown' ? unknown(subject, 'untrusted_signer') : fails(subject, 'signer_impersonated')
}

/** In a series the technologist signs the seal of the series and not each file. */
function checkOperator(report: SignatureReport | undefined, evidence: Evidence, policy: Policy): readonly Check[] {
  const { seal } = evidence
  const isSeries = seal.state === 'present' && seal.report.statement.signatures.operator === null
  if (report !== undefined || !isSeries) return checkSignature('operator_signature', report, evidence, policy)
  const answers = seal.report.checks.filter(({ subject }) => subject.startsWith('operator_') || subject === 'series')
  if (answers.some(({ outcome }) => outcome === 'fails')) return [fails('operator_signature', 'seal_signature_wrong', spell(answers))]
  const isPending = answers.some(({ outcome }) => outcome === 'unknown')
  return [isPending ? unknown('operator_signature', 'signature_absent', spell(answers)) : holds('operator_signature')]
}

/** Signatures of others, such as of a report's verified item, count against the image only when they are wrong. */
function checkOthers(all: readonly SignatureReport[], chosen: readonly (SignatureReport | undefined)[], { seal }: Evidence): readonly Check[] {
  const isTranscoded = seal.state === 'present' && seal.comparison.kind === 'transcoded'
  return all
    .filter((report) => !chosen.includes(report) && report.mac.outcome === 'fails' && !isTranscoded)
    .map(({ path, uid }) => fails('content', 'tampered', [`signature ${uid}${path === '' ? '' : ` in ${path}`}`]))
}

const OPEN_REASONS: Readonly<Partial<Record<Concern, FailureReason>>> = {
  display: 'unsigned_display_attribute',
  overlay: 'unsigned_overlay',
  pixels: 'unsigned_pixels',
}

function checkCoverage(device: SignatureReport | undefined, { seal }: Evidence): readonly Check[] {
  if (device === undefined || device.mac.outcome !== 'holds') {
    const isSealed = seal.state === 'present' && seal.report.outcome === 'holds' && seal.comparison.kind !== 'altered'
    return [isSealed ? holds('coverage') : unknown('coverage', 'signature_absent')]
  }
  if (device.unsigned.length === 0) return [holds('coverage')]
  const checks: Check[] = []
  for (const concern of ['display', 'overlay', 'pixels'] as const) {
    const tags = device.unsigned.filter((entry) => entry.concern === concern).map(({ tag }) => describeTag(tag))
    const reason = OPEN_REASONS[concern]
    if (tags.length > 0 && reason !== undefined) checks.push(fails('coverage', reason, tags))
  }
  const patient = device.unsigned.filter(({ concern }) => concern === 'patient').map(({ tag }) => describeTag(tag))
  if (patient.length > 0) checks.push(unknown('coverage', 'unsigned_patient', patient))
  const rest = device.unsigned.filter(({ concern }) => concern !== 'patient' && OPEN_REASONS[concern] === undefined)
  if (rest.length > 0) checks.push(unknown('coverage', 'unsigned_attribute', rest.map(({ tag }) => describeTag(tag))))
  return checks
}

function checkTime(device: SignatureReport | undefined, { seal }: Evidence): Check {
  if (device?.time.outcome === 'holds') return holds('time')
  if (device?.time.outcome === 'fails') return fails('time', 'time_contradicted', [device.time.reason])
  const sealed = seal.state === 'present' ? seal.report.checks.find(({ subject }) => subject === 'device_time') : undefined
  if (sealed?.outcome === 'holds') return holds('time')
  return unknown('time', 'time_unproven', device?.time.outcome === 'unknown' ? [device.time.reason] : undefined)
}

function checkRevocation(reports: readonly (SignatureReport | undefined)[]): readonly Check[] {
  const paths = reports.filter((report) => report !== undefined).map(({ signer }) => signer.path)
  if (paths.length === 0) return []
  const isGood = paths.every(({ revocation }) => revocation === 'good')
  if (paths.some(({ revocation }) => revocation === 'revoked')) return [fails('revocation', 'revoked')]
  return [isGood ? holds('revocation') : unknown('revocation', 'revocation_unknown')]
}

/** Reasons of the seal's own checks that mean that somebody is not known, and not that something is wrong. */
function checkSeal(seal: SealEvidence): Check {
  if (seal.state === 'absent') return unknown('seal', 'seal_absent')
  if (seal.state === 'malformed') return fails('seal', 'seal_malformed', [seal.code])
  const { outcome, checks } = seal.report
  if (outcome === 'holds') return holds('seal')
  const failed = checks.filter((check) => check.outcome === 'fails')
  if (failed.length > 0) return fails('seal', sealFailure(failed), spell(failed))
  const gaps = checks.filter((check) => check.outcome === 'unknown')
  return unknown('seal', sealGap(gaps), spell(gaps))
}

function sealFailure(checks: readonly SealCheck[]): FailureReason {
  const has = (reason: string): boolean => checks.some((check) => check.outcome === 'fails' && check.reason === reason)
  if (has('signature_missing')) return 'seal_signature_missing'
  if (has('role_wrong')) return 'role_mismatch'
  if (has('signer_revoked')) return 'revoked'
  if (has('signer_outside_validity')) return 'certificate_outside_validity'
  if (has('signer_untrusted')) return 'signer_impersonated'
  if (has('claimed_after_proven')) return 'time_contradicted'
  return 'seal_signature_wrong'
}

function sealGap(checks: readonly SealCheck[]): GapReason {
  const has = (reason: string): boolean => checks.some((check) => check.outcome === 'unknown' && check.reason === reason)
  if (has('signer_unknown')) return 'untrusted_signer'
  return has('series_pending') ? 'signed_by_operator_in_series' : 'time_unproven'
}

const spell = (checks: readonly SealCheck[]): readonly string[] =>
  checks.map((check) => (check.outcome === 'holds' ? check.subject : `${check.subject}: ${check.reason}`))

const CHANGED: Readonly<Record<Concern, FailureReason>> = {
  patient: 'patient_changed',
  date: 'date_changed',
  operator: 'operator_changed',
  device: 'device_changed',
  identity: 'identity_changed',
  geometry: 'geometry_changed',
  pixels: 'pixels_changed',
  display: 'display_changed',
  overlay: 'overlay_changed',
  other: 'attribute_changed',
}

function checkContent({ seal }: Evidence): readonly Check[] {
  if (seal.state !== 'present' || seal.report.outcome !== 'holds') return [unknown('content', 'seal_absent')]
  const { comparison, report } = seal
  const changedElements = comparison.changes.filter(({ what }) => what.startsWith('element_')).length
  if (changedElements > report.statement.elements.length / 2) return [fails('content', 'other_instance')]
  const removed = comparison.changes.filter(({ what }) => what === 'signature_removed' || what === 'signature_changed')
  const checks: Check[] = removed.length === 0 ? [] : [fails('content', 'signature_removed', removed.map(describeChange))]
  if (comparison.kind === 'undecided') return [...checks, unknown('content', 'pixels_undecodable')]
  if (comparison.kind === 'derived') return [...checks, unknown('content', 'compressed_with_loss')]
  if (comparison.changes.some(({ what }) => what === 'padding_changed')) checks.push(unknown('content', 'padding_changed'))
  if (comparison.kind !== 'altered') return [...checks, ...(checks.length === 0 ? [holds('content')] : [])]

  const altered = comparison.changes.filter((change) => !removed.includes(change) && change.what !== 'transfer_syntax_changed')
  const lost = altered.filter(({ what }) => what === 'vr_lost')
  if (lost.length > 0) checks.push(unknown('content', 'vr_lost', lost.map(describeChange)))
  for (const [concern, reason] of Object.entries(CHANGED) as [Concern, FailureReason][]) {
    const changes = altered.filter((change) => change.concern === concern && change.what !== 'vr_lost')
    if (changes.length > 0) checks.push(fails('content', specific(changes, reason), changes.map(describeChange)))
  }
  return checks
}

/** Attributes without a concern of their own: added and removed ones have their own reasons. */
function specific(changes: readonly Change[], reason: FailureReason): FailureReason {
  if (changes.every(({ what }) => what === 'fragments_changed')) return 'fragments_ambiguous'
  if (reason !== 'attribute_changed') return reason
  if (changes.every(({ what }) => what === 'element_added')) return 'attribute_added'
  return changes.every(({ what }) => what === 'element_removed') ? 'attribute_removed' : reason
}

function describeChange({ what, tag, name, frame }: Change): string {
  const verb = what.split('_').at(-1)
  if (frame !== undefined) return `frame ${frame} ${verb}`
  if (tag === undefined) return what.replaceAll('_', ' ')
  return `${formatTag(tag)} ${name ?? ''} ${verb}`
}

const SYNTHETIC_DATA: Tag = 0x0008001c

function checkNaming({ file, seal }: Evidence): Check {
  const isSealed = seal.state === 'present' && seal.report.outcome === 'holds'
  const missing = missingNames(file.dataSet.elements, isSealed)
  return missing.length === 0 ? holds('naming') : unknown('naming', 'attribute_missing', missing)
}

function contentOf({ seal }: Evidence, device: SignatureReport | undefined, checks: readonly Check[]): Content {
  const isFailed = checks.some(
    ({ subject, outcome }) => outcome === 'fails' && (subject === 'content' || subject === 'coverage' || subject === 'encoding'),
  )
  const isTampered = checks.some((check) => check.outcome === 'fails' && check.reason === 'tampered')
  if (isFailed || isTampered) return 'altered'
  if (seal.state === 'present' && seal.report.outcome === 'holds') {
    if (seal.comparison.kind === 'transcoded') return 'derived'
    const isSame = seal.comparison.kind === 'identical' || seal.comparison.kind === 'equivalent'
    return isSame ? 'unchanged' : 'not_shown'
  }
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

function isMarkedSynthetic({ file: { dataSet }, seal }: Evidence): boolean {
  if (seal.state === 'present' && seal.report.statement.isDemo) return true
  const element = dataSet.elements.find(({ tag }) => tag === SYNTHETIC_DATA)
  return element !== undefined && dataSet.source.view(element.valueStart, element.valueEnd)[0] === 'Y'.charCodeAt(0)
}
