/**
 * Study images: brings what a proven study knows and the images at hand to the same names, to be judged.
 *
 * A proof names instances by keys that are made of their UIDs: an image at hand leads to its key, but a key without an
 * image leads to no UID. Such a one is named by the entry of the log that knows it.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { equalBytes } from '../../bytes/text.ts'
import { instanceKeyOf } from '../log/map/keys.ts'
import type { MapRecord } from '../log/map/record.ts'
import type { StudyRecords } from '../log/map/study-proof.ts'
import type { StudyInstances } from './judge-study.ts'

/** An image at hand. */
export interface StudyImage {
  /** Null where the file has none. */
  readonly sopInstanceUid: string | null
  /** What to call it then. */
  readonly label: string
  /** SHA-256 of the file, and over all signable elements. */
  readonly file: Uint8Array
  readonly dataset: Uint8Array
}

export interface NameStudyOptions {
  /** The SOP Instance UID that an entry of the log is about, where somebody knows. */
  readonly uidOf?: (record: MapRecord) => string | undefined
}

/** What `judgeStudy` compares. @param images  of this study only */
export function nameStudy(
  hashes: HashFactory,
  { salt, records }: StudyRecords,
  images: readonly StudyImage[],
  { uidOf = () => undefined }: NameStudyOptions = {},
): StudyInstances {
  const byKey = new Map(records.map((record) => [encodeHex(record.key), record]))
  const names = new Map<MapRecord, string>()
  const found = images.map(({ sopInstanceUid, label, file, dataset }) => {
    if (sopInstanceUid === null) return { name: label, digest: file }
    const record = byKey.get(encodeHex(instanceKeyOf(hashes, salt, sopInstanceUid)))
    if (record !== undefined) names.set(record, sopInstanceUid)
    // The log names the data set where it knows it, else the file.
    const isFile = record?.digest != null && equalBytes(record.digest, file)
    return { name: sopInstanceUid, digest: isFile ? file : dataset }
  })
  const expected = records.map((record) => ({
    name: names.get(record) ?? uidOf(record) ?? `the image of entry ${record.newest}`,
    digest: record.digest,
    state: record.state,
  }))
  return { expected, found }
}
