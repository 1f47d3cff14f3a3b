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
import type { DataSet, DicomFile } from './parse.ts'

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
 * @throws {TypeError} for two changes of one tag
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
  const { source } = dataSet
  const segments: Segment[] = []
  let copied = dataSet.start
  for (const { start, end, bytes } of placesOf(dataSet, changes)) {
    segments.push(...range(source, copied, start))
    if (bytes.length > 0) segments.push(bytes)
    copied = end
  }
  return [...segments, ...range(source, copied, source.length)]
}

interface Place extends Change {
  readonly start: number
  readonly end: number
}

/** In the order of the bytes, which in a file out of order is not that of the tags; no two overlap. */
function placesOf({ elements, end }: DataSet, changes: readonly Change[]): Place[] {
  const changed = new Map(changes.map((change) => [change.tag, change]))
  if (changed.size < changes.length) throw new TypeError('two changes for one tag')
  const places = new Map<Tag, Place>()
  for (const element of elements) {
    const change = changed.get(element.tag)
    if (change === undefined) continue
    if (places.has(element.tag)) {
      throw new FormatError('dicom_duplicate_tag', 'an element to be replaced occurs twice', { offset: element.start })
    }
    places.set(element.tag, { ...change, start: element.start, end: element.end })
  }
  for (const change of changes) {
    if (places.has(change.tag)) continue
    const start = elements.find(({ tag }) => tag > change.tag)?.start ?? end
    places.set(change.tag, { ...change, start, end: start })
  }
  // At one place, what is put in goes before what is replaced.
  return [...places.values()].toSorted((a, b) => a.start - b.start || a.tag - b.tag)
}

const range = (source: ByteSource, start: number, end: number): Segment[] =>
  start < end ? [{ source, start, end }] : []
