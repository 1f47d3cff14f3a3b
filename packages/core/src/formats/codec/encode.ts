/**
 * Encode: frames as lossless codestreams, by transfer syntax.
 *
 * Source: PS3.5 annex A.4 and section 8.2; ITU-T T.87 (JPEG-LS), T.800 (JPEG 2000), T.814 (HTJ2K). RLE is written here, the others
 * by the libraries that read them. Nothing promises here that what was written can be read: whoever encodes decodes again.
 */
import { parseJpeg2000 } from './jpeg2000-stream.ts'
import { encodeRleFrame } from './rle-encode.ts'
import { viewSamples16 } from './samples.ts'
import { checkShape, type FrameShape, unsupported } from './shape.ts'
import { type LoadWasm, WasmHost, type WasmObject } from './wasm.ts'

/** One frame as it is to be put into fragments. */
export interface EncodedFrame {
  readonly codestream: Uint8Array
  /** (0028,0004) beside it. */
  readonly photometricInterpretation: string
}

/**
 * Encodes one frame without loss.
 *
 * @param frame  as {@link DecodedFrame} has it: row order, little endian, colour by pixel
 * @throws {FormatError} `codec_unsupported` for a shape that the syntax cannot hold, `codec_failed` where the library refuses
 */
export type EncodeFrame = (frame: Uint8Array, shape: FrameShape) => EncodedFrame

export interface Encoders {
  /** @throws {FormatError} `codec_unsupported`; and what the port for WASM files throws */
  load(transferSyntaxUid: string): Promise<EncodeFrame>
}

interface FrameInfo {
  readonly width: number
  readonly height: number
  readonly bitsPerSample: number
  readonly componentCount: number
  readonly isSigned: boolean
  /** Of OpenJPH: RGB to YBR_RCT. */
  readonly isUsingColorTransform: boolean
}

interface Encoder extends WasmObject {
  getDecodedBuffer(info: FrameInfo): Uint8Array
  encode(): void
  getEncodedBuffer(): Uint8Array
}
interface JpegLsEncoder extends Encoder {
  setNearLossless(near: number): void
  /** 0 by plane, 1 by line, 2 by pixel. */
  setInterleaveMode(mode: number): void
}
interface Jpeg2000Encoder extends Encoder {
  setDecompositions(levels: number): void
  setQuality(isLossless: boolean, step: number): void
}
interface CharLs {
  readonly JpegLSEncoder: new () => JpegLsEncoder
}
interface OpenJpeg {
  readonly J2KEncoder: new () => Jpeg2000Encoder
}
interface OpenJph {
  readonly HTJ2KEncoder: new () => Jpeg2000Encoder
}

const JPEG = '1.2.840.10008.1.2.4.'
/** Decomposition levels of the wavelet: what all encoders take for a good number. */
const LEVELS = 5

/** Makes a set of encoders that reads WASM files through the port when a syntax first needs them. */
export function createEncoders(loadWasm: LoadWasm): Encoders {
  const loading = new Map<string, Promise<EncodeFrame>>()
  return {
    async load(transferSyntaxUid) {
      const encoding = loading.get(transferSyntaxUid) ?? loadEncoder(transferSyntaxUid, loadWasm)
      loading.set(transferSyntaxUid, encoding)
      // A file that could not be read now may be there later.
      encoding.catch(() => loading.delete(transferSyntaxUid))
      const encode = await encoding
      return (frame, shape) => {
        checkShape(shape)
        if (shape.bitsAllocated === 1) throw unsupported('one-bit samples')
        return encode(frame, shape)
      }
    },
  }
}

async function loadEncoder(transferSyntaxUid: string, loadWasm: LoadWasm): Promise<EncodeFrame> {
  switch (transferSyntaxUid) {
    case '1.2.840.10008.1.2.5':
      return (frame, shape) => plain(encodeRleFrame(frame, shape), shape)
    case `${JPEG}80`: {
      const { default: factory } = await import('@cornerstonejs/codec-charls/wasmjs')
      const host = await WasmHost.load<CharLs>('charls-encode', factory, await loadWasm('charls-encode'))
      return (frame, shape) => plain(encodeJpegLs(host, frame, shape), shape)
    }
    case `${JPEG}90`: {
      const { default: factory } = await import('@cornerstonejs/codec-openjpeg/wasmjs')
      const host = await WasmHost.load<OpenJpeg>('openjpeg-encode', factory, await loadWasm('openjpeg-encode'))
      return (frame, shape) => {
        // As its decoder: formats/codec/jpeg2000.ts.
        if (shape.samplesPerPixel > 1 && shape.bitsAllocated > 8) throw unsupported('colour of more than 8 bits')
        return described(
          host.use(({ J2KEncoder }) => encodeWith(new J2KEncoder(), frame, shape)),
          shape,
        )
      }
    }
    case `${JPEG}201`: {
      const { default: factory } = await import('@cornerstonejs/codec-openjph/wasmjs')
      const host = await WasmHost.load<OpenJph>('openjph', factory, await loadWasm('openjph'))
      return (frame, shape) =>
        described(
          host.use(({ HTJ2KEncoder }) => encodeWith(new HTJ2KEncoder(), frame, shape)),
          shape,
        )
    }
    default:
      throw unsupported(`no encoder for transfer syntax ${transferSyntaxUid}`)
  }
}

const plain = (codestream: Uint8Array, { photometricInterpretation }: FrameShape): EncodedFrame => ({
  codestream,
  photometricInterpretation,
})

function encodeJpegLs(host: WasmHost<CharLs>, frame: Uint8Array, shape: FrameShape): Uint8Array {
  return host.use(({ JpegLSEncoder }) => {
    const encoder = new JpegLSEncoder()
    encoder.getDecodedBuffer({ ...infoOf(shape), isSigned: false }).set(unsigned(frame, shape))
    encoder.setNearLossless(0)
    encoder.setInterleaveMode(shape.samplesPerPixel > 1 ? 2 : 0)
    encoder.encode()
    return finish(encoder)
  })
}

function encodeWith(encoder: Jpeg2000Encoder, frame: Uint8Array, shape: FrameShape): Uint8Array {
  encoder.getDecodedBuffer(infoOf(shape)).set(frame)
  encoder.setQuality(true, 0)
  // An image has no more levels than it can be halved; libraries refuse others, or stumble.
  const halvings = Math.floor(Math.log2(Math.min(shape.rows, shape.columns)))
  encoder.setDecompositions(Math.min(LEVELS, halvings))
  encoder.encode()
  return finish(encoder)
}

function finish(encoder: Encoder): Uint8Array {
  const codestream = new Uint8Array(encoder.getEncodedBuffer())
  encoder.delete()
  return codestream
}

/** JPEG 2000 may come with a colour transform of the library's own choice, which the data set has to name. */
function described(codestream: Uint8Array, shape: FrameShape): EncodedFrame {
  if (!parseJpeg2000(codestream).hasColourTransform) return plain(codestream, shape)
  if (shape.photometricInterpretation !== 'RGB') throw unsupported('a colour transform of what is not RGB')
  return { codestream, photometricInterpretation: 'YBR_RCT' }
}

function infoOf(shape: FrameShape): FrameInfo {
  if (shape.bitsAllocated > 16) throw unsupported(`${shape.bitsAllocated} bits allocated`)
  // What is stored in one byte of two is handed over in one by the libraries' own rule, and would not be here.
  const bitsPerSample = shape.bitsAllocated === 16 ? Math.max(shape.bitsStored, 9) : shape.bitsStored
  return {
    width: shape.columns,
    height: shape.rows,
    bitsPerSample,
    componentCount: shape.samplesPerPixel,
    isSigned: shape.isSigned,
    isUsingColorTransform: false,
  }
}

/** Two's complement in as many bits as are stored: JPEG-LS knows no sign (PS3.5 section 8.2.3). */
function unsigned(frame: Uint8Array, shape: FrameShape): Uint8Array {
  const { isSigned, bitsStored, bitsAllocated } = shape
  if (!isSigned || bitsStored === bitsAllocated) return frame
  const mask = 2 ** infoOf(shape).bitsPerSample - 1
  if (bitsAllocated === 8) return frame.map((sample) => sample & mask)
  const samples = viewSamples16(frame).map((sample) => sample & mask)
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
}
