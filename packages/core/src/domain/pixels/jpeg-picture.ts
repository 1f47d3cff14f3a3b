/**
 * JPEG picture: a JPEG file as it is shown, to be read and never to be marked.
 *
 * Source: ITU-T T.81, T.871 (JFIF: three components are YCbCr) and the Adobe marker APP14, which may say that they are RGB. Decoding is
 * left to formats/codec.
 */
import { FormatError } from '../../errors.ts'
import type { Codecs } from '../../formats/codec/codec.ts'
import { parseJpeg } from '../../formats/codec/jpeg-stream.ts'
import type { FrameShape } from '../../formats/codec/shape.ts'
import type { Picture } from './picture-pixels.ts'
import { PLANE_LIMIT } from './plane.ts'

/** Process 1; its decoder takes every lossy process with 8 bits. */
const BASELINE = '1.2.840.10008.1.2.4.50'

/** Whether bytes begin as a JPEG file does. */
export const isJpeg = ([a, b, c]: Uint8Array): boolean => a === 0xff && b === 0xd8 && c === 0xff

/** @throws {FormatError} `picture_malformed` for a file that cannot be decoded, `codec_unsupported`, `dicom_limit_exceeded` */
export async function openJpeg(file: Uint8Array, codecs: Codecs): Promise<Picture> {
  const shape = shapeOf(file)
  const codec = await codecs.load(BASELINE)
  const { bytes } = asPicture(() => codec.decode(file, shape))
  const { rows, columns, samplesPerPixel } = shape
  return { width: columns, height: rows, depth: 8, channels: samplesPerPixel, bytes, isLossy: true }
}

function shapeOf(file: Uint8Array): FrameShape {
  const { frame } = asPicture(() => parseJpeg(file))
  const { rows, columns, components, precision } = frame
  if (precision !== 8) throw new FormatError('codec_unsupported', `a JPEG picture of ${precision} bits`)
  if (components.length !== 1 && components.length !== 3)
    throw new FormatError('codec_unsupported', `a JPEG picture of ${components.length} components`)
  if (rows * columns > PLANE_LIMIT) throw new FormatError('dicom_limit_exceeded', 'the picture has too many pixels')
  const meaning = components.length === 1 ? 'MONOCHROME2' : isAdobeRgb(file) ? 'RGB' : 'YBR_FULL'
  return {
    ...{ rows, columns, samplesPerPixel: components.length, bitsAllocated: 8, bitsStored: 8 },
    ...{ isSigned: false, planarConfiguration: 0, photometricInterpretation: meaning },
  }
}

const APP14 = 0xee
const SOS = 0xda

/** Whether an APP14 segment before the first scan says that the colours are not transformed. */
function isAdobeRgb(file: Uint8Array): boolean {
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff && file[at + 1] !== SOS; ) {
    const length = ((file[at + 2] as number) << 8) | (file[at + 3] as number)
    // "Adobe", a version and two flags, then the transform.
    if (file[at + 1] === APP14 && length >= 14 && file[at + 4] === 0x41 && file[at + 5] === 0x64)
      return file[at + 15] === 0
    at += 2 + length
  }
  return false
}

function asPicture<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    if (!(cause instanceof FormatError) || cause.code !== 'codec_failed') throw cause
    throw new FormatError('picture_malformed', 'JPEG: it cannot be decoded', { cause })
  }
}
