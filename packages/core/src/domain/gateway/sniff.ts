/**
 * Sniff: what the first bytes of a file say that it is, before anybody has examined it.
 *
 * Good for putting things in order and for looking earlier ones up, and for nothing else: a file can say one thing at its
 * start and another one later.
 */
import { memorySource } from '../../bytes/source.ts'
import { FormatError } from '../../errors.ts'
import type { InstanceUids } from '../../formats/dicom/instance-uids.ts'
import { scanInstanceUids } from '../../formats/dicom/scan.ts'

/** As many bytes as are worth looking at: the names of the study stand in the first kilobytes of almost every file. */
export const SNIFF_BYTES = 32 * 1024

const NOTHING: InstanceUids = {
  sopClassUid: null,
  sopInstanceUid: null,
  seriesInstanceUid: null,
  studyInstanceUid: null,
  transferSyntaxUid: null,
}

/** Looks at the beginning of a Part 10 file. Never throws {FormatError}: what cannot be read says nothing. */
export function sniffInstance(beginning: Uint8Array): InstanceUids {
  try {
    return scanInstanceUids(memorySource(beginning))
  } catch (error) {
    if (error instanceof FormatError) return NOTHING
    throw error
  }
}
