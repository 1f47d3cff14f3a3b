/**
 * Shape: what a data set says about one frame, and the native bytes that decoding it gives.
 *
 * Source: PS3.3 section C.7.6.3.1 (Image Pixel), PS3.5 sections 8.1.1 and 8.2 and annex D (native layout).
 * The shape comes from the data set, the codestream brings its own; a decoder allocates only where both agree.
 */
import { FormatError } from '../../errors.ts'

/** Image Pixel attributes that describe one frame. */
export interface FrameShape {
  /** (0028,0010), 1 to 65535. */
  readonly rows: number
  /** (0028,0011), 1 to 65535. */
  readonly columns: number
  /** (0028,0002): 1, 3 or 4. */
  readonly samplesPerPixel: number
  /** (0028,0100): 1, 8, 16 or 32. */
  readonly bitsAllocated: number
  /** (0028,0101), at most bitsAllocated. */
  readonly bitsStored: number
  /** (0028,0103) is 1. */
  readonly isSigned: boolean
  /** (0028,0006); 0 where absent. */
  readonly planarConfiguration: number
  /** (0028,0004), without padding. */
  readonly photometricInterpretation: string
}

/** One frame as an explicit little endian data set would hold it. */
export interface DecodedFrame {
  /**
   * Samples in row order, little endian, colour by pixel; {@link frameLength} bytes. A sample of fewer bits than are
   * allocated is extended by its sign if the shape is signed, else by zeros. One-bit samples fill each byte from its
   * least significant bit on, and the last byte with zeros; frames of native one-bit data are joined without that fill.
   */
  readonly bytes: Uint8Array
  readonly samplesPerPixel: number
  readonly bitsAllocated: number
  /** Colour by pixel, whatever the data set or the codestream had. */
  readonly planarConfiguration: 0
  /** What the samples mean now: RGB where decoding undid a colour transform, else as in the data set. */
  readonly photometricInterpretation: string
  /**
   * Whether transfer syntax and codestream together say that every sample that went into this codestream comes out
   * again. A lossy step before it cannot be seen here.
   */
  readonly isLossless: boolean
}

/** Size as a codestream's own header tells it. */
export interface CodestreamSize {
  readonly rows: number
  readonly columns: number
  readonly samplesPerPixel: number
  /** Bits of a sample; all components of a frame have the same. */
  readonly precision: number
}

/** Most bytes of one decoded frame; the codecs add buffers of a few times that. */
export const FRAME_LIMIT_BYTES = 2 ** 31

/** Bytes of the decoded frame. */
export function frameLength(shape: FrameShape): number {
  return Math.ceil((shape.rows * shape.columns * shape.samplesPerPixel * shape.bitsAllocated) / 8)
}

/**
 * Checks a shape by itself, before any codestream is looked at.
 * @throws {FormatError} `codec_unsupported` for a shape that no codec here serves, `dicom_limit_exceeded` over the limit
 */
export function checkShape(shape: FrameShape): void {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored } = shape
  if (!isCount(rows, 65535) || !isCount(columns, 65535))
    throw unsupported(`a frame of ${rows} rows and ${columns} columns`)
  if (![1, 3, 4].includes(samplesPerPixel)) throw unsupported(`${samplesPerPixel} samples per pixel`)
  if (![1, 8, 16, 32].includes(bitsAllocated)) throw unsupported(`${bitsAllocated} bits allocated`)
  if (bitsAllocated === 1 && samplesPerPixel !== 1) throw unsupported('one-bit samples in colour')
  if (!isCount(bitsStored, bitsAllocated)) throw unsupported(`${bitsStored} bits stored in ${bitsAllocated}`)
  if (frameLength(shape) > FRAME_LIMIT_BYTES) {
    throw new FormatError('dicom_limit_exceeded', `a frame of ${frameLength(shape)} bytes`)
  }
}

/**
 * Checks that a codestream is of the size that the data set claims.
 * @throws {FormatError} `codec_failed` where they differ
 */
export function checkAgreement(size: CodestreamSize, shape: FrameShape): void {
  const { rows, columns, samplesPerPixel, precision } = size
  if (rows !== shape.rows || columns !== shape.columns || samplesPerPixel !== shape.samplesPerPixel) {
    throw failed(
      `the codestream has ${rows} rows, ${columns} columns and ${samplesPerPixel} components, ` +
        `the data set ${shape.rows}, ${shape.columns} and ${shape.samplesPerPixel}`,
    )
  }
  if (precision > shape.bitsAllocated) {
    throw failed(`the codestream has samples of ${precision} bits, the data set allocates ${shape.bitsAllocated}`)
  }
}

/** The error for a codestream that is damaged or does not belong to its data set. */
export function failed(message: string, cause?: unknown): FormatError {
  return new FormatError('codec_failed', message, cause === undefined ? {} : { cause })
}

/** The error for a codestream that may be well-formed, of a kind that no codec here decodes. */
export function unsupported(message: string): FormatError {
  return new FormatError('codec_unsupported', message)
}

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most
}
