/**
 * DICOM pixels: the frames of an image as planes, and the file with other planes in its own transfer syntax.
 *
 * Source: PS3.3 section C.7.6.3 (Image Pixel), PS3.5 sections 8.1 and 8.2 and annex A. Native samples are written in place. Compressed
 * frames are decoded, changed, encoded, and decoded again to see that nothing is lost; each becomes one fragment. Other bytes of
 * the file stay, save for offset tables and, where an encoder chooses the colour transform YBR_RCT, (0028,0004).
 */
import { FormatError } from '../../errors.ts'
import type { EncodeFrame } from '../../formats/codec/encode.ts'
import { checkShape, type FrameShape } from '../../formats/codec/shape.ts'
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DicomFile } from '../../formats/dicom/parse.ts'
import { isNativeSyntax } from '../../formats/dicom/transfer-syntax.ts'
import { numberAt, textAt, uint16At } from '../../formats/dicom/values.ts'
import { cutFrames, type DecodeFrame, readFrameShape } from '../signature/encapsulated.ts'
import { type CellLayout, readCells } from './cells.ts'
import { EncapsulatedFrames } from './encapsulated-frames.ts'
import { type ImagePixels, unsuited } from './image-pixels.ts'
import { NativeFrames } from './native-frames.ts'
import { valueWindowsOf } from './value-windows.ts'

/** Codecs of the file's own transfer syntax, where it is a compressed one. */
export interface PixelCodecs {
  readonly decode?: DecodeFrame
  /** None: the file can be read, not written. */
  readonly encode?: EncodeFrame
}

const PIXEL_DATA: Tag = 0x7fe00010
const FLOAT_PIXEL_DATA: readonly Tag[] = [0x7fe00008, 0x7fe00009]
const GREY = /^MONOCHROME[12]$/

/**
 * Opens the pixels of a DICOM file.
 *
 * @throws {FormatError} `pixels_absent`, `pixels_unsuited` for pixels that are no whole cells of 8 or 16 bits; `codec_unsupported` without a
 *   decoder; `dicom_fragments_malformed` where nobody can say which fragments make a frame
 */
export function openDicomPixels(file: DicomFile, codecs: PixelCodecs = {}): ImagePixels {
  const { dataSet, transferSyntaxUid } = file
  const pixels = findPixels(file)
  const shape = readFrameShape(dataSet)
  const layout = layoutOf(file, shape)
  const frames = openFrames(file, pixels, { shape, layout, codecs })
  const { width, height, bits, components, isSigned } = layout
  const meaning = shape.photometricInterpretation
  return {
    frames: frames.count,
    components,
    width,
    height,
    bits,
    isInverted: meaning === 'MONOCHROME1',
    isLossy: textAt(dataSet, 0x00282110) === '01' || (!isNativeSyntax(transferSyntaxUid) && frames.isLossy),
    windows: GREY.test(meaning) ? valueWindowsOf(dataSet, isSigned ? -(2 ** (bits - 1)) : 0) : [],
    modality: textAt(dataSet, 0x00080060) ?? null,
    instanceUid: textAt(dataSet, 0x00080018) ?? null,
    read: (frame) => readCells(frames.read(frame), layout),
    write: (change) => frames.write(change),
  }
}

function findPixels({ dataSet }: DicomFile): Element {
  const { elements } = dataSet
  const pixels = elements.filter(({ tag }) => tag === PIXEL_DATA)
  const [only, ...others] = pixels
  if (only !== undefined && others.length === 0) return only
  if (others.length > 0) throw new FormatError('dicom_duplicate_tag', 'two elements of pixel data')
  const isFloat = FLOAT_PIXEL_DATA.some((tag) => findElement(elements, tag) !== undefined)
  if (isFloat) throw unsuited('floating point')
  throw new FormatError('pixels_absent', 'there are no pixels')
}

/** How a frame lies in native bytes, or in those that a decoder gives. */
function layoutOf({ dataSet, transferSyntaxUid }: DicomFile, shape: FrameShape): CellLayout {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, isSigned, photometricInterpretation } = shape
  if (bitsAllocated !== 8 && bitsAllocated !== 16) throw unsuited(`${bitsAllocated} bits allocated`)
  if (samplesPerPixel !== 1 && samplesPerPixel !== 3) throw unsuited(`${samplesPerPixel} samples per pixel`)
  checkShape(shape)
  const isNative = isNativeSyntax(transferSyntaxUid)
  if (isNative && /_42[02]$/.test(photometricInterpretation)) throw unsuited('subsampled colour')
  const shift = (uint16At(dataSet, 0x00280102) ?? bitsStored - 1) + 1 - bitsStored
  if (shift < 0 || shift + bitsStored > bitsAllocated) throw unsuited('a high bit outside the cell')
  if (!isNative && shift > 0) throw unsuited('samples above unused bits, compressed')
  return {
    width: columns,
    height: rows,
    bits: bitsStored,
    shift,
    isSigned,
    cellBytes: bitsAllocated === 8 ? 1 : 2,
    channels: samplesPerPixel,
    components: samplesPerPixel,
    isByPlane: isNative && shape.planarConfiguration === 1 && samplesPerPixel > 1,
  }
}

interface FrameFacts {
  readonly shape: FrameShape
  readonly layout: CellLayout
  readonly codecs: PixelCodecs
}

function openFrames(
  file: DicomFile,
  pixels: Element,
  { shape, layout, codecs }: FrameFacts,
): NativeFrames | EncapsulatedFrames {
  const { dataSet, transferSyntaxUid } = file
  if (pixels.fragments === undefined) return new NativeFrames(file, pixels, layout, numberAt(dataSet, 0x00280008) ?? 1)
  const { decode, encode } = codecs
  const cut = cutFrames(dataSet, pixels.fragments)
  if (cut === undefined)
    throw new FormatError('dicom_fragments_malformed', 'nobody can say which fragments make a frame')
  if (decode === undefined) {
    throw new FormatError('codec_unsupported', `no decoder for transfer syntax ${transferSyntaxUid}`)
  }
  return new EncapsulatedFrames({ file, pixels, cut, shape, layout, decode, ...(encode !== undefined && { encode }) })
}
