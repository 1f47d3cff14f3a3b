/**
 * JPEG-LS, lossless and near-lossless.
 *
 * Source: ITU-T T.87. The header is read here, so that nothing is allocated for a size that the data set does not
 * claim; entropy decoding is left to CharLS.
 */
import { parseJpeg } from './jpeg-stream.ts'
import { interleavePlanes, packSamples, type Samples, viewSamples16 } from './samples.ts'
import { checkAgreement, type DecodedFrame, type FrameShape, failed, unsupported } from './shape.ts'
import type { WasmHost, WasmObject } from './wasm.ts'

/** Start of frame of JPEG-LS: T.87 table C.1. */
const SOF55 = 0xf7

interface Decoder extends WasmObject {
  getEncodedBuffer(length: number): Uint8Array
  decode(): void
  getDecodedBuffer(): Uint8Array
}

/** What the CharLS file exports. */
export interface CharLs {
  readonly JpegLSDecoder: new () => Decoder
}

/**
 * Decodes one frame.
 * @throws {FormatError} `codec_failed`, `codec_unsupported`
 */
export function decodeJpegLs(host: WasmHost<CharLs>, codestream: Uint8Array, shape: FrameShape): DecodedFrame {
  const stream = parseJpeg(codestream)
  const { frame, scans } = stream
  if (frame.marker !== SOF55) throw failed('the codestream is not JPEG-LS')
  checkAgreement({ ...frame, samplesPerPixel: frame.components.length }, shape)
  if (frame.components.some(({ h, v }) => h !== 1 || v !== 1)) throw unsupported('JPEG-LS with subsampled components')
  const [first] = scans
  if (first === undefined) throw failed('the codestream has no scan')
  const size = frame.precision <= 8 ? 1 : 2
  const expected = frame.rows * frame.columns * frame.components.length * size

  const decoded = host.use(({ JpegLSDecoder }) => {
    const decoder = new JpegLSDecoder()
    decoder.getEncodedBuffer(codestream.length).set(codestream)
    decoder.decode()
    const bytes = new Uint8Array(decoder.getDecodedBuffer())
    decoder.delete()
    return bytes
  })
  if (decoded.length !== expected) throw failed(`CharLS gave ${decoded.length} bytes, not ${expected}`)
  const samples: Samples = size === 1 ? decoded : viewSamples16(decoded)
  // The interleave mode stands where T.81 has the end of spectral selection: 0 is colour by plane (T.87 C.2.3).
  const isByPlane = frame.components.length > 1 && first.spectralEnd === 0
  const pixels = isByPlane ? interleavePlanes(samples, frame.components.length) : samples
  return {
    bytes: packSamples(pixels, frame.precision, shape),
    samplesPerPixel: shape.samplesPerPixel,
    bitsAllocated: shape.bitsAllocated,
    planarConfiguration: 0,
    photometricInterpretation: shape.photometricInterpretation,
    // NEAR stands where T.81 has the start of spectral selection.
    isLossless: scans.every((scan) => scan.spectralStart === 0),
  }
}
