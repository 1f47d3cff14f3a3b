/**
 * Samples: from what a decoder holds to the bytes of a native frame.
 *
 * Source: PS3.5 section 8.1.1 (cells of Bits Allocated, two's complement) and annex D.
 */
import { type FrameShape, failed, frameLength } from './shape.ts'

/** Samples of one frame in row order, colour by pixel, each 0 up to, not including, 2^precision. */
export type Samples = Uint8Array | Uint16Array

/**
 * Writes samples into cells of the shape's bits allocated, little endian.
 *
 * @param precision  bits of a sample in the codestream, at most the bits allocated; a signed sample is its two's
 *                   complement pattern in that many bits
 * @throws {FormatError} `codec_failed` if the samples do not fill the frame
 */
export function packSamples(samples: Samples, precision: number, shape: FrameShape): Uint8Array {
  if (samples.length !== shape.rows * shape.columns * shape.samplesPerPixel) {
    throw failed(`the decoder gave ${samples.length} samples`)
  }
  if (shape.bitsAllocated === 1) return packBits(samples)
  const fill = fillOf(precision, shape)
  if (shape.bitsAllocated === 8) return fill === undefined ? asBytes(samples) : extend8(asBytes(samples), fill)

  const bytes = new Uint8Array(frameLength(shape))
  const size = shape.bitsAllocated / 8
  const sign = fill === undefined ? 0 : 1 << (precision - 1)
  for (let i = 0, at = 0; i < samples.length; i++, at += size) {
    let value = samples[i] as number
    if ((value & sign) !== 0) value |= -1 << precision
    bytes[at] = value
    bytes[at + 1] = value >> 8
    if (size === 4) {
      bytes[at + 2] = value >> 16
      bytes[at + 3] = value >> 24
    }
  }
  return bytes
}

/** Colour by plane to colour by pixel. */
export function interleavePlanes<S extends Samples>(planes: S, samplesPerPixel: number): S {
  const pixels = planes.slice() as S
  const plane = planes.length / samplesPerPixel
  for (let component = 0, from = 0; component < samplesPerPixel; component++) {
    for (let pixel = 0; pixel < plane; pixel++, from++)
      pixels[pixel * samplesPerPixel + component] = planes[from] as number
  }
  return pixels
}

/** Views little-endian bytes of 16-bit samples as numbers, without a copy where the machine's own order allows it. */
export function viewSamples16(bytes: Uint8Array): Uint16Array {
  const isLittleEndianMachine = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
  if (isLittleEndianMachine && bytes.byteOffset % 2 === 0) {
    return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1)
  }
  return Uint16Array.from(
    { length: bytes.length >> 1 },
    (_, i) => (bytes[2 * i] as number) | ((bytes[2 * i + 1] as number) << 8),
  )
}

/** The bits above a negative sample, or undefined where there are none to fill. */
function fillOf(precision: number, shape: FrameShape): number | undefined {
  return shape.isSigned && precision < shape.bitsAllocated ? -1 << precision : undefined
}

function extend8(samples: Uint8Array, fill: number): Uint8Array {
  const sign = (fill >> 1) ^ fill
  return samples.map((value) => ((value & sign) !== 0 ? value | fill : value))
}

function asBytes(samples: Samples): Uint8Array {
  return samples instanceof Uint8Array ? samples : Uint8Array.from(samples)
}

function packBits(samples: Samples): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(samples.length / 8))
  for (let i = 0; i < samples.length; i++) {
    if (samples[i] !== 0) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7))
  }
  return bytes
}
