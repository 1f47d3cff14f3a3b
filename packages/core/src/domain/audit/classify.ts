/**
 * Classify: from the evidence about one image to what a sweep has to tell of it.
 *
 * The judgement of domain/verdict is taken as it is: what fails there is an alarm here, and what nobody can show is a
 * warning, unless the custody log knows exactly this image. Added is what a verdict on one file does not ask: whether it
 * should be in the archive at all, what goes stale, and whether it was made from a patient. What takes several images to
 * see (duplicates, missing ones) stands in sweep-findings.ts.
 */
import { equalBytes } from '../../bytes/text.ts'
import type { InstanceDigests, InstanceRecord, LogEvidence } from '../log/logged-instance.ts'
import type { Check, FailureReason, GapReason } from '../verdict/check.ts'
import type { Judgement } from '../verdict/judge.ts'
import { isAsked, type Policy } from '../verdict/policy.ts'
import { compareFindings, type Finding, type FindingCode, finding } from './finding.ts'
import type { Staleness, StaleReason } from './stale.ts'
import type { SyntheticMark } from './synthetic.ts'

export interface AuditEvidence {
  readonly judgement: Pick<Judgement, 'verdict' | 'level' | 'content' | 'checks'>
  readonly policy: Policy
  readonly log: LogEvidence
  /** As the file at hand has them. */
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
  readonly digests: InstanceDigests
  /** Whether its pixels differ so little among themselves that equal ones prove nothing. */
  readonly isPlain: boolean
  /** Signatures in the file, whoever made them, and whether a seal lies beside it. */
  readonly signatures: number
  readonly hasSeal: boolean
  readonly staleness: Staleness
  /** Codes of what is odd about the bytes, as the parser gives them. */
  readonly oddities: readonly string[]
  readonly marks: readonly SyntheticMark[]
}

/** How an image stands, in one word for counts. */
export type Standing =
  /** All that the policy asks for is shown. */
  | 'authentic'
  /** Nothing but the custody log vouches for it: unchanged since it was recorded. */
  | 'recorded'
  | 'undetermined'
  | 'not_authentic'

export interface Classification {
  readonly standing: Standing
  /** Worst first, each code once. */
  readonly findings: readonly Finding[]
}

export function classify(evidence: AuditEvidence): Classification {
  const { judgement } = evidence
  const isRecorded = isKnownAsIs(evidence)
  const standing =
    judgement.verdict === 'undetermined' && isRecorded && !isContradicted(evidence) ? 'recorded' : judgement.verdict
  const findings = [
    ...failures(evidence),
    ...presence(evidence),
    ...(standing === 'undetermined' ? gaps(evidence) : []),
    ...copies(evidence),
    ...stale(evidence),
    ...(evidence.marks.length > 0 ? [finding('synthetic', evidence.marks)] : []),
  ]
  return { standing, findings: mergeFindings(findings) }
}

/** One finding for each code, with the reasons and places of all; worst first. */
export function mergeFindings(findings: readonly Finding[]): readonly Finding[] {
  const groups = Map.groupBy(findings, ({ code }) => code)
  return [...groups.values()]
    .map((same) => ({
      ...(same.toSorted(compareFindings)[0] as Finding),
      reasons: [...new Set(same.flatMap(({ reasons }) => reasons))],
      where: [...new Set(same.flatMap(({ where }) => where))],
    }))
    .toSorted(compareFindings)
}

const OF_FAILURE: Readonly<Record<FailureReason, FindingCode>> = {
  attribute_added: 'altered',
  attribute_changed: 'altered',
  attribute_removed: 'altered',
  back_dated: 'back_dated',
  certificate_not_allowed: 'wrong_signer',
  certificate_outside_validity: 'wrong_signer',
  date_changed: 'altered',
  device_changed: 'altered',
  display_changed: 'altered',
  encoding_ambiguous: 'ambiguous',
  fragments_ambiguous: 'ambiguous',
  geometry_changed: 'altered',
  identity_changed: 'altered',
  log_forked: 'log_contradicted',
  mark_altered: 'altered',
  mark_contradicted: 'altered',
  mark_foreign: 'altered',
  mark_missing: 'altered',
  mark_of_other: 'replayed',
  operator_changed: 'altered',
  other_instance: 'wrong_seal',
  overlay_changed: 'altered',
  patient_changed: 'altered',
  pixels_changed: 'altered',
  preamble_executable: 'ambiguous',
  proof_wrong: 'log_contradicted',
  replaced: 'replaced',
  revoked: 'revoked',
  role_mismatch: 'wrong_signer',
  seal_malformed: 'wrong_seal',
  seal_signature_missing: 'wrong_seal',
  seal_signature_wrong: 'wrong_seal',
  signature_changed: 'altered',
  signature_malformed: 'altered',
  signature_removed: 'stripped',
  signer_impersonated: 'wrong_signer',
  signer_mismatch: 'wrong_signer',
  stripped: 'stripped',
  tampered: 'altered',
  time_contradicted: 'back_dated',
  timestamp_wrong: 'back_dated',
  unsigned_display_attribute: 'altered',
  unsigned_overlay: 'altered',
  weak_key: 'stale',
  withdrawn: 'withdrawn',
}

function failures(evidence: AuditEvidence): readonly Finding[] {
  const { judgement, policy } = evidence
  const failing = judgement.checks.flatMap((check) =>
    check.outcome === 'fails' && isAsked(check, policy, judgement.checks) ? [check] : [],
  )
  const reasons = new Set(failing.map(({ reason }) => reason))
  const isCut = isCutOff(evidence)
  return failing.flatMap(({ reason, where = [] }) => {
    const code = OF_FAILURE[reason]
    if (isCut && reason === 'encoding_ambiguous') return [finding('damaged', [reason], where)]
    // Of a picture that is cut off nobody can say that it is another one.
    if (isCut && (code === 'replaced' || reason === 'pixels_changed' || reason === 'tampered')) return []
    return [finding(code === 'altered' && isReplay(reasons) ? 'replayed' : code, [reason], where, 'alarm')]
  })
}

const CUT: ReadonlySet<string> = new Set(['dicom_length_past_end', 'dicom_truncated'])

const isCutOff = ({ oddities }: AuditEvidence): boolean =>
  oddities.length > 0 && oddities.every((code) => CUT.has(code))

/** Of a replayed picture nothing changes but when it was made and what it is called; signatures over that break with it. */
const REPLAYING: ReadonlySet<FailureReason> = new Set([
  'date_changed',
  'identity_changed',
  'patient_changed',
  'tampered',
])

/** A new name alone may be a correction, and is called a change; a new date of acquisition never is one. */
const isReplay = (reasons: ReadonlySet<FailureReason>): boolean =>
  (reasons.has('date_changed') || reasons.has('identity_changed')) &&
  [...reasons].filter((reason) => OF_FAILURE[reason] === 'altered').every((reason) => REPLAYING.has(reason))

/** What the log says of whether the image should be there. */
function presence(evidence: AuditEvidence): readonly Finding[] {
  const held = ownRecords(evidence).findLast(
    (record) => (record.type === 'quarantined' || record.type === 'released') && isAboutContent(record, evidence),
  )
  return held?.type === 'quarantined' ? [finding('quarantined', ['quarantined'], [placeOf(held)])] : []
}

/** Whether an event is about this very content: another one may come under its identifier, and be held back for that. */
function isAboutContent({ digests }: InstanceRecord, { digests: mine }: AuditEvidence): boolean {
  const isNamed = digests.file !== undefined || digests.dataset !== undefined
  return !isNamed || isSame(digests.file, mine.file) || isSame(digests.dataset, mine.dataset)
}

/** Gaps in the order in which they explain an image; the first that is met names the finding. */
const OF_GAPS: readonly (readonly [FindingCode, readonly GapReason[]])[] = [
  ['log_unavailable', ['log_unavailable', 'unwitnessed']],
  ['changed', ['record_differs']],
  ['erased', ['record_erased']],
  ['untrusted', ['untrusted_signer', 'role_uncertified']],
  [
    're_encoded',
    [
      'transcoded',
      'vr_lost',
      'compressed_with_loss',
      'derivation_described',
      'padding_changed',
      'meta_contradicted',
      'preamble_unsigned',
      'pixels_undecodable',
      'mark_unreadable',
      'fragments_undecided',
      'signature_parts_left',
    ],
  ],
  ['stale', ['time_unproven', 'weak_digest', 'revocation_unknown']],
  ['unrecorded', ['seal_unrecorded']],
]

function gaps(evidence: AuditEvidence): readonly Finding[] {
  const { judgement, policy, signatures, hasSeal } = evidence
  if (judgement.checks.some((check) => check.outcome === 'fails' && isAsked(check, policy, judgement.checks))) return []
  const open = judgement.checks.flatMap((check) =>
    check.outcome === 'unknown' && isAsked(check, policy, judgement.checks) ? [check] : [],
  )
  const reasons = [...new Set(open.map(({ reason }) => reason))]
  const whereOf = (met: readonly GapReason[]): readonly string[] =>
    open.filter(({ reason }) => met.includes(reason)).flatMap(({ where = [] }) => where)
  // What the signatures in the image say did not change is only another encoding than the one that was recorded.
  const isReencoded = reasons.includes('record_differs') && ['unchanged', 'derived'].includes(judgement.content)
  if (isReencoded) return [finding('re_encoded', reasons, whereOf(['record_differs']))]
  const isBare = signatures === 0 && !hasSeal
  for (const [code, named] of OF_GAPS) {
    const met = named.filter((reason) => reasons.includes(reason))
    // What nobody signed was not rewritten since.
    if (met.length > 0 && (!isBare || code === 'log_unavailable' || code === 'changed' || code === 'erased'))
      return [finding(code, met, whereOf(met))]
  }
  if (isBare) {
    const isKnown = reasons.includes('recorded_otherwise')
    return [isKnown ? finding('changed', ['recorded_otherwise'], whereOf(['recorded_otherwise'])) : finding('unknown')]
  }
  return [finding('unproven', reasons)]
}

/** Pictures that the log knows under another identifier. */
function copies(evidence: AuditEvidence): readonly Finding[] {
  const { log, digests, isPlain, sopInstanceUid, studyInstanceUid, judgement } = evidence
  if (log.state !== 'consulted' || isPlain || judgement.verdict !== 'undetermined') return []
  // An image of its own that the log knows is compared with the others when the whole archive was seen.
  if (isKnownAsIs(evidence)) return []
  const others = log.records.filter(
    (record) =>
      DESCRIBING.has(record.type) &&
      isSame(record.digests.frames, digests.frames) &&
      record.sopInstanceUid !== undefined &&
      record.sopInstanceUid !== sopInstanceUid,
  )
  if (others.length === 0) return []
  const isElsewhere = others.some(
    (record) => record.studyInstanceUid !== undefined && record.studyInstanceUid !== studyInstanceUid,
  )
  return [
    finding(
      isElsewhere ? 'replayed' : 'duplicate',
      ['recorded_under_other_identifier'],
      [...new Set(others.map(({ sopInstanceUid: uid }) => uid as string)), ...others.map(placeOf)],
    ),
  ]
}

const ENDED: ReadonlySet<StaleReason> = new Set([
  'certificate_ended',
  'timestamp_ended',
  'weak_digest',
  'weak_timestamp',
])

function stale({ staleness: { reasons }, judgement }: AuditEvidence): readonly Finding[] {
  if (reasons.length === 0 || judgement.verdict === 'not_authentic') return []
  return [finding('stale', reasons, [], reasons.some((reason) => ENDED.has(reason)) ? 'warning' : 'notice')]
}

/** Events with which a seal enters the log, and those that say what an instance is. */
const SEALING: ReadonlySet<string> = new Set(['acquired', 'sealed-at-gateway'])
const DESCRIBING: ReadonlySet<string> = new Set([...SEALING, 'received', 'transcoded', 'derived', 'drill-injected'])

/** Whether the log has a record of exactly this content: the file, or all attributes and samples in another file. */
function isKnownAsIs(evidence: AuditEvidence): boolean {
  const { digests } = evidence
  return ownRecords(evidence).some(
    (record) =>
      DESCRIBING.has(record.type) &&
      (isSame(record.digests.file, digests.file) || isSame(record.digests.dataset, digests.dataset)),
  )
}

/** Gaps that a record of the content does not fill. */
const CONTRADICTING: ReadonlySet<GapReason> = new Set(['log_unavailable', 'unwitnessed', 'record_erased'])

const isContradicted = ({ judgement: { checks }, policy }: AuditEvidence): boolean =>
  checks.some(
    (check: Check) => check.outcome === 'unknown' && isAsked(check, policy, checks) && CONTRADICTING.has(check.reason),
  )

function ownRecords({ log, sopInstanceUid, digests }: AuditEvidence): readonly InstanceRecord[] {
  if (log.state !== 'consulted') return []
  return log.records.filter(
    (record) =>
      (record.sopInstanceUid !== undefined && record.sopInstanceUid === sopInstanceUid) ||
      isSame(record.digests.file, digests.file) ||
      isSame(record.digests.dataset, digests.dataset),
  )
}

const placeOf = ({ index }: InstanceRecord): string => `entry ${index}`

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && equalBytes(a, b)
