/** Query keys: identifiers of C-FIND and C-GET, as elements and back (PS3.4 annex C). */
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { encodeElements, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { type DataSet, parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import { encodingOf } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, textAt } from '@fiducial/core/formats/dicom/values.ts'

export const KEY = {
  sopClass: 0x00080016,
  sopInstance: 0x00080018,
  studyDate: 0x00080020,
  level: 0x00080052,
  study: 0x0020000d,
  series: 0x0020000e,
} as const

export type QueryLevel = 'STUDY' | 'SERIES' | 'IMAGE'
/** Values by tag; an empty one is asked for. Several UIDs are a list. */
export type QueryKeys = Readonly<Record<number, string | readonly string[]>>

export function formatIdentifier(level: QueryLevel, keys: QueryKeys, transferSyntax: string): Uint8Array {
  const elements: NewElement[] = [
    text(KEY.level, 'CS', level),
    ...Object.entries(keys).map(([tag, value]) =>
      text(Number(tag), Number(tag) === KEY.studyDate ? 'DA' : 'UI', ...[value].flat()),
    ),
  ]
  return encodeElements(
    elements.toSorted((a, b) => a.tag - b.tag),
    encodingOf(transferSyntax),
  )
}

/** What an answer says of a tag; undefined where it says nothing. */
export type Answered = (tag: number) => string | undefined

/** @returns undefined for an answer that is no data set: one among many, which is passed over */
export function readIdentifier(bytes: Uint8Array, transferSyntax: string): Answered | undefined {
  let dataSet: DataSet
  try {
    dataSet = parseDataSet(memorySource(bytes), transferSyntax)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
  return (tag) => textAt(dataSet, tag)
}
