/**
 * Plain pixels: whether a picture differs so little within itself that an equal one proves nothing.
 *
 * Black images, empty masks and test patterns of two values are made again and again, and nobody copied them. Looks at a
 * spread of samples of native pixel data, and at how much encapsulated pixel data shrank; decodes nothing.
 */
import type { Element } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { findPixelElement, readShape } from '../seal/pixels.ts'

/** Pieces that are looked at, spread over the pixel data, and bytes of each. */
const PIECES = 64
const PIECE_BYTES = 1024
/** A picture of a patient has hundreds of different pairs of bytes. */
const LEAST_VALUES = 24
/** RLE packs a picture of one value to a 64th; no lossless encoding does that to a picture with noise. */
const LEAST_SHARE = 0.02

/** Also true for a file without pixels. */
export function isPlain(file: DicomFile): boolean {
  const element = findPixelElement(file.dataSet)
  if (element === undefined) return true
  return element.fragments === undefined ? isNativePlain(file, element) : isEncodedPlain(file, element)
}

function isNativePlain({ dataSet: { source } }: DicomFile, { valueStart, end }: Element): boolean {
  const length = end - valueStart
  const values = new Set<number>()
  const step = Math.max(PIECE_BYTES, Math.floor(length / PIECES))
  for (let at = valueStart; at < end; at += step) {
    const piece = source.view(at, Math.min(at + PIECE_BYTES, end))
    for (let i = 0; i + 1 < piece.length; i += 2) values.add(((piece[i] as number) << 8) | (piece[i + 1] as number))
    if (values.size >= LEAST_VALUES) return false
  }
  return true
}

function isEncodedPlain({ dataSet }: DicomFile, { fragments = [] }: Element): boolean {
  const { rows, columns, samplesPerPixel, bitsAllocated, numberOfFrames } = readShape(dataSet)
  const native = (rows * columns * samplesPerPixel * bitsAllocated * Math.max(1, numberOfFrames)) / 8
  const encoded = fragments.slice(1).reduce((sum, { valueStart, end }) => sum + end - valueStart, 0)
  return native === 0 || encoded < native * LEAST_SHARE
}
