/**
 * FHIR parts: the data types that our resources are made of.
 *
 * Source: HL7 FHIR R4 (4.0.1), sections 2.24 (Coding, CodeableConcept, Identifier), 2.3 (Reference), 2.4 (Narrative). What a
 * reference leads to is named by identifiers: nobody has to have a resource for it.
 */
import type { JsonObject } from '../../formats/json/parse.ts'
import { type AuditCode, plainText } from './audit-record.ts'
import type { Party } from './event-parts.ts'

const SYSTEMS: Readonly<Record<AuditCode['scheme'], string>> = {
  DCM: 'http://dicom.nema.org/resources/ontology/DCM',
  'RFC-3881': 'urn:ietf:rfc:3881',
  '99FIDUCIAL': 'https://fiducial.dev/custody',
}
const HEALTH_TEST = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  code: 'HTEST',
  display: 'test health data',
}

export const coding = ({ code, scheme, meaning }: AuditCode): JsonObject => ({
  system: SYSTEMS[scheme],
  code,
  display: meaning,
})
export const codeableConcept = (code: AuditCode): JsonObject => ({ coding: [coding(code)] })

/** A person, device or program, as the site calls it. */
export const reference = ({ id, name }: Party): JsonObject => ({
  identifier: { value: plainText(id) },
  display: plainText(name),
})

/** A study, series or instance, as ImagingStudy names it. */
export const referenceToUid = (uid: string): JsonObject => ({
  identifier: { system: 'urn:dicom:uid', value: `urn:oid:${uid}` },
})
export const referenceToUri = (uri: string): JsonObject =>
  uri.startsWith('urn:oid:')
    ? referenceToUid(uri.slice('urn:oid:'.length))
    : { identifier: { system: 'urn:ietf:rfc:3986', value: uri } }

/** Words of our own, without markup. */
export const narrative = (sentence: string): JsonObject => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${sentence}</div>`,
})

/** How a resource says that it is about no patient. */
export const demoMeta = (isDemo: boolean): JsonObject => (isDemo ? { meta: { security: [HEALTH_TEST] } } : {})
