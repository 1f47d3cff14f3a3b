/**
 * Codec: decodes the frames of encapsulated pixel data, by transfer syntax.
 *
 * Source: PS3.5 annex A.4; names of PS3.6 table A-1. Here a syntax finds its decoder and the decoder its WASM file;
 * which fragments make a frame is decided elsewhere.
 */
import { decodeDeflated } from './deflated.ts'
import { decodeLosslessJpeg, decodeLossyJpeg } from './jpeg.ts'
import { type CharLs, decodeJpegLs } from './jpeg-ls.ts'
import { decodeHtj2k, decodeJpeg2000, type OpenJpeg, type OpenJph } from './jpeg2000.ts'
import { decodeRle } from './rle.ts'
import { checkShape, type DecodedFrame, type FrameShape, unsupported } from './shape.ts'
import { type LoadWasm, WasmHost } from './wasm.ts'

export type { DecodedFrame, FrameShape } from './shape.ts'
export { frameLength } from './shape.ts'
export type { LoadWasm, WasmName } from './wasm.ts'

/** A decoder for one family of transfer syntaxes, ready to run. */
export interface Codec {
  /**
   * Decodes one frame.
   *
   * @param codestream  the frame's fragments, joined
   * @throws {FormatError} `codec_failed` if the codestream is damaged or not of the shape, `codec_unsupported` for a
   *                       kind of it that is not decoded, `dicom_limit_exceeded` for a frame over 2 GiB
   */
  decode(codestream: Uint8Array, shape: FrameShape): DecodedFrame
}

/** Decoders by transfer syntax, each loaded once. */
export interface Codecs {
  /** @throws {FormatError} `codec_unsupported`; and what the port for WASM files throws */
  load(transferSyntaxUid: string): Promise<Codec>
}

/** @param isPromised  the transfer syntax promises lossless codestreams */
type DecodeFrame = (codestream: Uint8Array, shape: FrameShape, isPromised: boolean) => DecodedFrame
type Family = 'rle' | 'deflated' | 'jpeg' | 'jpeg-lossless' | 'jpeg-ls' | 'jpeg-2000' | 'htj2k'

interface Syntax {
  readonly family: Family
  /** The standard allows nothing but lossless codestreams under it. */
  readonly isLossless: boolean
}

const JPEG = '1.2.840.10008.1.2.4.'
const SYNTAXES: ReadonlyMap<string, Syntax> = new Map<string, Syntax>([
  ['1.2.840.10008.1.2.5', { family: 'rle', isLossless: true }],
  ['1.2.840.10008.1.2.8.1', { family: 'deflated', isLossless: true }],
  [`${JPEG}50`, { family: 'jpeg', isLossless: false }],
  [`${JPEG}51`, { family: 'jpeg', isLossless: false }],
  [`${JPEG}53`, { family: 'jpeg', isLossless: false }],
  [`${JPEG}55`, { family: 'jpeg', isLossless: false }],
  [`${JPEG}57`, { family: 'jpeg-lossless', isLossless: true }],
  [`${JPEG}70`, { family: 'jpeg-lossless', isLossless: true }],
  [`${JPEG}80`, { family: 'jpeg-ls', isLossless: true }],
  [`${JPEG}81`, { family: 'jpeg-ls', isLossless: false }],
  [`${JPEG}90`, { family: 'jpeg-2000', isLossless: true }],
  [`${JPEG}91`, { family: 'jpeg-2000', isLossless: false }],
  [`${JPEG}201`, { family: 'htj2k', isLossless: true }],
  [`${JPEG}202`, { family: 'htj2k', isLossless: true }],
  [`${JPEG}203`, { family: 'htj2k', isLossless: false }],
])

/** Whether {@link Codecs.load} has a decoder for an encapsulated syntax. */
export const isSupportedSyntax = (transferSyntaxUid: string): boolean => SYNTAXES.has(transferSyntaxUid)

/**
 * Whether an encapsulated syntax promises that decoding gives the native bytes back. What a codestream itself tells,
 * {@link DecodedFrame.isLossless}, may be less.
 */
export const isLosslessSyntax = (transferSyntaxUid: string): boolean =>
  SYNTAXES.get(transferSyntaxUid)?.isLossless ?? false

/** Makes a set of decoders that reads WASM files through the port when a syntax first needs them. */
export function createCodecs(loadWasm: LoadWasm): Codecs {
  const loading = new Map<Family, Promise<DecodeFrame>>()
  return {
    async load(transferSyntaxUid) {
      const syntax = SYNTAXES.get(transferSyntaxUid)
      if (syntax === undefined) throw unsupported(`no decoder for transfer syntax ${transferSyntaxUid}`)
      const { family, isLossless } = syntax
      const decoding = loading.get(family) ?? loadFamily(family, loadWasm)
      loading.set(family, decoding)
      // A file that could not be read now may be there later.
      decoding.catch(() => loading.delete(family))
      const decodeFrame = await decoding
      return {
        decode(codestream, shape) {
          checkShape(shape)
          return decodeFrame(codestream, shape, isLossless)
        },
      }
    },
  }
}

async function loadFamily(family: Family, loadWasm: LoadWasm): Promise<DecodeFrame> {
  switch (family) {
    case 'rle':
      return decodeRle
    case 'deflated':
      return decodeDeflated
    case 'jpeg':
      return decodeLossyJpeg
    case 'jpeg-lossless':
      return decodeLosslessJpeg
    case 'jpeg-ls': {
      const { default: factory } = await import('@cornerstonejs/codec-charls/decodewasmjs')
      const host = await WasmHost.load<CharLs>('charls', factory, await loadWasm('charls'))
      return (codestream, shape) => decodeJpegLs(host, codestream, shape)
    }
    case 'jpeg-2000': {
      const { default: factory } = await import('@cornerstonejs/codec-openjpeg/decodewasmjs')
      const host = await WasmHost.load<OpenJpeg>('openjpeg', factory, await loadWasm('openjpeg'))
      return (codestream, shape, isPromised) => decodeJpeg2000(host, codestream, shape, isPromised)
    }
    case 'htj2k': {
      const { default: factory } = await import('@cornerstonejs/codec-openjph/wasmjs')
      const host = await WasmHost.load<OpenJph>('openjph', factory, await loadWasm('openjph'))
      return (codestream, shape, isPromised) => decodeHtj2k(host, codestream, shape, isPromised)
    }
  }
}
