/**
 * Terms: by what an event is found again.
 *
 * Shaped as the port of the log's records asks for it. Terms of an acquisition statement, which is opaque here, are
 * added by whoever reads it.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { EventStatement } from './event.ts'
import type { CustodyStatement } from './event-details.ts'
import type { ContentDigests, EventInstance, Party } from './event-parts.ts'

export type EventTermKind = 'type' | 'instance' | 'series' | 'study' | 'device' | 'person' | 'key' | 'digest'

export interface EventTerm {
  readonly kind: EventTermKind
  /** 1 to 256 characters; digests and keys as lower-case hexadecimal. */
  readonly value: string
}

/** All terms of an event, each once; the type comes first. */
export function termsOfEvent(statement: EventStatement): readonly EventTerm[] {
  const type: EventTerm = { kind: 'type', value: statement.type }
  if (statement.type === 'acquired') return [type]
  const terms = [
    type,
    { kind: 'device', value: statement.recorder.id } as const,
    ...termsOfInstance(statement.instance),
    ...termsOfDigests(statement.digests),
    ...termsOfDetails(statement),
  ]
  return [...new Map(terms.map((term) => [`${term.kind} ${term.value}`, term])).values()]
}

/** UIDs under which an image is looked for, null ones left out. */
export function termsOfInstance(
  instance: Pick<EventInstance, 'sopInstanceUid' | 'seriesInstanceUid' | 'studyInstanceUid'> | null,
): readonly EventTerm[] {
  if (instance === null) return []
  return [
    ...term('instance', instance.sopInstanceUid),
    ...term('series', instance.seriesInstanceUid),
    ...term('study', instance.studyInstanceUid),
  ]
}

function termsOfDigests(digests: ContentDigests | null): readonly EventTerm[] {
  const { file = null, dataset = null, pixels = null, frames = null } = digests ?? {}
  return [file, dataset, pixels, frames?.root ?? null].flatMap(digest)
}

function termsOfDetails(statement: CustodyStatement): readonly EventTerm[] {
  switch (statement.type) {
    case 'sealed-at-gateway':
      return [...digest(statement.details.seal), ...key(statement.details.certificate)]
    case 'transcoded':
    case 'derived': {
      const { sopInstanceUid, digests } = statement.details.source
      return [...term('instance', sopInstanceUid), ...termsOfDigests(digests)]
    }
    case 'released':
      return [...person(statement.details.releasedBy), ...person(statement.details.confirmedBy)]
    case 'disclosed':
      return person(statement.details.disclosedBy)
    case 'erased':
      return [...person(statement.details.erasedBy), ...digest(statement.details.leafHash)]
    case 'drill-sealed': {
      const { commitment, plan, plannedBy, approvedBy } = statement.details
      return [...digest(commitment), ...digest(plan), ...person(plannedBy), ...person(approvedBy)]
    }
    case 'admitted':
      return digest(statement.details.manifest)
    case 'key-enrolled':
    case 'key-revoked': {
      const { holder, role, certificates } = statement.details
      return [...term(role === 'person' ? 'person' : 'device', holder.id), ...certificates.flatMap(key)]
    }
    case 'map-root':
    case 'timestamped':
      return digest(statement.details.root)
    default:
      return []
  }
}

const term = (kind: EventTermKind, value: string | null): readonly EventTerm[] =>
  value === null ? [] : [{ kind, value }]
const digest = (bytes: Uint8Array | null): readonly EventTerm[] =>
  bytes === null ? [] : [{ kind: 'digest', value: encodeHex(bytes) }]
const key = (bytes: Uint8Array): readonly EventTerm[] => [{ kind: 'key', value: encodeHex(bytes) }]
const person = ({ id }: Party): readonly EventTerm[] => [{ kind: 'person', value: id }]
