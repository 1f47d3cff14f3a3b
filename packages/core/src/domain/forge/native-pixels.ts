/**
 * Native pixels: grey planes as uncompressed pixel data, for images whose own transfer syntax cannot hold them again without loss.
 *
 * Source: PS3.5 sections 8.1.1 and A.2, PS3.3 section C.7.6.3. Compressed syntaxes are spelled in explicit little endian, so the other
 * elements stay as they are; Lossy Image Compression (0028,2110) stays, too, and keeps saying what happened once.
 */
import { joinBytes } from '../../bytes/text.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import { encodeElement, padEven } from '../../formats/dicom/encode.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import type { Change } from '../../formats/dicom/splice.ts'
import { uint16At } from '../../formats/dicom/values.ts'
import type { Plane } from '../pixels/plane.ts'

const BITS_ALLOCATED: Tag = 0x00280100
const PIXEL_REPRESENTATION: Tag = 0x00280103
const EXTENDED: readonly Tag[] = [0x7fe00001, 0x7fe00002]
const PIXEL_DATA: Tag = 0x7fe00010

/** What makes pixel data native. @param planes  one of each frame */
export function toNativePixels(dataSet: DataSet, planes: readonly Plane[]): readonly Change[] {
  const cellBytes = (uint16At(dataSet, BITS_ALLOCATED) ?? 16) > 8 ? 2 : 1
  const isSigned = uint16At(dataSet, PIXEL_REPRESENTATION) === 1
  const value = padEven(joinBytes(planes.map((plane) => cellsOf(plane, cellBytes, isSigned))), 'OB')
  const element = { tag: PIXEL_DATA, vr: cellBytes === 2 ? 'OW' : 'OB', value }
  return [
    ...EXTENDED.filter((tag) => findElement(dataSet.elements, tag) !== undefined).map((tag) => ({
      tag,
      bytes: new Uint8Array(0),
    })),
    { tag: PIXEL_DATA, bytes: encodeElement(element, dataSet.encoding) },
  ]
}

/** Stored values: the sign of a sample goes through to the top of its cell. */
function cellsOf({ samples, bits }: Plane, cellBytes: 1 | 2, isSigned: boolean): Uint8Array {
  const lowest = isSigned ? -(2 ** (bits - 1)) : 0
  const bytes = new Uint8Array(samples.length * cellBytes)
  for (let i = 0; i < samples.length; i++) {
    const value = (samples[i] as number) + lowest
    bytes[cellBytes * i] = value & 0xff
    if (cellBytes === 2) bytes[2 * i + 1] = (value >> 8) & 0xff
  }
  return bytes
}
