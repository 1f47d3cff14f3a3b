/**
 * Checks of the signatures in the file: who speaks for device and technologist, and what everybody else says.
 *
 * A seal that is believed names the two signatures, and no other can take their place. Without one they are found by
 * the role of their certificates; a purpose that a signature states of itself counts for less.
 */

import { equalBytes } from '../../bytes/text.ts'
import { type Concern, concernOf } from '../../formats/dicom/attribute-concern.ts'
import { type Element, groupOf, type Tag } from '../../formats/dicom/element.ts'
import { UID } from '../../formats/dicom/instance-uids.ts'
import type { Operator } from '../seal/holder.ts'
import { type ImageStatement, isOfGateway } from '../seal/image-statement.ts'
import type { SignatureReference } from '../seal/sealed-instance.ts'
import { CLOCK_TOLERANCE_MS } from '../seal/verify.ts'
import { describeTag } from '../signature/coverage.ts'
import { isSignable } from '../signature/signable.ts'
import type { SignatureReport } from '../signature/verify.ts'
import type { PathReason } from '../trust/path.ts'
import { type Belief, isAsSealed } from './belief.ts'
import { type Check, fails, holds, type Subject, unknown } from './check.ts'
import type { Evidence } from './evidence.ts'
import type { Policy } from './policy.ts'
import { findStrayParts } from './stray-parts.ts'

/** The signatures that speak for those who seal; absent where nobody does. */
export interface Speakers {
  readonly device?: SignatureReport
  readonly operator?: SignatureReport
  readonly gateway?: SignatureReport
}

type Part = 'device' | 'operator' | 'gateway'
type HolderRole = 'device' | 'person' | 'gateway'
type SignatureSubject = `${Part}_signature`
const SUBJECT_PARTS: Readonly<Record<SignatureSubject, Part>> = {
  device_signature: 'device',
  operator_signature: 'operator',
  gateway_signature: 'gateway',
}

const ROLES: Readonly<Record<Part, HolderRole>> = { device: 'device', operator: 'person', gateway: 'gateway' }
/**
 * Digital Signature Purpose by which somebody claims a role; one list each, and none in two. None makes a gateway:
 * others witness events, too.
 */
const PURPOSES: Readonly<Record<Part, ReadonlySet<string>>> = {
  device: new Set(['14']),
  operator: new Set(['1', '2', '3', '5', '6', '13']),
  gateway: new Set(),
}

export function findSpeakers(
  { signatures: { signatures } }: Evidence,
  belief: Belief | undefined,
  policy: Policy,
): Speakers {
  const main = signatures.filter(({ path }) => path === '')
  const find = (part: Part): SignatureReport | undefined => {
    if (belief === undefined) return bestFor(part, main, policy)
    const uid = referenceOf(belief.statement, part)?.uid
    return main.find((report) => report.uid === uid)
  }
  const [device, operator, gateway] = [find('device'), find('operator'), find('gateway')]
  return { ...(device && { device }), ...(operator && { operator }), ...(gateway && { gateway }) }
}

/** Who says most about the image as a whole. */
export const mainSpeaker = ({ device, gateway }: Speakers): SignatureReport | undefined => device ?? gateway

/** The signature of a part that a statement names; undefined for a part that it does not speak of. */
function referenceOf(statement: ImageStatement, part: Part): SignatureReference | null | undefined {
  if (isOfGateway(statement)) return part === 'gateway' ? statement.signatures.gateway : undefined
  return part === 'gateway' ? undefined : statement.signatures[part]
}

function holderOf(statement: ImageStatement, part: Part): Operator | undefined {
  if (isOfGateway(statement)) return part === 'gateway' ? statement.gateway : undefined
  return part === 'gateway' ? undefined : statement[part]
}

function bestFor(part: Part, signatures: readonly SignatureReport[], policy: Policy): SignatureReport | undefined {
  const role = ROLES[part]
  const isOfOther = (purpose: string): boolean =>
    (Object.keys(PURPOSES) as Part[]).some((other) => other !== part && PURPOSES[other].has(purpose))
  const isAnyone = part === 'device' && policy.acceptsUncertifiedRoles
  // Whoever states the purpose of another speaks for the other, and is judged there.
  const candidates = signatures.filter(({ signer, purpose = '' }) => {
    if (PURPOSES[part].has(purpose)) return true
    return (signer.role === role || (isAnyone && signer.role === 'uncertified')) && !isOfOther(purpose)
  })
  return candidates.toSorted((a, b) => rank(b, role) - rank(a, role))[0]
}

/** A valid signature speaks before one that is not, and one in the right role before the others. */
const rank = ({ state, signer }: SignatureReport, role: HolderRole): number =>
  (state === 'valid' ? 4 : 0) + (signer.role === role ? 2 : 0) + (signer.path.outcome === 'trusted' ? 1 : 0)

/** What the signature of one of those who seal shows. */
export function checkSpeaker(
  part: Part,
  speakers: Speakers,
  evidence: Evidence,
  belief: Belief | undefined,
  policy: Policy,
): readonly Check[] {
  const subject = `${part}_signature` as const
  const report = speakers[part]
  if (belief === undefined)
    return report === undefined ? [checkAbsence(subject, evidence)] : answerFor(subject, report, belief, policy)
  const reference = referenceOf(belief.statement, part)
  // A signature that somebody added to what a gateway sealed is one among others: it was not there when that came.
  if (reference === undefined) return [unknown(subject, 'signature_absent')]
  if (reference === null) {
    if (part === 'gateway') return [holds(subject, ['its seal speaks for the file as it came'])]
    return [belief.operator === 'pending' ? unknown(subject, 'signed_by_operator_in_series') : holds(subject)]
  }
  const concerned = part === 'gateway' ? 'other' : part
  const change = belief.comparison.changes.find(
    ({ what, concern }) => what.startsWith('signature_') && concern === concerned,
  )
  if (report === undefined && belief.isOriginal) return [holds(subject, ['the file as it came to the gateway'])]
  if (report === undefined)
    return [fails(subject, change?.what === 'signature_changed' ? 'signature_changed' : 'signature_removed')]
  const checks: Check[] = []
  if (change !== undefined) checks.push(fails(subject, 'signature_changed', [nameOf(report)]))
  if (!isNamedSigner(part, report, belief)) checks.push(fails(subject, 'signer_mismatch', [nameOf(report)]))
  const answers = answerFor(subject, report, belief, policy)
  return checks.length === 0 ? answers : [...checks, ...answers.filter(({ outcome }) => outcome !== 'holds')]
}

function checkAbsence(subject: SignatureSubject, { signatures: { malformed } }: Evidence): Check {
  const broken = malformed.filter(({ path }) => path === '')
  if (broken.length === 0) return unknown(subject, 'signature_absent')
  return fails(
    subject,
    'signature_malformed',
    broken.map(({ offset, problem }) => `offset ${offset}: ${problem}`),
  )
}

/** Both spellings of the fact are by one holder: the statement names the certificate, and the certificate the name. */
function isNamedSigner(
  part: Part,
  { signer: { certificate } }: SignatureReport,
  { signers, statement }: Belief,
): boolean {
  const named = signers[part]
  return (
    named !== undefined &&
    equalBytes(named.bytes, certificate.bytes) &&
    named.subject.commonName === holderOf(statement, part)?.name
  )
}

function answerFor(
  subject: SignatureSubject,
  report: SignatureReport,
  belief: Belief | undefined,
  { acceptsUncertifiedRoles }: Policy,
): readonly Check[] {
  const { signer, state, time } = report
  const role = ROLES[SUBJECT_PARTS[subject]]
  const checks: Check[] = []
  if (state === 'ambiguous_encoding') checks.push(fails(subject, 'encoding_ambiguous'))
  if (!isAnsweredBySeal(report, belief)) checks.push(...answerForMac(subject, report))
  if (time.outcome === 'fails' && time.reason === 'claimed_after_proven')
    checks.push(fails(subject, 'time_contradicted'))
  checks.push(...answerForSigner(subject, report))
  if (signer.role !== role) {
    if (signer.role !== 'uncertified') checks.push(fails(subject, 'role_mismatch', [`certified as ${signer.role}`]))
    else if (!acceptsUncertifiedRoles) checks.push(unknown(subject, 'role_uncertified'))
  }
  if (report.isWeakHash) checks.push(unknown(subject, 'weak_digest', [report.hash]))
  return checks.length > 0 ? checks : [holds(subject)]
}

/**
 * Whether the seal, by the same holder, answers for a digest of another encoding: the samples are those that were
 * sealed. Codestreams that were sealed and changed within their own encoding get no such answer, even where a decoder
 * passes over the difference.
 */
function isAnsweredBySeal({ mac }: SignatureReport, belief: Belief | undefined): boolean {
  if (belief?.comparison.kind !== 'transcoded') return false
  return mac.outcome === 'unknown' || belief.statement.encapsulated === null
}

function answerForMac(subject: Subject, { mac }: SignatureReport, where: readonly string[] = []): readonly Check[] {
  if (mac.outcome === 'holds') return []
  if (mac.outcome === 'fails') return [fails(subject, 'tampered', where)]
  return [unknown(subject, mac.reason, [...where, ...(mac.where === undefined ? [] : [describeTag(mac.where)])])]
}

/** What cannot be understood is a gap; all else that keeps a certificate from an anchor that is known is wrong. */
const NOT_UNDERSTOOD: ReadonlySet<PathReason> = new Set([
  'issuer_unknown',
  'algorithm_unsupported',
  'critical_extension_unknown',
  'path_too_long',
])

function answerForSigner(
  subject: Subject,
  { signer: { path }, state }: SignatureReport,
  where: readonly string[] = [],
): readonly Check[] {
  if (path.outcome === 'trusted') {
    return state === 'untrusted_signer' ? [fails(subject, 'certificate_outside_validity', where)] : []
  }
  if (path.outcome === 'revoked') return [fails(subject, 'revoked', where)]
  if (path.outcome === 'weak') return [fails(subject, 'weak_key', where)]
  if (path.outcome === 'untrusted') {
    if (NOT_UNDERSTOOD.has(path.reason)) return [unknown(subject, 'untrusted_signer', where)]
    // An issuer that we know by name did not issue it: somebody pretends.
    const isImpersonated = path.reason === 'signature_wrong' || path.reason === 'issuer_other_key'
    return [fails(subject, isImpersonated ? 'signer_impersonated' : 'certificate_not_allowed', where)]
  }
  return [
    state === 'time_unproven'
      ? unknown(subject, 'time_unproven', where)
      : fails(subject, 'certificate_outside_validity', where),
  ]
}

/**
 * Everybody else who signed in the file, items of sequences included: it counts when something there is wrong, and
 * when nobody can say. In a file that is byte for byte the sealed one, strangers stood there before it was sealed.
 */
export function checkOthers(
  evidence: Evidence,
  speakers: Speakers,
  belief: Belief | undefined,
  policy: Policy,
): readonly Check[] {
  const subject = 'other_signatures'
  const { signatures, malformed } = evidence.signatures
  // Where nobody asks for the technologist or the gateway, that signature is one among others.
  const spoken = (['device', 'operator', 'gateway'] as const).flatMap((part) =>
    part === 'device' || policy.requires.includes(`${part}_signature`) ? [speakers[part]] : [],
  )
  const others = signatures.filter((report) => !spoken.includes(report))
  const checks: Check[] = others.flatMap((report) => answerForOther(report, belief))
  for (const { path, offset, problem } of malformed) {
    checks.push(
      fails(subject, 'signature_malformed', [`offset ${offset}${path === '' ? '' : ` in ${path}`}: ${problem}`]),
    )
  }
  const strays = findStrayParts(evidence.file.dataSet)
  if (strays.length > 0) checks.push(unknown(subject, 'signature_parts_left', strays))
  const isSealedSo = belief?.comparison.kind === 'identical'
  // A device seals what it makes, before any gateway has it: one that seals later seals what it took from elsewhere.
  if (isSealedSo && !isOfGateway(belief.statement)) {
    const arrived = others.filter(isOfKnownGateway).map(nameOf)
    if (arrived.length > 0) checks.push(fails(subject, 'time_contradicted', arrived))
  }
  const told = isSealedSo ? checks.filter(({ outcome }) => outcome === 'fails') : checks
  return told.length > 0 ? told : [holds(subject)]
}

const isOfKnownGateway = ({ path, state, signer }: SignatureReport): boolean =>
  path === '' && state === 'valid' && signer.role === 'gateway'

function answerForOther(report: SignatureReport, belief: Belief | undefined): readonly Check[] {
  const subject = 'other_signatures'
  const where = [nameOf(report)]
  const isTranscoded = belief?.comparison.kind === 'transcoded' && report.mac.outcome === 'fails'
  return [
    ...(isTranscoded ? [unknown(subject, 'transcoded', where)] : answerForMac(subject, report, where)),
    ...(report.time.outcome === 'fails' ? [fails(subject, 'timestamp_wrong', where)] : []),
    ...answerForSigner(subject, report, where),
    ...(report.isWeakHash ? [unknown(subject, 'weak_digest', where)] : []),
  ]
}

/** By its UID and place; a UID that is none is the sender's text and stays out. */
const nameOf = ({ uid, path }: Pick<SignatureReport, 'uid' | 'path'>): string =>
  `signature ${UID.test(uid) ? uid : 'without a proper UID'}${path === '' ? '' : ` in ${path}`}`

/** What nobody signed although it changes what is seen. */
const DISPLAYED = [
  ['display', 'unsigned_display_attribute'],
  ['overlay', 'unsigned_overlay'],
] as const

/** @param main  the signature that says most about the image */
export function checkCoverage(
  { file }: Evidence,
  main: SignatureReport | undefined,
  belief: Belief | undefined,
): readonly Check[] {
  // The seal lists every attribute, also those that no signature can cover.
  if (belief !== undefined && isAsSealed(belief.comparison)) return [holds('coverage')]
  if (main?.mac.outcome !== 'holds') return [unknown('coverage', 'signature_absent')]
  const open = [
    ...main.unsigned,
    ...file.dataSet.elements.filter(isOpen).map(({ tag }) => ({ tag, concern: concernOf(tag) })),
  ]
  if (open.length === 0) return [holds('coverage')]
  const of = (...concerns: readonly Concern[]): readonly string[] =>
    open.filter(({ concern }) => concerns.includes(concern)).map(({ tag }) => describeTag(tag))
  const pixels = of('pixels')
  // A signature that leaves the pixels open says nothing about the image at all.
  if (pixels.length > 0) return [unknown('coverage', 'unsigned_pixels', pixels)]
  const checks: Check[] = []
  for (const [concern, reason] of DISPLAYED) {
    const tags = of(concern)
    if (tags.length > 0) checks.push(fails('coverage', reason, tags))
  }
  const patient = of('patient')
  if (patient.length > 0) checks.push(unknown('coverage', 'unsigned_patient', patient))
  const rest = of('date', 'operator', 'device', 'identity', 'geometry', 'other')
  if (rest.length > 0) checks.push(unknown('coverage', 'unsigned_attribute', rest))
  return checks
}

const NOT_READ: ReadonlySet<Tag> = new Set([0x00080001, 0x4ffe0001, 0xfffafffa, 0xfffcfffc])

/**
 * Whether no signature can cover an attribute that readers may use all the same: many give an attribute of VR UN the
 * VR of their dictionary. Private ones of VR UN mean nothing to anybody but their maker.
 */
function isOpen(element: Element): boolean {
  const { tag } = element
  if (isSignable(element) || (tag & 0xffff) === 0 || NOT_READ.has(tag)) return false
  return groupOf(tag) % 2 === 0
}

/** @param main  the signature that says most about the image */
export function checkTime(main: SignatureReport | undefined, belief: Belief | undefined): Check {
  const time = main?.time
  if (time?.outcome === 'fails') {
    return fails('time', time.reason === 'claimed_after_proven' ? 'time_contradicted' : 'timestamp_wrong', [
      time.reason,
    ])
  }
  if (belief !== undefined && main?.claimedTime !== undefined) {
    const apartMs = Math.abs(main.claimedTime.getTime() - belief.statement.sealedAt.getTime())
    if (apartMs > CLOCK_TOLERANCE_MS)
      return fails('time', 'time_contradicted', ['signature and seal name different times'])
  }
  if (time?.outcome === 'holds') return time.timestamp.isWeak ? unknown('time', 'weak_digest') : holds('time')
  if (belief?.provenAt !== undefined) return holds('time')
  return unknown('time', 'time_unproven', time === undefined ? undefined : [time.reason])
}

export function checkRevocation({ device, operator, gateway }: Speakers): readonly Check[] {
  const paths = [device, operator, gateway].filter((report) => report !== undefined).map(({ signer }) => signer.path)
  if (paths.length === 0) return []
  if (paths.some(({ revocation }) => revocation === 'revoked')) return [fails('revocation', 'revoked')]
  const isGood = paths.every(({ revocation }) => revocation === 'good')
  return [isGood ? holds('revocation') : unknown('revocation', 'revocation_unknown')]
}
