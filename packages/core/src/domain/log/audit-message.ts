/**
 * Audit message: an event of the log as audit trails of DICOM take it: XML, and the syslog message around it.
 *
 * Source: DICOM PS3.15 section A.5.1 (schema, RELAX NG), A.5.2 (conventions), A.6 (syslog); RFC 5424 section 6. One line,
 * no XML declaration. Which event becomes which message: audit-events.ts. Sending, and the frames of RFC 5425, are left
 * to others.
 *
 * Known limits: the messages of A.5.3 that ask for a patient come without one, since the log knows none.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { type AuditedEvent, auditRecordOf } from './audit-events.ts'
import {
  type AuditCode,
  type AuditDetail,
  type AuditObject,
  type AuditParticipant,
  type AuditRecord,
  DEMO,
  type LogPlace,
  plainText,
} from './audit-record.ts'

/** Who sends a syslog message: RFC 5424 sections 6.2.4 to 6.2.6, printable ASCII without spaces. */
export interface SyslogSender {
  /** 1 to 255 characters; a fully qualified domain name, where there is one. */
  readonly host: string
  /** 1 to 48 characters. */
  readonly application: string
  /** 1 to 128 characters. */
  readonly process: string
}

type Attributes = Readonly<Record<string, string | undefined>>

/** Security and authorisation messages. */
const FACILITY = 10
/** Notice, warning, error. */
const SEVERITIES = { '0': 5, '4': 4, '8': 3 } as const
/** For messages that keep to A.5. */
const MESSAGE_ID = 'DICOM+RFC3881'
/** RFC 5424 section 6.4: how a message says that it is in UTF-8. */
const BYTE_ORDER_MARK = '\ufeff'

/**
 * The message of an event.
 * @throws {RangeError} for an event of an invalid date
 */
export const formatAuditMessage = (event: AuditedEvent, place: LogPlace): string =>
  writeMessage(auditRecordOf(event, place))

/**
 * The message of an event as a syslog message, in UTF-8, with the time of the event.
 * @throws {RangeError} for a sender that RFC 5424 has no spelling for; for an event of an invalid date
 */
export function formatSyslogMessage(event: AuditedEvent, place: LogPlace, sender: SyslogSender): Uint8Array {
  const record = auditRecordOf(event, place)
  const priority = FACILITY * 8 + SEVERITIES[record.outcome]
  const names = [checkName(sender.host, 255), checkName(sender.application, 48), checkName(sender.process, 128)]
  const header = `<${priority}>1 ${record.at.toISOString()} ${names.join(' ')} ${MESSAGE_ID} -`
  return encodeUtf8(`${header} ${BYTE_ORDER_MARK}${writeMessage(record)}`)
}

function writeMessage(record: AuditRecord): string {
  const { source } = record
  return element('AuditMessage', {}, [
    writeEvent(record),
    ...record.participants.map(writeParticipant),
    // No name of the source: the schema has no place for one.
    element('AuditSourceIdentification', { AuditSourceID: source.id }, [
      element('AuditSourceTypeCode', { 'csd-code': source.type }),
    ]),
    ...record.objects.map(writeObject),
  ])
}

function writeEvent({ event, types, action, at, outcome, outcomeText, isDemo }: AuditRecord): string {
  const attributes = { EventActionCode: action, EventDateTime: at.toISOString(), EventOutcomeIndicator: outcome }
  return element('EventIdentification', attributes, [
    code('EventID', event),
    ...[...types, ...(isDemo ? [DEMO] : [])].map((type) => code('EventTypeCode', type)),
    ...(outcomeText === undefined ? [] : [element('EventOutcomeDescription', {}, [escapeXml(outcomeText)])]),
  ])
}

function writeParticipant(participant: AuditParticipant): string {
  const { id, alternativeId, name, isRequestor, role, accessPoint, media } = participant
  const attributes = {
    UserID: id,
    AlternativeUserID: alternativeId,
    UserName: name,
    UserIsRequestor: String(isRequestor),
    NetworkAccessPointID: accessPoint?.id,
    NetworkAccessPointTypeCode: accessPoint?.type,
  }
  return element('ActiveParticipant', attributes, [
    ...(role === undefined ? [] : [code('RoleIDCode', role)]),
    ...(media === undefined ? [] : [element('MediaIdentifier', {}, [code('MediaType', media)])]),
  ])
}

function writeObject({ id, idType, type, role, lifeCycle, name, details, image }: AuditObject): string {
  const attributes = {
    ParticipantObjectID: id,
    ParticipantObjectTypeCode: type,
    ParticipantObjectTypeCodeRole: role,
    ParticipantObjectDataLifeCycle: lifeCycle,
  }
  return element('ParticipantObjectIdentification', attributes, [
    code('ParticipantObjectIDTypeCode', idType),
    element('ParticipantObjectName', {}, [escapeXml(name)]),
    ...details.map(writeDetail),
    ...(image === undefined ? [] : [writeImage(image)]),
  ])
}

/** All values are in base64, texts too. */
const writeDetail = ({ type, value }: AuditDetail): string =>
  element('ParticipantObjectDetail', {
    type,
    value: encodeBase64(typeof value === 'string' ? encodeUtf8(value) : value),
  })

const writeImage = ({ sopClassUid, sopInstanceUid }: NonNullable<AuditObject['image']>): string =>
  element('ParticipantObjectDescription', {}, [
    element('SOPClass', { UID: sopClassUid ?? undefined, NumberOfInstances: '1' }, [
      element('Instance', { UID: sopInstanceUid }),
    ]),
  ])

const code = (name: string, { code: value, scheme, meaning }: AuditCode): string =>
  element(name, { 'csd-code': value, codeSystemName: scheme, originalText: meaning })

function element(name: string, attributes: Attributes, content: readonly string[] = []): string {
  const written = Object.entries(attributes).map(([key, value]) =>
    value === undefined ? '' : ` ${key}="${escapeXml(value)}"`,
  )
  const start = `<${name}${written.join('')}`
  return content.length === 0 ? `${start}/>` : `${start}>${content.join('')}</${name}>`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeXml = (text: string): string => plainText(text).replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '')

function checkName(name: string, most: number): string {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > most) throw new RangeError('not a name for a syslog message')
  return name
}
