/**
 * JPEG, lossy and lossless, of 8 to 16 bits.
 *
 * Source: ITU-T T.81; PS3.5 section 8.2.1 for what DICOM allows of it. What the components mean is said by the data
 * set's Photometric Interpretation alone, not by the markers of JFIF or Adobe.
 */
import { joinPlanes } from './jpeg-colour.ts'
import { decodeDct, isDctFrame } from './jpeg-dct.ts'
import { decodeLossless, SOF3 } from './jpeg-lossless.ts'
import { type JpegStream, parseJpeg } from './jpeg-stream.ts'
import { packSamples } from './samples.ts'
import { checkAgreement, type DecodedFrame, type FrameShape, failed, unsupported } from './shape.ts'

/**
 * Decodes one frame of a lossy process. YBR_FULL and YBR_FULL_422 become RGB.
 * @throws {FormatError} `codec_failed`, `codec_unsupported`
 */
export function decodeLossyJpeg(codestream: Uint8Array, shape: FrameShape): DecodedFrame {
  const stream = parseChecked(codestream, shape)
  const { frame } = stream
  if (frame.marker === SOF3) throw failed('the codestream is lossless JPEG')
  if (!isDctFrame(frame.marker)) throw unsupported(`JPEG with start of frame ff${frame.marker.toString(16)}`)
  const isYbr = frame.components.length === 3 && /^YBR_FULL(_422)?$/.test(shape.photometricInterpretation)
  const samples = joinPlanes(decodeDct(stream), frame, isYbr)
  return {
    bytes: packSamples(samples, frame.precision, shape),
    samplesPerPixel: shape.samplesPerPixel,
    bitsAllocated: shape.bitsAllocated,
    planarConfiguration: 0,
    photometricInterpretation: isYbr ? 'RGB' : shape.photometricInterpretation,
    isLossless: false,
  }
}

/**
 * Decodes one frame of process 14. Colour stays as it was stored.
 * @throws {FormatError} `codec_failed`, `codec_unsupported`
 */
export function decodeLosslessJpeg(codestream: Uint8Array, shape: FrameShape): DecodedFrame {
  const stream = parseChecked(codestream, shape)
  const { frame, scans } = stream
  if (frame.marker !== SOF3) throw failed('the codestream is not lossless JPEG')
  return {
    bytes: packSamples(decodeLossless(stream), frame.precision, shape),
    samplesPerPixel: shape.samplesPerPixel,
    bitsAllocated: shape.bitsAllocated,
    planarConfiguration: 0,
    photometricInterpretation: shape.photometricInterpretation,
    // A point transform drops the lowest bits.
    isLossless: scans.every(({ low }) => low === 0),
  }
}

function parseChecked(codestream: Uint8Array, shape: FrameShape): JpegStream {
  const stream = parseJpeg(codestream)
  checkAgreement({ ...stream.frame, samplesPerPixel: stream.frame.components.length }, shape)
  return stream
}
