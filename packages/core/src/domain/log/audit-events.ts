/**
 * Audit events: which message of an audit trail each event of the log becomes, and what it says. The table is
 * docs/reference/audit-messages.md.
 *
 * Source: DICOM PS3.15 section A.5.3, by event; codes are those of PS3.16 CID 400 and 403. Nothing is said that the
 * statement does not say.
 */
import { holderObject, imageObject, logObject, securityObject } from './audit-objects.ts'
import {
  application,
  destination,
  destinationMedia,
  person,
  program,
  recipient,
  remoteDestination,
  remoteSender,
  sender,
  sendingPerson,
  sourceMedia,
  UNKNOWN_MEDIA,
} from './audit-participants.ts'
import {
  type AcquiredFacts,
  type AuditCode,
  type AuditDetail,
  type AuditObject,
  type AuditRecord,
  dcm,
  type LogPlace,
  OWN_SCHEME,
  plainText,
} from './audit-record.ts'
import type { CustodyStatement, DerivationDetails, KeyDetails, VerifiedDetails } from './event-details.ts'
import type { Party } from './event-parts.ts'

export type AuditedEvent = CustodyStatement | AcquiredFacts
type EventOf<Type extends AuditedEvent['type']> = Extract<AuditedEvent, { readonly type: Type }>

/** What one kind of event has that others have not. */
interface Description
  extends Pick<AuditRecord, 'event' | 'action' | 'participants'>,
    Partial<Pick<AuditRecord, 'outcome' | 'outcomeText'>> {
  readonly meaning: string
  /** A type that the standard has a code for. */
  readonly type?: AuditCode
  /** Of the image. */
  readonly lifeCycle?: string
  /** What else is known, about the image or, where the event is about none, about the log. */
  readonly facts?: Facts
  readonly objects?: readonly AuditObject[]
}

type Facts = Readonly<Record<string, string | Uint8Array | null>>

const AUDIT_LOG_USED = dcm('110101', 'Audit Log Used')
const ACCESSED = dcm('110103', 'DICOM Instances Accessed')
const TRANSFERRED = dcm('110104', 'DICOM Instances Transferred')
const EXPORT = dcm('110106', 'Export')
const IMPORT = dcm('110107', 'Import')
const ALERT = { event: dcm('110113', 'Security Alert'), action: 'E' } as const
const OBJECT_ATTRIBUTES = dcm('110135', 'Object Security Attributes Changed')

const VERDICT_OUTCOMES = { authentic: '0', undetermined: '4', not_authentic: '8' } as const
/** Protocols by which application entities of DICOM speak to each other; all others are an import or export. */
const DICOM_PROTOCOLS: readonly string[] = ['dimse', 'dicomweb']

/** The record of an event. */
export function auditRecordOf(event: AuditedEvent, place: LogPlace): AuditRecord {
  const describe = DESCRIPTIONS[event.type] as (event: AuditedEvent) => Description
  const description = describe(event)
  const { meaning, type, outcome = '0', outcomeText } = description
  const own: AuditCode = { code: event.type, scheme: OWN_SCHEME, meaning }
  return {
    event: description.event,
    types: type === undefined ? [own] : [own, type],
    action: description.action,
    at: event.at,
    outcome,
    ...(outcomeText !== undefined && { outcomeText }),
    isDemo: event.isDemo,
    participants: description.participants,
    source: sourceOf(event),
    objects: objectsOf(event, place, description),
  }
}

const DESCRIPTIONS: { readonly [Type in AuditedEvent['type']]: (event: EventOf<Type>) => Description } = {
  acquired: ({ device, operator }) => ({
    meaning: 'Image acquired and sealed',
    event: ACCESSED,
    action: 'C',
    lifeCycle: '1',
    participants: [person(operator, { isRequestor: true }), application(device)],
  }),
  received({ recorder, details: { fromAet: aet, fromAddress: address, protocol } }) {
    const common = { meaning: 'Image received', lifeCycle: '2', facts: { protocol } }
    const peer = { aet, address }
    // Whether the receiver had the image before, nobody states: R, as section A.5.3.7 has it for that.
    return DICOM_PROTOCOLS.includes(protocol)
      ? { ...common, event: TRANSFERRED, action: 'R', participants: [remoteSender(peer), destination(recorder)] }
      : { ...common, event: IMPORT, action: 'C', participants: [destination(recorder, ASKED), sourceMedia(peer)] }
  },
  'sealed-at-gateway': ({ recorder, details: { seal, certificate } }) => ({
    meaning: 'Image sealed after it was received',
    event: ACCESSED,
    action: 'U',
    lifeCycle: '3',
    facts: { seal, certificate },
    participants: [application(recorder, ASKED)],
  }),
  transcoded: (event) => ({ meaning: 'Image encoded anew', lifeCycle: '5', ...describeDerivation(event) }),
  derived: (event) => ({ meaning: 'Image derived from another', lifeCycle: '8', ...describeDerivation(event) }),
  forwarded({ recorder, details: { toAet: aet, toAddress: address, protocol } }) {
    const common = { meaning: 'Image forwarded', action: 'R', lifeCycle: '10', facts: { protocol } } as const
    const peer = { aet, address }
    const own = sender(recorder, ASKED)
    return DICOM_PROTOCOLS.includes(protocol)
      ? { ...common, event: TRANSFERRED, participants: [own, remoteDestination(peer)] }
      : { ...common, event: EXPORT, participants: [own, destinationMedia(peer)] }
  },
  verified: ({ recorder, details }) => ({
    meaning: 'Image verified',
    event: ACCESSED,
    action: 'R',
    outcome: VERDICT_OUTCOMES[details.verdict],
    ...describeVerdict(details),
    lifeCycle: '4',
    participants: [application(recorder, ASKED)],
  }),
  flagged: ({ recorder, details: { by, reasons } }) => ({
    meaning: 'Image flagged',
    ...ALERT,
    outcome: '4',
    outcomeText: reasons.join(', '),
    facts: { reasons: reasons.join(', ') },
    participants: [application(recorder, ASKED), program(by)],
  }),
  quarantined: ({ recorder, details: { reasons } }) => ({
    meaning: 'Image quarantined',
    ...ALERT,
    type: OBJECT_ATTRIBUTES,
    outcome: '8',
    outcomeText: reasons.join(', '),
    facts: { reasons: reasons.join(', ') },
    participants: [application(recorder, ASKED)],
  }),
  released: ({ recorder, details: { releasedBy, confirmedBy, reason } }) => ({
    meaning: 'Image released from quarantine by two persons',
    ...ALERT,
    type: OBJECT_ATTRIBUTES,
    facts: { reason },
    participants: [person(releasedBy, ASKED), person(confirmedBy), application(recorder)],
  }),
  disclosed: ({ recorder, details }) => ({
    meaning: 'Image disclosed',
    event: EXPORT,
    action: 'R',
    lifeCycle: '11',
    facts: { purpose: details.purpose },
    participants: [sendingPerson(details.disclosedBy), sender(recorder), recipient(details.recipient), UNKNOWN_MEDIA],
  }),
  erased: ({ recorder, details: { index, leafHash, erasedBy, legalBasis } }) => ({
    meaning: 'Statement in the log erased',
    ...ALERT,
    type: dcm('110132', 'Use of Restricted Function'),
    facts: { 'erased index': String(index), 'erased leaf hash': leafHash, 'legal basis': legalBasis },
    participants: [person(erasedBy, ASKED), application(recorder)],
  }),
  'drill-sealed': ({ recorder, details: { drillId, injectionId, commitment, plan, plannedBy, approvedBy } }) => ({
    meaning: 'Injection of a drill planned',
    ...ALERT,
    facts: { drill: drillId, injection: injectionId, commitment, plan },
    participants: [person(plannedBy, ASKED), person(approvedBy), application(recorder)],
  }),
  'drill-injected': ({ recorder, details: { drillId, injectionId, target, isLive } }) => ({
    meaning: 'Image of a drill injected',
    ...ALERT,
    facts: { drill: drillId, injection: injectionId, target, live: String(isLive) },
    participants: [application(recorder, ASKED)],
  }),
  'drill-withdrawn': ({ recorder, details: { drillId, injectionId, reason, residue } }) => ({
    meaning: 'Image of a drill withdrawn',
    ...ALERT,
    // Copies that stay are what the alert is about.
    outcome: residue === 0n ? '0' : '8',
    facts: { drill: drillId, injection: injectionId, reason, residue: String(residue) },
    participants: [application(recorder, ASKED)],
  }),
  admitted: ({ recorder, details: { dataSet, manifest } }) => ({
    meaning: 'Image admitted to a data set',
    event: ACCESSED,
    action: 'R',
    lifeCycle: '8',
    facts: { 'data set': dataSet, manifest },
    participants: [application(recorder, ASKED)],
  }),
  'key-enrolled': ({ recorder, details }) => describeKey('Key enrolled', recorder, details),
  'key-revoked': ({ recorder, details }) => describeKey('Key revoked', recorder, details),
  'map-root': ({ recorder, details: { archive, size, studies, instances, root } }) => ({
    meaning: 'Completeness of the log stated',
    event: AUDIT_LOG_USED,
    action: 'R',
    facts: { archive, size: String(size), studies: String(studies), instances: String(instances), 'map root': root },
    participants: [application(recorder, ASKED)],
  }),
  timestamped: ({ recorder, details: { root, tokens } }) => ({
    meaning: 'Checkpoint of the log seen by timestamp authorities',
    event: AUDIT_LOG_USED,
    action: 'R',
    facts: { root, tokens: String(tokens.length) },
    participants: [application(recorder, ASKED)],
  }),
}

const ASKED = { isRequestor: true } as const

function describeDerivation({ recorder, details }: { recorder: Party; details: DerivationDetails }) {
  const { source, method, software } = details
  return {
    event: ACCESSED,
    action: 'C',
    facts: { method, 'source instance': source.sopInstanceUid, 'source file SHA-256': source.digests.file },
    participants: [application(recorder, ASKED), ...(software === null ? [] : [program(software)])],
  } as const
}

function describeVerdict({ verdict, level, content, policy, failing }: VerifiedDetails) {
  const problems = failing.map(({ subject, reason }) => `${subject}: ${reason}`).join(', ')
  return {
    facts: { verdict, level, content, policy, failing: problems || null },
    ...(verdict !== 'authentic' && { outcomeText: problems || verdict }),
  }
}

const describeKey = (meaning: string, recorder: Party, details: KeyDetails): Description => ({
  meaning,
  ...ALERT,
  type:
    details.role === 'person'
      ? dcm('110137', 'User Security Attributes Changed')
      : dcm('110129', 'Security Configuration'),
  facts: { role: details.role, reason: details.reason },
  objects: [...details.certificates.map((sha256) => securityObject('Certificate', sha256)), holderObject(details)],
  participants: [application(recorder, ASKED)],
})

const sourceOf = (event: AuditedEvent): AuditRecord['source'] => {
  const { id, name } = event.type === 'acquired' ? event.device : event.recorder
  return { id: plainText(id), name: plainText(name), type: event.type === 'acquired' ? '2' : '4' }
}

/** The subject first, the log last; what an alert is about has its description (section A.5.3.11). */
function objectsOf(event: AuditedEvent, place: LogPlace, description: Description): readonly AuditObject[] {
  const { objects = [], facts = {}, lifeCycle, meaning } = description
  const details: readonly AuditDetail[] = [
    ...(description.event === ALERT.event ? [{ type: 'Alert Description', value: meaning }] : []),
    ...Object.entries(facts).flatMap(([type, value]) =>
      value === null ? [] : [{ type, value: typeof value === 'string' ? plainText(value) : value }],
    ),
  ]
  const { instance, digests } = event
  const [first, ...others] = objects
  if (first !== undefined) return [{ ...first, details }, ...others, logObject(place)]
  if (instance === null && digests === null) return [logObject(place, details)]
  return [imageObject(instance, digests, { ...(lifeCycle !== undefined && { lifeCycle }), details }), logObject(place)]
}
