/** Instance UIDs: by which UIDs a file is known. */
import type { Tag } from './element.ts'
import type { DicomFile } from './parse.ts'
import { textAt } from './values.ts'

/** Each null where the file has none, or one that is no UID. */
export interface InstanceUids {
  readonly sopClassUid: string | null
  readonly sopInstanceUid: string | null
  readonly seriesInstanceUid: string | null
  readonly studyInstanceUid: string | null
  readonly transferSyntaxUid: string | null
}

/** Digits and dots: what tells UIDs apart from anything that could mislead a reader of a report. */
export const UID = /^[0-9][0-9.]{0,63}$/

export function readInstanceUids({
  dataSet,
  transferSyntaxUid,
}: Pick<DicomFile, 'dataSet' | 'transferSyntaxUid'>): InstanceUids {
  const uid = (tag: Tag): string | null => uidOrNull(textAt(dataSet, tag))
  return {
    sopClassUid: uid(0x00080016),
    sopInstanceUid: uid(0x00080018),
    seriesInstanceUid: uid(0x0020000e),
    studyInstanceUid: uid(0x0020000d),
    transferSyntaxUid: uidOrNull(transferSyntaxUid),
  }
}

/** A value as a UID; null for none. */
export const uidOrNull = (value: string | undefined): string | null =>
  value !== undefined && UID.test(value) ? value : null
