/**
 * Audit record: what an audit trail is told of an event of the log, before it is spelled as XML or JSON.
 *
 * Source: DICOM PS3.15 section A.5.2, whose fields FHIR AuditEvent (R4) shares; codes are those of PS3.16 annex D and
 * section A.5.1.2. Which event becomes what: audit-events.ts. How it is spelled: audit-message.ts, fhir-audit-event.ts.
 */
import type { ContentDigests, EventInstance, Party } from './event-parts.ts'

/** A coded concept. */
export interface AuditCode {
  readonly code: string
  /** `DCM`, `RFC-3881` for the value sets of the message itself, or {@link OWN_SCHEME}. */
  readonly scheme: 'DCM' | 'RFC-3881' | typeof OWN_SCHEME
  readonly meaning: string
}

/** Coding scheme designator of our own codes; PS3.3 table 8-1 leaves those that begin with 99 to everybody. */
export const OWN_SCHEME = '99FIDUCIAL'
/** Stands where a message has to name somebody whom the statement does not name. */
export const NOT_STATED = 'not stated'

export type AuditAction = 'C' | 'R' | 'U' | 'E'
/** Success, minor failure, serious failure. */
export type AuditOutcome = '0' | '4' | '8'

/** Where a participant was on the network. */
export interface AccessPoint {
  readonly id: string
  /** Machine name, IP address, URI. */
  readonly type: '1' | '2' | '5'
}

/** A person or process that took part. */
export interface AuditParticipant {
  readonly id: string
  readonly alternativeId?: string
  readonly name?: string
  /** At most one of a record is. */
  readonly isRequestor: boolean
  readonly isPerson: boolean
  readonly role?: AuditCode
  readonly accessPoint?: AccessPoint
  readonly media?: AuditCode
}

/** Something that the event is about. */
export interface AuditObject {
  readonly id: string
  /** What kind of identifier that is. */
  readonly idType: AuditCode
  /** Person, or system object. */
  readonly type: '1' | '2'
  /** Report, security user entity, security resource. */
  readonly role: '3' | '11' | '13'
  /** PS3.15 section A.5.1.2.3, `1` to `15`. */
  readonly lifeCycle?: string
  readonly name: string
  readonly details: readonly AuditDetail[]
  /** Image in the study. */
  readonly image?: { readonly sopClassUid: string | null; readonly sopInstanceUid: string }
}

export interface AuditDetail {
  readonly type: string
  readonly value: string | Uint8Array
}

export interface AuditRecord {
  /** Which of the messages of section A.5.3. */
  readonly event: AuditCode
  /** Our own name of the event comes first. */
  readonly types: readonly [AuditCode, ...AuditCode[]]
  readonly action: AuditAction
  readonly at: Date
  readonly outcome: AuditOutcome
  readonly outcomeText?: string
  readonly isDemo: boolean
  /** At least one. */
  readonly participants: readonly AuditParticipant[]
  /** Which system reports: an acquisition device, or an application server. */
  readonly source: Party & { readonly type: '2' | '4' }
  readonly objects: readonly AuditObject[]
}

/** What an acquisition statement says that an audit trail is told. It is read by domain/seal. */
export interface AcquiredFacts {
  readonly type: 'acquired'
  /** When the image was sealed. */
  readonly at: Date
  readonly isDemo: boolean
  readonly instance: EventInstance
  readonly digests: ContentDigests
  readonly device: Party
  /** The technologist. */
  readonly operator: Party
}

/** Where an event stands. */
export interface LogPlace {
  /** Name of the log. */
  readonly origin: string
  readonly index: bigint
}

export const dcm = (code: string, meaning: string): AuditCode => ({ code, scheme: 'DCM', meaning })
export const URI: AuditCode = { code: '12', scheme: 'RFC-3881', meaning: 'URI' }
/** Marks events of a simulator or a demonstration. */
export const DEMO: AuditCode = { code: 'demo', scheme: OWN_SCHEME, meaning: 'Demonstration, no patient' }
export const USER_IDENTIFIER: AuditCode = { code: '11', scheme: 'RFC-3881', meaning: 'User Identifier' }
export const STUDY_UID: AuditCode = dcm('110180', 'Study Instance UID')

/**
 * A text without what XML 1.0 and FHIR have no place for: control characters, lone surrogates, U+FFFE and U+FFFF each
 * become U+FFFD. {@link NOT_STATED} for an empty one.
 */
export const plainText = (text: string): string =>
  text.replace(/[^\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd').replace(/^$/, NOT_STATED)
