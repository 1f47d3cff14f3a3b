/**
 * Sniff: what the first bytes of a file say that it is, before anybody has examined it.
 *
 * Good for putting things in order and for looking earlier ones up, and for nothing else: a file can say one thing at its
 * start and another one later.
 */
import { memorySource } from '../../bytes/source.ts'
import { FormatError } from '../../errors.ts'
import type { Tag } from '../../formats/dicom/element.ts'
import { parseDicom } from '../../formats/dicom/parse.ts'
import { textAt } from '../../formats/dicom/values.ts'

/** Each null where the bytes do not say, or what they say is no UID. */
export interface SniffedUids {
  readonly sopClassUid: string | null
  readonly sopInstanceUid: string | null
  readonly studyInstanceUid: string | null
  readonly transferSyntaxUid: string | null
}

/** As many bytes as are worth looking at: the names of the study stand in the first kilobytes of almost every file. */
export const SNIFF_BYTES = 32 * 1024

const NOTHING: SniffedUids = {
  sopClassUid: null,
  sopInstanceUid: null,
  studyInstanceUid: null,
  transferSyntaxUid: null,
}
const UID = /^[0-9][0-9.]{0,63}$/

/** Looks at the beginning of a Part 10 file. Never throws {FormatError}: what cannot be read says nothing. */
export function sniffInstance(beginning: Uint8Array): SniffedUids {
  try {
    const { dataSet, transferSyntaxUid } = parseDicom(memorySource(beginning))
    const uid = (tag: Tag): string | null => uidOrNull(textAt(dataSet, tag))
    return {
      sopClassUid: uid(0x00080016),
      sopInstanceUid: uid(0x00080018),
      studyInstanceUid: uid(0x0020000d),
      transferSyntaxUid: uidOrNull(transferSyntaxUid),
    }
  } catch (error) {
    if (error instanceof FormatError) return NOTHING
    throw error
  }
}

const uidOrNull = (value: string | undefined): string | null => (value !== undefined && UID.test(value) ? value : null)
