/**
 * Encapsulated: what a data set says about the frames of its encapsulated pixel data.
 *
 * Source: PS3.3 sections C.7.6.3 (Image Pixel) and C.7.6.6 (Multi-frame), PS3.5 annex A.4. Which fragments make which
 * frame is decided in formats/dicom, what a fragment holds in formats/codec.
 */
import { joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import type { DecodedFrame, FrameShape } from '../../formats/codec/shape.ts'
import { type Element, type Fragment, findElement, type Tag } from '../../formats/dicom/element.ts'
import { type Encapsulated, parseOffsets, splitFrames } from '../../formats/dicom/frames.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { numberAt, textAt, uint16At } from '../../formats/dicom/values.ts'

const EXTENDED_OFFSETS: Tag = 0x7fe00001
const EXTENDED_LENGTHS: Tag = 0x7fe00002

/** Decodes one frame of a transfer syntax. @throws {FormatError} `codec_failed`, `codec_unsupported`, `dicom_limit_exceeded` */
export type DecodeFrame = (transferSyntaxUid: string, codestream: Uint8Array, shape: FrameShape) => DecodedFrame

/** Encapsulated pixel data, cut into frames. */
export interface CutFrames {
  /** Indices of the fragments of each frame. */
  readonly frames: readonly (readonly number[])[]
  /** The basic offset table says where each frame begins. */
  readonly hasOffsets: boolean
  /** The extended tables say where each frame begins and how long it is. */
  readonly hasLengths: boolean
}

/**
 * Finds the fragments of each frame.
 *
 * @param dataSet  the elements beside the pixel data: an item's, where it is an icon
 * @returns undefined where offset tables, fragments and Number of Frames contradict each other, or do not say
 */
export function cutFrames(dataSet: DataSet, fragments: readonly Fragment[]): CutFrames | undefined {
  const { source, elements } = dataSet
  const read = ({ valueStart, end }: Fragment): Uint8Array => source.view(valueStart, end)
  const numbers = ({ valueStart, valueEnd }: Element): number[] => parseOffsets(source.view(valueStart, valueEnd), 8)
  const [table] = fragments
  if (table === undefined) return undefined
  const offsets = findElement(elements, EXTENDED_OFFSETS)
  const lengths = findElement(elements, EXTENDED_LENGTHS)
  try {
    const pixels: Encapsulated = {
      fragments,
      basicOffsets: parseOffsets(read(table), 4),
      ...(offsets === undefined ? {} : { extendedOffsets: numbers(offsets) }),
      ...(lengths === undefined ? {} : { extendedLengths: numbers(lengths) }),
      numberOfFrames: numberAt(dataSet, 0x00280008) ?? 1,
      read,
    }
    const frames = splitFrames(pixels)
    return { frames, hasOffsets: pixels.basicOffsets.length > 0, hasLengths: lengths !== undefined }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

/** The fragments of one frame joined: its codestream, with the padding behind it. */
export function joinFragments({ source }: DataSet, fragments: readonly Fragment[]): Uint8Array {
  const pieces = fragments.map(({ valueStart, end }) => source.view(valueStart, end))
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : joinBytes(pieces)
}

/** {@link joinFragments} for a frame of {@link CutFrames}. */
export const readFrame = (dataSet: DataSet, fragments: readonly Fragment[], indices: readonly number[]): Uint8Array =>
  joinFragments(
    dataSet,
    indices.map((index) => fragments[index] as Fragment),
  )

/** The Image Pixel attributes beside the pixel data; 0 and empty where one is absent. */
export function readFrameShape(dataSet: DataSet): FrameShape {
  const number = (tag: Tag): number => uint16At(dataSet, tag) ?? 0
  return {
    rows: number(0x00280010),
    columns: number(0x00280011),
    samplesPerPixel: number(0x00280002),
    bitsAllocated: number(0x00280100),
    bitsStored: number(0x00280101),
    isSigned: number(0x00280103) === 1,
    planarConfiguration: number(0x00280006),
    photometricInterpretation: textAt(dataSet, 0x00280004) ?? '',
  }
}
