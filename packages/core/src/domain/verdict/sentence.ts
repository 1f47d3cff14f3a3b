/**
 * Sentence: the verdict in words that an examiner, a nurse or a judge understands.
 *
 * It names devices, sites and signers from certificates that were checked, and never a patient.
 */
import type { NameParts } from '../../formats/x509/name.ts'
import { isOfGateway } from '../seal/image-statement.ts'
import { isArrivalAll, writeArrival } from './arrival-sentence.ts'
import type { Belief } from './belief.ts'
import type { Check, FailureReason, GapReason, Subject } from './check.ts'
import type { Speakers } from './check-signatures.ts'
import type { SealEvidence } from './evidence.ts'
import { formatTime } from './format-time.ts'
import type { Verdict } from './policy.ts'

export interface SentenceFacts {
  readonly verdict: Verdict
  readonly content: string
  readonly checks: readonly Check[]
  /** Those of them that the policy asks for, and that the verdict rests on. */
  readonly asked: readonly Check[]
  /** Whether nothing but a record in the custody log stands behind the image. */
  readonly isRecorded: boolean
  readonly isSynthetic: boolean
  readonly speakers: Speakers
  readonly belief: Belief | undefined
  readonly seal: SealEvidence
}

/** What a failure means, in the order in which a reader has to know. */
const FAILURES: Readonly<Record<FailureReason, string>> = {
  encoding_ambiguous: 'two programs could see two different images in it',
  fragments_ambiguous: 'a frame can be hidden in its pixel data',
  preamble_executable: 'it begins like a program',
  other_instance: 'its seal belongs to another image',
  replaced: 'the custody log knows another picture under its identifier',
  mark_of_other: 'the mark in its pixels is that of another picture',
  mark_foreign: 'parts of it were copied from other places',
  mark_contradicted: 'the mark in its pixels belongs elsewhere',
  pixels_changed: 'the picture itself was changed',
  patient_changed: 'the patient was changed',
  date_changed: 'its dates were changed',
  identity_changed: 'its identifiers were changed',
  mark_altered: 'the mark in its pixels shows that they were changed',
  mark_missing: 'it was marked, and the mark is gone from its pixels',
  overlay_changed: 'an overlay was added or changed',
  display_changed: 'what makes it look as it does was changed',
  geometry_changed: 'its geometry was changed',
  operator_changed: 'the operator was changed',
  device_changed: 'the device or institution was changed',
  unsigned_overlay: 'it has an overlay that nobody signed',
  unsigned_display_attribute: 'it has display settings that nobody signed',
  attribute_added: 'attributes were added',
  attribute_removed: 'attributes were taken away',
  attribute_changed: 'attributes were changed',
  stripped: 'the custody log knows that it was sealed, and its seal and signatures were taken away',
  withdrawn: 'it was made for a drill, and the custody log says that it was withdrawn',
  signature_removed: 'a signature was taken out of it',
  signature_changed: 'one of its signatures is not the one that was sealed',
  tampered: 'it is not what was signed',
  signer_impersonated: 'its signer is certified in the name of an authority you trust, but not by its key',
  signer_mismatch: 'it was signed by somebody else than the one who sealed it',
  role_mismatch: 'its signer may not sign in this role',
  revoked: 'its signer’s certificate was revoked',
  certificate_outside_validity: 'its signer’s certificate was not valid at the time',
  certificate_not_allowed: 'its signer’s certificate may not be used in this way',
  back_dated: 'it was sealed later than it claims',
  time_contradicted: 'its times contradict each other',
  timestamp_wrong: 'a timestamp does not belong to it',
  proof_wrong: 'the proof of its record leads nowhere in the custody log',
  log_forked: 'its seal quotes another history than the custody log shows',
  weak_key: 'its signer’s key is too weak to count',
  seal_malformed: 'the file beside it is no seal',
  seal_signature_missing: 'its seal lacks a signature',
  seal_signature_wrong: 'its seal is not what was signed',
  signature_malformed: 'one of its signatures is broken',
}

/** What would settle it. */
const GAPS: Readonly<Record<GapReason, string>> = {
  untrusted_signer:
    'Its signer is certified by an authority that you have not said you trust; add it with --trust if you know it.',
  signature_absent: 'Ask for the original with its seal file.',
  role_uncertified: 'Its signer is trusted, but not certified as a device or a person.',
  seal_absent: 'Its seal file is missing; ask for it where the image came from.',
  seal_unproven: 'Nobody known vouches for its seal file.',
  record_differs: 'The custody log has a record of it with other attributes; ask for the original.',
  recorded_otherwise: 'The custody log has a record of it, but not of exactly this file; ask for the original.',
  other_identifier: 'The custody log knows the same picture under another identifier; ask for that one.',
  record_erased: 'The custody log had a record of it, which was erased.',
  seal_unrecorded: 'The custody log knows this image, but not this seal of it; ask for the seal that is recorded.',
  unrecorded: 'The custody log does not know it; ask where it came from.',
  log_unavailable: 'The custody log could not be asked.',
  log_not_consulted: 'No custody log was asked.',
  signed_by_operator_in_series: 'The technologist has not signed its series yet.',
  recorded_late: 'It was recorded long after the time that it claims.',
  unwitnessed: 'Too few witnesses have seen the custody log with its record.',
  time_unproven: 'Nothing proves when it was signed.',
  mark_key_missing: 'Its pixels are said to carry a mark, and the key to read it is not at hand.',
  mark_unreadable: 'The mark in its pixels cannot be read in this encoding.',
  mark_tiles_gone:
    'Its pixels carry the faint mark of a known picture, and not what shows changes; ask for the original.',
  mark_unclaimed: 'Nobody says that its pixels carry a mark, and none was found.',
  transcoded: 'Its pixels are in another encoding than when it was signed; ask for the original encoding.',
  vr_lost: 'Private attributes lost their type on the way; ask for a copy that did not pass through implicit encoding.',
  compressed_with_loss: 'Its pixels were compressed with loss since; ask for the original.',
  derivation_described: 'Somebody who encoded its pixels again described that in words that nobody signed.',
  padding_changed: 'Bytes of padding were changed; ask for the original.',
  pixels_undecodable: 'Its pixels cannot be compared exactly in this encoding.',
  fragments_undecided: 'Nothing shows where its frames begin and end.',
  preamble_unsigned: 'Its first 128 bytes are not those that were sealed; ask for the original.',
  meta_contradicted: 'Its file header names another object or encoding than its data; ask for the original.',
  unsigned_pixels: 'Nobody signed its pixels.',
  unsigned_patient: 'Nobody signed whose image it is.',
  unsigned_attribute: 'Some of its attributes are not signed.',
  attribute_missing: 'It does not name its patient, or lacks another attribute that an acquisition has to name.',
  binding_contradicted: 'It names another order than the one that the gateway tied it to; ask the site which is right.',
  binding_incomplete: 'The gateway could not tie it to an order, a technologist and a sender.',
  signature_parts_left: 'It holds parts of a signature that belong to none; ask for the original.',
  weak_digest: 'It was signed with a digest that can be forged today.',
  revocation_unknown: 'No revocation list of its signer’s authority is at hand.',
}

/** One or two sentences. */
export function writeSentence(facts: SentenceFacts): string {
  const sentence =
    facts.verdict === 'authentic'
      ? authentic(facts)
      : facts.verdict === 'not_authentic'
        ? notAuthentic(facts)
        : undetermined(facts)
  return facts.isSynthetic ? `${sentence} It is labelled as synthetic or DEMO, not made from a patient.` : sentence
}

function authentic(facts: SentenceFacts): string {
  const { checks, speakers, belief, content } = facts
  const arrival = writeArrival(facts)
  if (arrival !== undefined) return arrival
  const named = (subject: Subject, names: NameParts | undefined): NameParts | undefined =>
    checks.some((check) => check.subject === subject && check.outcome === 'holds') ? names : undefined
  const device = named('device_signature', speakers.device?.signer.certificate.subject)
  const operator = named('operator_signature', speakers.operator?.signer.certificate.subject)
  const statement = belief !== undefined && !isOfGateway(belief.statement) ? belief.statement : undefined
  const name = device?.commonName ?? statement?.device.name ?? 'the signing device'
  const site = device?.organisation === undefined ? '' : ` of ${device.organisation}`
  const time = device === undefined ? belief?.provenAt : provenTime(speakers, belief)
  const when = time === undefined ? '' : ` on ${formatTime(time)}`
  // Of a series that nobody signed yet the statement names who should.
  const person = operator?.commonName ?? (belief?.operator === 'pending' ? undefined : statement?.operator.name)
  const signed = person === undefined ? '' : `; ${person} signed for it`
  const change =
    content === 'derived' ? 'Its pixels were encoded again since, without loss.' : 'It has not been changed since.'
  const isLogged = checks.some(({ subject, outcome }) => subject === 'log' && outcome === 'holds')
  const record = isLogged ? ' The custody log has a record of it.' : ''
  return `This image is the one that ${name}${site} ${belief === undefined ? 'signed' : 'sealed'}${when}${signed}. ${change}${record}`
}

function notAuthentic({ asked }: SentenceFacts): string {
  const reasons = new Set(asked.flatMap((check) => (check.outcome === 'fails' ? [check.reason] : [])))
  const told = (Object.keys(FAILURES) as FailureReason[]).filter((reason) => reasons.has(reason)).slice(0, 3)
  return `Do not rely on this file: ${told.map((reason) => FAILURES[reason]).join(', and ')}.`
}

/** What a log may say of an image that nobody signed: more than that the original is wanted. */
const TOLD_BY_LOG: ReadonlySet<GapReason> = new Set([
  'record_differs',
  'recorded_otherwise',
  'other_identifier',
  'record_erased',
  'unrecorded',
])

function undetermined(facts: SentenceFacts): string {
  const { asked, checks, content, speakers, seal, isRecorded } = facts
  const gaps = new Set(asked.flatMap((check) => (check.outcome === 'unknown' ? [check.reason] : [])))
  const arrival = writeArrival(facts)
  const gap = (Object.keys(GAPS) as GapReason[]).find((reason) => gaps.has(reason))
  if (arrival !== undefined) return isArrivalAll(gaps) || gap === undefined ? arrival : `${arrival} ${GAPS[gap]}`
  if (speakers.device === undefined && seal.state === 'absent') {
    if (isRecorded) return 'The custody log has a record of exactly this file, but nobody signed it.'
    const told = [...gaps].find((gap) => TOLD_BY_LOG.has(gap)) ?? 'signature_absent'
    const isMarked = checks.some(({ subject, outcome }) => subject === 'mark' && outcome === 'holds')
    if (isMarked)
      return `Nobody signed this file, but its pixels carry the mark of a known device, whole. ${GAPS[told]}`
    return `Nobody can show where this picture came from. ${GAPS[told]}`
  }
  const isAsSealed = content === 'unchanged' || content === 'derived'
  const start = isAsSealed
    ? 'Nothing that was signed has changed, but not all is shown.'
    : 'It cannot be shown that this image is as it was made.'
  return `${start} ${gap === undefined ? '' : GAPS[gap]}`.trimEnd()
}

function provenTime({ device }: Speakers, belief: Belief | undefined): Date | undefined {
  return device?.time.outcome === 'holds' ? device.time.time : belief?.provenAt
}
