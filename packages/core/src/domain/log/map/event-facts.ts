/**
 * Event facts: what the statement of an event says about instances.
 *
 * `acquired` is read by whoever knows seals. An image without a Study or SOP Instance UID belongs to no study and is not
 * counted.
 */
import type { CustodyStatement } from '../event-details.ts'
import type { ContentDigests, EventInstance } from '../event-parts.ts'
import type { EntryFacts } from './facts.ts'

/** Facts of an event, at most one; none for one that is about no instance. */
export function factsOfEvent(statement: CustodyStatement): readonly EntryFacts[] {
  const { type, instance, digests, details } = statement
  if (type === 'erased') return [{ type, erases: details.index }]
  return factsOfInstance(type, instance, digests)
}

/** Facts about an instance; none for one that lacks the UIDs. The data set names it, or where unknown the file. */
export function factsOfInstance(
  type: string,
  instance: Pick<EventInstance, 'studyInstanceUid' | 'seriesInstanceUid' | 'sopInstanceUid'> | null,
  digests: Pick<ContentDigests, 'dataset' | 'file'> | null,
): readonly EntryFacts[] {
  const { studyInstanceUid = null, seriesInstanceUid = null, sopInstanceUid = null } = instance ?? {}
  if (studyInstanceUid === null || sopInstanceUid === null) return []
  return [
    { type, studyInstanceUid, seriesInstanceUid, sopInstanceUid, digest: digests?.dataset ?? digests?.file ?? null },
  ]
}
