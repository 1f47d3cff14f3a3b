/**
 * FHIR AuditEvent: an event of the log as a resource of FHIR R4, for repositories that take no syslog.
 *
 * Source: HL7 FHIR R4 (4.0.1), resource AuditEvent with its mapping to DICOM (section 6.4.7), JSON (section 2.6.2); UIDs as
 * in ImagingStudy: system `urn:dicom:uid`, value `urn:oid:` and the UID. Codes are those of the DICOM message: which event
 * becomes what is in audit-events.ts. The resource has no id: who stores it gives one.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import type { JsonObject } from '../../formats/json/parse.ts'
import { type AuditedEvent, auditRecordOf } from './audit-events.ts'
import {
  type AuditCode,
  type AuditDetail,
  type AuditObject,
  type AuditParticipant,
  DEMO,
  type LogPlace,
  NOT_STATED,
  STUDY_UID,
  URI,
} from './audit-record.ts'
import {
  codeableConcept,
  coding,
  demoMeta,
  narrative,
  reference,
  referenceToUid,
  referenceToUri,
} from './fhir-parts.ts'

const ENTITY_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type'
const OBJECT_ROLE = 'http://terminology.hl7.org/CodeSystem/object-role'
const LIFE_CYCLE = 'http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle'
const SOURCE_TYPE = 'http://terminology.hl7.org/CodeSystem/security-source-type'
const HUMAN_USER = {
  system: 'http://terminology.hl7.org/CodeSystem/extra-security-role-type',
  code: 'humanuser',
  display: 'human user',
}

/**
 * The resource of an event.
 * @throws {RangeError} for an event of an invalid date
 */
export function auditEventOf(event: AuditedEvent, place: LogPlace): JsonObject {
  const record = auditRecordOf(event, place)
  const { types, outcomeText, source, isDemo } = record
  return {
    resourceType: 'AuditEvent',
    ...demoMeta(isDemo),
    text: narrative(types[0].meaning),
    type: coding(record.event),
    subtype: [...types, ...(isDemo ? [DEMO] : [])].map(coding),
    action: record.action,
    recorded: record.at.toISOString(),
    outcome: record.outcome,
    ...(outcomeText !== undefined && { outcomeDesc: outcomeText }),
    agent: record.participants.map(writeAgent),
    source: { observer: reference(source), type: [{ system: SOURCE_TYPE, code: source.type }] },
    entity: record.objects.flatMap(writeEntities),
  }
}

function writeAgent({
  id,
  name,
  alternativeId,
  role,
  accessPoint,
  media,
  ...participant
}: AuditParticipant): JsonObject {
  const { isPerson, isRequestor } = participant
  const type = role === undefined ? (isPerson ? { coding: [HUMAN_USER] } : undefined) : codeableConcept(role)
  return {
    ...(type !== undefined && { type }),
    who: id === NOT_STATED ? { display: NOT_STATED } : reference({ id, name: name ?? id }),
    ...(alternativeId !== undefined && { altId: alternativeId }),
    ...(name !== undefined && { name }),
    requestor: isRequestor,
    ...(media !== undefined && { media: coding(media) }),
    ...(accessPoint !== undefined && { network: { address: accessPoint.id, type: accessPoint.type } }),
  }
}

/** A study with an image in it is two entities: a resource says nothing else about what is in a study. */
function writeEntities({ image, ...object }: AuditObject): readonly JsonObject[] {
  const whole = writeEntity(object)
  if (image === undefined || object.idType !== STUDY_UID) return [whole]
  const { sopClassUid, sopInstanceUid } = image
  const description = sopClassUid === null ? {} : { description: `SOP Class UID ${sopClassUid}` }
  const { details: _, ...common } = object
  const inStudy = { ...writeEntity({ ...common, name: 'Image', details: [] }), what: referenceToUid(sopInstanceUid) }
  return [whole, { ...inStudy, ...description }]
}

function writeEntity({ id, idType, type, role, lifeCycle, name, details }: Omit<AuditObject, 'image'>): JsonObject {
  return {
    what: referenceTo(id, idType),
    type: { system: ENTITY_TYPE, code: type },
    role: { system: OBJECT_ROLE, code: role },
    ...(lifeCycle !== undefined && { lifecycle: { system: LIFE_CYCLE, code: lifeCycle } }),
    name,
    ...(details.length > 0 && { detail: details.map(writeDetail) }),
  }
}

function referenceTo(id: string, idType: AuditCode): JsonObject {
  if (idType === STUDY_UID) return referenceToUid(id)
  return idType === URI ? referenceToUri(id) : { identifier: { value: id } }
}

const writeDetail = ({ type, value }: AuditDetail): JsonObject =>
  typeof value === 'string' ? { type, valueString: value } : { type, valueBase64Binary: encodeBase64(value) }
