/**
 * Audit objects: what an event is about, as the messages of an audit trail name it.
 *
 * Source: DICOM PS3.15 sections A.5.1.2.4 and A.5.2. Images are named by their study and UIDs; what has no UID is named
 * by its digest (RFC 6920). Patients are not named: the log does not know them.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import {
  type AuditDetail,
  type AuditObject,
  type LogPlace,
  plainText,
  STUDY_UID,
  URI,
  USER_IDENTIFIER,
} from './audit-record.ts'
import type { KeyDetails } from './event-details.ts'
import type { ContentDigests, EventInstance } from './event-parts.ts'

export interface SubjectOptions {
  readonly lifeCycle?: string
  readonly details: readonly AuditDetail[]
}

/** An image, by its study where it has one. */
export function imageObject(
  instance: EventInstance | null,
  digests: ContentDigests | null,
  { lifeCycle, details }: SubjectOptions,
): AuditObject {
  const { studyInstanceUid = null, sopInstanceUid = null, sopClassUid = null } = instance ?? {}
  const common = {
    type: '2',
    role: '3',
    ...(lifeCycle !== undefined && { lifeCycle }),
    details: [...details, ...digestDetails(digests)],
    ...(sopInstanceUid !== null && { image: { sopClassUid, sopInstanceUid } }),
  } as const
  if (studyInstanceUid !== null) return { ...common, id: studyInstanceUid, idType: STUDY_UID, name: 'Study' }
  return { ...common, id: nameOf(instance, digests), idType: URI, name: 'Image' }
}

/** The log itself. Its name is a URL without a scheme (C2SP tlog-checkpoint). */
export const logObject = ({ origin, index }: LogPlace, details: readonly AuditDetail[] = []): AuditObject => ({
  id: `https://${plainText(origin)}`,
  idType: URI,
  type: '2',
  role: '13',
  // The name that section A.5.3.2 prescribes.
  name: 'Security Audit Log',
  details: [{ type: 'index', value: String(index) }, ...details],
})

/** Something that protects, by its digest. */
export const securityObject = (name: string, sha256: Uint8Array): AuditObject => ({
  id: digestUri(sha256),
  idType: URI,
  type: '2',
  role: '13',
  name,
  details: [],
})

/** Whose key it is. */
export const holderObject = ({ holder, role }: KeyDetails): AuditObject => ({
  id: plainText(holder.id),
  idType: USER_IDENTIFIER,
  type: role === 'person' ? '1' : '2',
  role: '11',
  name: plainText(holder.name),
  details: [],
})

/** A digest as a URI: RFC 6920 section 3. */
export const digestUri = (sha256: Uint8Array): string =>
  `ni:///sha-256;${encodeBase64(sha256).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`

/** A URI that names an image: by UID, else by digest. */
export function nameOf(
  instance: Pick<EventInstance, 'sopInstanceUid' | 'seriesInstanceUid'> | null,
  digests: ContentDigests | null,
): string {
  const uid = instance?.sopInstanceUid ?? instance?.seriesInstanceUid
  if (uid !== undefined && uid !== null) return `urn:oid:${uid}`
  const { file = null, dataset = null, pixels = null, frames = null } = digests ?? {}
  const digest = file ?? dataset ?? pixels ?? frames?.root ?? null
  return digest === null ? 'urn:fiducial:unnamed' : digestUri(digest)
}

/** Digests by the names that they have in a statement. */
function digestDetails(digests: ContentDigests | null): readonly AuditDetail[] {
  const { file = null, dataset = null, pixels = null, frames = null } = digests ?? {}
  const named = { file, dataset, pixels, frames: frames?.root ?? null }
  return Object.entries(named).flatMap(([name, value]) => (value === null ? [] : [{ type: `${name} SHA-256`, value }]))
}
