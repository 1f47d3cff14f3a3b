/**
 * Deflated Image Frame Compression: each frame is one raw deflate stream of the native frame.
 *
 * Source: PS3.5 sections 8.2.16 and A.4.13; RFC 1951. Inflating is left to pako.
 */
import { Inflate } from 'pako'
import { checkPadding } from './padding.ts'
import { type DecodedFrame, type FrameShape, failed, frameLength } from './shape.ts'

/**
 * Inflates one frame; nothing beyond the frame's own length is kept.
 * @throws {FormatError} `codec_failed` for a damaged stream or one of another length
 */
export function decodeDeflated(codestream: Uint8Array, shape: FrameShape): DecodedFrame {
  const length = frameLength(shape)
  // Deflate gives at most 258 bytes for two bits: a small codestream cannot make us allocate a large frame.
  if (length > codestream.length * 1032) throw failed('the codestream is too short for the frame')
  const bytes = new Uint8Array(length)
  const inflate = new Inflate({ raw: true })
  let filled = 0
  inflate.onData = (piece: Uint8Array): void => {
    // Encoders pad the frame to even length before they deflate it.
    if (filled + piece.length > length + (length & 1)) throw failed(`the frame inflates to more than ${length} bytes`)
    bytes.set(filled + piece.length > length ? piece.subarray(0, length - filled) : piece, filled)
    filled += piece.length
  }
  // The last bytes one by one: then we see where the stream ends, and no other data can hide behind it.
  const tail = Math.max(0, codestream.length - 8)
  inflate.push(codestream.subarray(0, tail), false)
  let at = tail
  for (; at < codestream.length && !inflate.ended && inflate.err === 0; at++)
    inflate.push(codestream.subarray(at, at + 1), false)
  if (inflate.err !== 0) throw failed('the deflated frame is damaged')
  if (!inflate.ended || filled < length) throw failed('the deflated frame ends early')
  if (at === tail) throw failed('data behind the end of the deflated frame')
  checkPadding(codestream, at)
  return {
    bytes: toPixels(bytes, shape),
    samplesPerPixel: shape.samplesPerPixel,
    bitsAllocated: shape.bitsAllocated,
    planarConfiguration: 0,
    photometricInterpretation: shape.photometricInterpretation,
    isLossless: true,
  }
}

/** What was deflated is the native frame, so colour may lie by plane. */
function toPixels(bytes: Uint8Array, shape: FrameShape): Uint8Array {
  if (shape.samplesPerPixel === 1 || shape.planarConfiguration !== 1) return bytes
  const size = shape.bitsAllocated / 8
  const pixels = new Uint8Array(bytes.length)
  const plane = bytes.length / shape.samplesPerPixel
  for (let component = 0, from = 0; component < shape.samplesPerPixel; component++) {
    for (let at = 0; at < plane; at++, from++) {
      const pixel = Math.floor(at / size)
      pixels[(pixel * shape.samplesPerPixel + component) * size + (at % size)] = bytes[from] as number
    }
  }
  return pixels
}
