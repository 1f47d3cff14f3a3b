/**
 * Checks of the seal beside the file: whether it is whole and by whom, and whether the image is as it says.
 */
import type { Concern } from '../../formats/dicom/attribute-concern.ts'
import { formatTag } from '../../formats/dicom/element.ts'
import type { Change, ChangeKind } from '../seal/compare.ts'
import { isOfGateway } from '../seal/image-statement.ts'
import type { SealCheck, SealFailure } from '../seal/verify.ts'
import type { SignatureReport } from '../signature/verify.ts'
import type { Belief } from './belief.ts'
import { type Check, type FailureReason, fails, type GapReason, holds, unknown } from './check.ts'
import type { Evidence, SealEvidence } from './evidence.ts'

export function checkSeal(seal: SealEvidence): Check {
  if (seal.state === 'absent') return unknown('seal', 'seal_absent')
  if (seal.state === 'malformed') return fails('seal', 'seal_malformed', [seal.code])
  const { outcome, checks } = seal.report
  if (outcome === 'holds') return holds('seal')
  const failures = checks.flatMap((check) => (check.outcome === 'fails' ? [check] : []))
  if (failures.length > 0) return fails('seal', failureOf(failures.map(({ reason }) => reason)), failures.map(spell))
  const gaps = checks.flatMap((check) => (check.outcome === 'unknown' ? [check] : []))
  const has = (reason: string): boolean => gaps.some((gap) => gap.reason === reason)
  const isPending = gaps.every(({ reason }) => reason === 'series_pending')
  const reason = has('signer_unknown')
    ? 'untrusted_signer'
    : isPending
      ? 'signed_by_operator_in_series'
      : 'time_unproven'
  return unknown('seal', reason, gaps.map(spell))
}

const spell = (check: Exclude<SealCheck, { outcome: 'holds' }>): string => `${check.subject}: ${check.reason}`

/** Of several failures, the one that says most; all that is not listed means that the seal is not what was signed. */
const FAILURES: readonly (readonly [SealFailure, FailureReason])[] = [
  ['signature_missing', 'seal_signature_missing'],
  ['signature_wrong', 'seal_signature_wrong'],
  ['role_wrong', 'role_mismatch'],
  ['signer_revoked', 'revoked'],
  ['signer_weak', 'weak_key'],
  ['signer_outside_validity', 'certificate_outside_validity'],
  ['signer_untrusted', 'signer_impersonated'],
  ['claimed_after_proven', 'time_contradicted'],
]

function failureOf(reasons: readonly SealFailure[]): FailureReason {
  const known = FAILURES.find(([reason]) => reasons.includes(reason))
  if (known !== undefined) return known[1]
  return reasons.every((reason) => reason.startsWith('timestamp_')) ? 'timestamp_wrong' : 'seal_signature_wrong'
}

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

export function checkContent({ seal, signatures }: Evidence, belief: Belief | undefined): readonly Check[] {
  if (belief === undefined) return [unknown('content', seal.state === 'absent' ? 'seal_absent' : 'seal_unproven')]
  const { kind } = belief.comparison
  const changes = belief.comparison.changes.filter(isOfContent)
  if (isOfAnother(belief, changes, signatures.signatures)) return [fails('content', 'other_instance')]
  if (kind === 'undecided') return [unknown('content', 'pixels_undecodable')]
  if (kind === 'derived') return [unknown('content', 'compressed_with_loss')]
  const checks = kind === 'altered' ? answerForAltered(changes) : []
  for (const [reason, whats] of GAPS) {
    const these = changes.filter(({ what }) => whats.includes(what))
    if (these.length > 0) checks.push(unknown('content', reason, these.map(describeChange)))
  }
  const added = kind === 'altered' ? [] : changes.filter(({ what }) => what === 'element_added')
  if (added.length > 0) checks.push(unknown('content', 'derivation_described', added.map(describeChange)))
  return checks.length > 0 ? checks : [holds('content')]
}

/** Changes that alter nothing for all that can be said. */
const GAPS: readonly (readonly [GapReason, readonly ChangeKind[]])[] = [
  ['vr_lost', ['vr_lost', 'sequence_lost']],
  ['transcoded', ['icon_recoded']],
  ['padding_changed', ['padding_changed']],
]
const NOT_ALTERED: readonly ChangeKind[] = [...GAPS.flatMap(([, whats]) => whats), 'derivation_noted']

/** Changes of attributes and pixels: preamble and signatures have other checks, an encoding alone changes nothing. */
const isOfContent = ({ what }: Change): boolean =>
  what !== 'transfer_syntax_changed' && what !== 'preamble_changed' && !what.startsWith('signature_')

/** Whether the seal was made for another image: little is as it says, or its maker signed this file for another seal. */
function isOfAnother(
  { statement, comparison }: Belief,
  changes: readonly Change[],
  signatures: readonly SignatureReport[],
): boolean {
  const changed = changes.filter(({ what }) => what.startsWith('element_')).length
  if (changed > statement.elements.length / 2) return true
  const [role, { name }, place] = isOfGateway(statement)
    ? (['gateway', statement.gateway, 'other'] as const)
    : (['device', statement.device, 'device'] as const)
  const isUnsigned = comparison.changes.some(({ what, concern }) => what === 'signature_removed' && concern === place)
  const isOfMaker = ({ path, state, signer }: SignatureReport): boolean =>
    path === '' && state === 'valid' && signer.role === role && signer.certificate.subject.commonName === name
  return isUnsigned && changes.length > 0 && signatures.some(isOfMaker)
}

function answerForAltered(changes: readonly Change[]): Check[] {
  const altered = changes.filter(({ what }) => !NOT_ALTERED.includes(what))
  const checks: Check[] = []
  for (const [concern, reason] of Object.entries(CHANGED) as [Concern, FailureReason][]) {
    const these = altered.filter((change) => change.concern === concern)
    if (these.length > 0) checks.push(fails('content', specific(these, reason), these.map(describeChange)))
  }
  return checks.length > 0 ? checks : [fails('content', 'attribute_changed')]
}

/** Attributes without a concern of their own: added and removed ones have their own reasons. */
function specific(changes: readonly Change[], reason: FailureReason): FailureReason {
  if (changes.every(({ what }) => what === 'fragments_changed')) return 'fragments_ambiguous'
  if (reason !== 'attribute_changed') return reason
  if (changes.every(({ what }) => what === 'element_added')) return 'attribute_added'
  return changes.every(({ what }) => what === 'element_removed') ? 'attribute_removed' : reason
}

/** `frame 3 changed`, `(0028,1050) Window Center added`; never a value. */
function describeChange({ what, tag, name, frame }: Change): string {
  const verb = what.split('_').at(-1)
  if (frame !== undefined) return `frame ${frame} ${verb}`
  if (tag === undefined) return what.replaceAll('_', ' ')
  return `${formatTag(tag)} ${name ?? ''} ${verb}`
}
