/**
 * JPEG 2000 and High-Throughput JPEG 2000, reversible and irreversible.
 *
 * Source: ITU-T T.800 and T.814; PS3.5 sections 8.2.4 and 8.2.14 for what DICOM allows of them. Headers are read
 * here, so that nothing is allocated for a size that the data set does not claim; decoding is left to OpenJPEG and
 * OpenJPH.
 */
import { type Jpeg2000Stream, parseJpeg2000, restoreSign, withoutSign } from './jpeg2000-stream.ts'
import { packSamples, viewSamples16 } from './samples.ts'
import { checkAgreement, type DecodedFrame, type FrameShape, failed, unsupported } from './shape.ts'
import type { Printed, WasmHost, WasmObject } from './wasm.ts'

interface Decoder extends WasmObject {
  getEncodedBuffer(length: number): Uint8Array
  decode(): void
  getDecodedBuffer(): Uint8Array
}

/** What the OpenJPEG file exports. */
export interface OpenJpeg {
  readonly J2KDecoder: new () => Decoder
}

/** What the OpenJPH file exports. */
export interface OpenJph {
  readonly HTJ2KDecoder: new () => Decoder
}

/**
 * Decodes one frame of JPEG 2000.
 * @param isPromised  the transfer syntax allows lossless codestreams only
 * @throws {FormatError} `codec_failed`, `codec_unsupported`
 */
export function decodeJpeg2000(
  host: WasmHost<OpenJpeg>,
  codestream: Uint8Array,
  shape: FrameShape,
  isPromised: boolean,
): DecodedFrame {
  const stream = parseJpeg2000(codestream)
  if (stream.isHighThroughput) throw failed('the codestream is High-Throughput JPEG 2000')
  // The wrapper around OpenJPEG writes colour of 8 bits with three components and leaves other colour as zeros.
  if (stream.samplesPerPixel === 4) throw unsupported('JPEG 2000 with four components')
  if (stream.samplesPerPixel === 3 && stream.precision > 8) throw unsupported('JPEG 2000 in colour of more than 8 bits')
  checkAgreement(stream, shape)
  const decoded = host.use(({ J2KDecoder }, printed) => decodeWith(new J2KDecoder(), stream, printed))
  return toFrame(decoded, stream, shape, isPromised)
}

/**
 * Decodes one frame of High-Throughput JPEG 2000.
 * @param isPromised  the transfer syntax allows lossless codestreams only
 * @throws {FormatError} `codec_failed`, `codec_unsupported`
 */
export function decodeHtj2k(
  host: WasmHost<OpenJph>,
  codestream: Uint8Array,
  shape: FrameShape,
  isPromised: boolean,
): DecodedFrame {
  const stream = parseJpeg2000(codestream)
  if (!stream.isHighThroughput) throw failed('the codestream is not High-Throughput JPEG 2000')
  checkAgreement(stream, shape)
  const decoded = host.use(({ HTJ2KDecoder }, printed) => decodeWith(new HTJ2KDecoder(), stream, printed))
  return toFrame(decoded, stream, shape, isPromised)
}

/** Samples of one or two bytes, colour by pixel. */
function decodeWith(decoder: Decoder, stream: Jpeg2000Stream, printed: Printed): Uint8Array {
  const bytes = stream.isSigned ? withoutSign(stream) : stream.bytes
  decoder.getEncodedBuffer(bytes.length).set(bytes)
  decoder.decode()
  if (printed.lines.some((line) => /error/i.test(line))) throw failed('the decoder reports an error')
  const decoded = new Uint8Array(decoder.getDecodedBuffer())
  decoder.delete()
  const expected = stream.rows * stream.columns * stream.samplesPerPixel * (stream.precision <= 8 ? 1 : 2)
  if (decoded.length !== expected) throw failed(`the decoder gave ${decoded.length} bytes, not ${expected}`)
  return decoded
}

function toFrame(decoded: Uint8Array, stream: Jpeg2000Stream, shape: FrameShape, isPromised: boolean): DecodedFrame {
  const samples = stream.precision <= 8 ? decoded : viewSamples16(decoded)
  if (stream.isSigned) restoreSign(samples, stream.precision)
  return {
    bytes: packSamples(samples, stream.precision, shape),
    samplesPerPixel: shape.samplesPerPixel,
    bitsAllocated: shape.bitsAllocated,
    planarConfiguration: 0,
    photometricInterpretation: stream.hasColourTransform ? 'RGB' : shape.photometricInterpretation,
    // A reversible codestream may have lost its finest bits to a bit rate, which it does not tell.
    isLossless: isPromised && stream.isReversible,
  }
}
