/**
 * FHIR Provenance: where an image came from, as a resource of FHIR R4, for the events that make one.
 *
 * Source: HL7 FHIR R4 (4.0.1), resource Provenance; activity from v3-DataOperation, agents from
 * provenance-participant-type. Images are named by UID, or by digest where they have none. The signatures stay in the
 * log, which is named as a source. The resource has no id: who stores it gives one.
 */
import type { JsonObject } from '../../formats/json/parse.ts'
import type { AuditedEvent } from './audit-events.ts'
import { nameOf } from './audit-objects.ts'
import { type LogPlace, plainText } from './audit-record.ts'
import type { DerivationDetails } from './event-details.ts'
import { demoMeta, narrative, reference, referenceToUri } from './fhir-parts.ts'

/** Events by which an image comes to be. */
export type OriginEvent = Extract<AuditedEvent, { readonly type: 'acquired' | 'transcoded' | 'derived' }>

const CREATE = { system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: 'CREATE', display: 'create' }
const PARTICIPANT_TYPE = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type'
const MEANINGS = {
  acquired: 'Image acquired and sealed',
  transcoded: 'Image encoded anew',
  derived: 'Image derived from another',
} as const

/**
 * The resource of an event.
 * @throws {RangeError} for an event of an invalid date
 */
export function provenanceOf(event: OriginEvent, place: LogPlace): JsonObject {
  const at = event.at.toISOString()
  const meaning = MEANINGS[event.type]
  return {
    resourceType: 'Provenance',
    ...demoMeta(event.isDemo),
    text: narrative(meaning),
    target: [referenceToUri(nameOf(event.instance, event.digests))],
    occurredDateTime: at,
    recorded: at,
    activity: { coding: [CREATE], text: event.type === 'acquired' ? meaning : `${meaning}: ${event.details.method}` },
    agent: agentsOf(event),
    entity: [...(event.type === 'acquired' ? [] : [derivedFrom(event.details)]), loggedAt(place)],
  }
}

function agentsOf(event: OriginEvent): readonly JsonObject[] {
  if (event.type === 'acquired') {
    return [
      agent('performer', 'Performer', reference(event.operator)),
      agent('author', 'Author', reference(event.device)),
    ]
  }
  const { software } = event.details
  return [
    agent('performer', 'Performer', reference(event.recorder)),
    ...(software === null ? [] : [agent('assembler', 'Assembler', { display: plainText(software) })]),
  ]
}

const agent = (code: string, display: string, who: JsonObject): JsonObject => ({
  type: { coding: [{ system: PARTICIPANT_TYPE, code, display }] },
  who,
})

const derivedFrom = ({ source: { sopInstanceUid, digests } }: DerivationDetails): JsonObject => ({
  role: 'derivation',
  what: referenceToUri(nameOf({ sopInstanceUid, seriesInstanceUid: null }, digests)),
})

const loggedAt = ({ origin, index }: LogPlace): JsonObject => ({
  role: 'source',
  what: { ...referenceToUri(`https://${plainText(origin)}`), display: `Entry ${index} of the custody log` },
})
