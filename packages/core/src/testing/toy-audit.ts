/**
 * Toy audit: an event of each kind, with its place, as audit trails are told of it.
 */
import type { AuditedEvent } from '../domain/log/audit-events.ts'
import type { AcquiredFacts, LogPlace } from '../domain/log/audit-record.ts'
import { CUSTODY_TYPES, toyEvent, toyHeader } from './toy-events.ts'

export const toyPlace: LogPlace = { origin: 'hospital.example/log', index: 5n }

export const toyAcquired: AcquiredFacts = {
  type: 'acquired',
  at: toyHeader.at,
  isDemo: true,
  instance: {
    sopClassUid: '1.2.840.10008.5.1.4.1.1.1',
    sopInstanceUid: '2.25.1001',
    seriesInstanceUid: '2.25.2',
    studyInstanceUid: '2.25.1',
    transferSyntaxUid: '1.2.840.10008.1.2.1',
  },
  digests: { file: new Uint8Array(32).fill(7), dataset: new Uint8Array(32).fill(8), pixels: null, frames: null },
  device: { id: 'room-2', name: 'Room 2' },
  operator: { id: 'u1', name: 'Lee, Kim' },
}

export const TOY_AUDITED: readonly AuditedEvent[] = [toyAcquired, ...CUSTODY_TYPES.map((type) => toyEvent(type))]

/** An event of a kind, with other details. */
export function toyAudited<Type extends AuditedEvent['type']>(
  type: Type,
  change: Partial<Extract<AuditedEvent, { readonly type: Type }>> = {},
): Extract<AuditedEvent, { readonly type: Type }> {
  const event = TOY_AUDITED.find((candidate) => candidate.type === type)
  return { ...event, ...change } as Extract<AuditedEvent, { readonly type: Type }>
}
