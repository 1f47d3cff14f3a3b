/**
 * Frame source: the frames of an archived file, as they are stored or decoded.
 *
 * Source: PS3.5 section 8 and annex A.4, PS3.3 section C.7.6.3. Which fragments make a frame is decided in core.
 */
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { cutFrames, readFrame, readFrameShape } from '@fiducial/core/domain/signature/encapsulated.ts'
import type { NativeFrame, PictureOrder } from '@fiducial/core/domain/view/render-frame.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { frameLength } from '@fiducial/core/formats/codec/codec.ts'
import { findElement } from '@fiducial/core/formats/dicom/element.ts'
import { swapWords } from '@fiducial/core/formats/dicom/encode.ts'
import { type DicomFile, parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { numberAt } from '@fiducial/core/formats/dicom/values.ts'
import type { FrameMaker, StoredFrame } from '../../services/archive/ports.ts'

const PIXEL_DATA = 0x7fe00010
const NUMBER_OF_FRAMES = 0x00280008

export interface FrameSource {
  readonly file: DicomFile
  /** 0 where the file has no pixels. */
  readonly count: number
  /** A codestream, or native samples. @param number  1 to `count` @throws {FormatError} where it cannot be told */
  stored(number: number): Uint8Array
  /** Samples as explicit little endian has them. @throws {FormatError} `codec_failed`, `codec_unsupported` */
  decoded(number: number): Promise<NativeFrame>
  /** The bytes of a PNG file. @throws as {@link decoded} */
  picture(number: number, order: PictureOrder): Promise<Uint8Array>
}

/** @throws {FormatError} as {@link parseDicom} */
export function openFrames(source: ByteSource, maker: FrameMaker): FrameSource {
  const file = parseDicom(source)
  const { dataSet, transferSyntaxUid } = file
  const element = findElement(dataSet.elements, PIXEL_DATA)
  const shape = readFrameShape(dataSet)
  const stated = Math.max(1, numberAt(dataSet, NUMBER_OF_FRAMES) ?? 1)
  const fragments = element?.fragments
  const frames = fragments === undefined ? undefined : cutFrames(dataSet, fragments)?.frames
  const count = element === undefined ? 0 : (frames?.length ?? stated)

  const encapsulated = (number: number): Uint8Array => {
    const indices = frames?.[number - 1]
    if (fragments === undefined || indices === undefined)
      throw new FormatError('dicom_fragments_malformed', 'no such frame')
    return readFrame(dataSet, fragments, indices)
  }
  const native = (number: number): Uint8Array => {
    const { valueStart, valueEnd, encoding } = element ?? { valueStart: 0, valueEnd: 0, encoding: dataSet.encoding }
    const length = frameLength(shape)
    const start = valueStart + (number - 1) * length
    // Frames of one-bit samples that do not fill their bytes run into each other.
    const isSplit = shape.bitsAllocated === 1 && (shape.rows * shape.columns) % 8 !== 0 && count > 1
    if (length === 0 || isSplit || start + length > valueEnd)
      throw new FormatError('dicom_fragments_malformed', 'no such frame')
    const bytes = dataSet.source.view(start, start + length)
    return encoding.isLittleEndian || shape.bitsAllocated <= 8 ? bytes : swapWords(bytes, shape.bitsAllocated / 8)
  }
  const stored = fragments === undefined ? native : encapsulated
  const frame = (number: number): StoredFrame => ({
    transferSyntaxUid: fragments === undefined ? null : transferSyntaxUid,
    bytes: stored(number),
    shape,
  })
  return {
    file,
    count,
    stored,
    decoded: async (number) =>
      fragments === undefined ? { bytes: native(number), shape } : maker.decode(frame(number)),
    picture: async (number, order) => maker.draw(frame(number), order),
  }
}
