/**
 * Event subject: what an event is about, in the words of in-toto: a name and digests.
 *
 * Source: in-toto Statement v1, ResourceDescriptor and DigestSet. The subject follows from the predicate, so that both
 * cannot speak of different things.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { JsonObject } from '../../formats/json/parse.ts'
import type { CustodyStatement } from './event-details.ts'
import type { ContentDigests, EventInstance } from './event-parts.ts'

/** Subjects of an event as they stand in its statement, members in canonical order. */
export function subjectsOf(statement: CustodyStatement): readonly JsonObject[] {
  switch (statement.type) {
    case 'erased':
      return [subject('entry', statement.details.leafHash)]
    case 'drill-sealed':
      return [subject('drill', statement.details.commitment)]
    case 'key-enrolled':
    case 'key-revoked':
      return statement.details.certificates.map((certificate) => subject('certificate', certificate))
    case 'map-root':
      return [subject('map', statement.details.root)]
    case 'timestamped':
      return [subject('checkpoint', statement.details.root)]
    default:
      return [{ digest: strongest(statement.digests), name: nameOf(statement.instance) }]
  }
}

const subject = (name: string, sha256: Uint8Array): JsonObject => ({ digest: { sha256: encodeHex(sha256) }, name })

/** A UID where there is one, of the instance, else of the series, else of the study. */
const nameOf = (instance: EventInstance | null): string =>
  instance?.sopInstanceUid ?? instance?.seriesInstanceUid ?? instance?.studyInstanceUid ?? 'unnamed'

/** The digest that leaves least open: `sha256` is that of a file, and others have names of their own. */
function strongest(digests: ContentDigests | null): JsonObject {
  if (digests === null) return {}
  const { file, dataset, pixels, frames } = digests
  if (file !== null) return { sha256: encodeHex(file) }
  if (dataset !== null) return { fiducialDataset: encodeHex(dataset) }
  if (pixels !== null) return { fiducialPixels: encodeHex(pixels) }
  return frames === null ? {} : { fiducialFrames: encodeHex(frames.root) }
}
