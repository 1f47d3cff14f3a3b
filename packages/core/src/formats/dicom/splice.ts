/**
 * Splice: a new file that differs from the old one only where something was added, replaced or removed.
 *
 * The result is a list of segments, ranges of the old bytes and new pieces in between, so that a file of gigabytes
 * is copied and never held. Assembled without any change it gives the old bytes back.
 */
import type { ByteSource } from '../../bytes/source.ts'
import { FormatError } from '../../errors.ts'
import type { Tag } from './element.ts'
import { deflateDataSet } from './inflate.ts'
import type { DicomFile } from './parse.ts'

/** Bytes of the old source, or new ones. */
export type Segment = { readonly source: ByteSource; readonly start: number; readonly end: number } | Uint8Array

/** One change at the top level of a data set: bytes in the encoding of the data set; empty to remove. */
export interface Change {
  readonly tag: Tag
  readonly bytes: Uint8Array
}

/** Number of bytes that a list of segments stands for. */
export const lengthOf = (segments: readonly Segment[]): number =>
  segments.reduce((length, segment) => length + ('source' in segment ? segment.end - segment.start : segment.length), 0)

/** The pieces of all segments in order; each is valid until the next is asked for. */
export function* piecesOf(segments: readonly Segment[]): Iterable<Uint8Array> {
  for (const segment of segments) {
    if ('source' in segment) yield* segment.source.chunks(segment.start, segment.end)
    else yield segment
  }
}

/**
 * Puts elements in the place that their tag asks for, or in the place of those they replace.
 *
 * A deflated data set is deflated anew: its bytes change, its elements do not.
 * @param changes  at most one for each tag
 * @throws {FormatError} `dicom_duplicate_tag` if an element to be replaced occurs twice
 */
export function spliceFile(file: DicomFile, changes: readonly Change[]): Segment[] {
  const head = range(file.source, 0, file.dataSetStart)
  const body = spliceDataSet(file, changes)
  if (!file.isDeflated) return [...head, ...body]
  if (changes.length === 0) return range(file.source, 0, file.source.length)
  return [...head, deflateDataSet(piecesOf(body))]
}

/** The data set alone, inflated where it was deflated. */
export function spliceDataSet({ dataSet }: DicomFile, changes: readonly Change[]): Segment[] {
  const { source, elements } = dataSet
  const segments: Segment[] = []
  let copied = dataSet.start
  const replace = (start: number, end: number, bytes: Uint8Array): void => {
    segments.push(...range(source, copied, start))
    if (bytes.length > 0) segments.push(bytes)
    copied = end
  }
  for (const { tag, bytes } of changes.toSorted((a, b) => a.tag - b.tag)) {
    const [old, second] = elements.filter((element) => element.tag === tag)
    if (second !== undefined) throw new FormatError('dicom_duplicate_tag', 'an element to be replaced occurs twice', { offset: second.start })
    const next = old ?? elements.find((element) => element.tag > tag)
    const start = next?.start ?? dataSet.end
    replace(start, old?.end ?? start, bytes)
  }
  segments.push(...range(source, copied, source.length))
  return segments
}

const range = (source: ByteSource, start: number, end: number): Segment[] => (start < end ? [{ source, start, end }] : [])
