/**
 * RLE Lossless: byte planes of a frame, each packed by runs.
 *
 * Source: PS3.5 annex G. The header counts up to 15 segments; segment order is component by component, within a
 * component the most significant byte first.
 */
import { checkPadding } from './padding.ts'
import { type DecodedFrame, type FrameShape, failed, frameLength, unsupported } from './shape.ts'

const HEADER_BYTES = 64
const SEGMENTS_AT_MOST = 15

/**
 * Decodes one frame, which is one fragment.
 *
 * @throws {FormatError} `codec_failed` if a segment ends early, gives more than its plane, or the count does not fit
 */
export function decodeRle(codestream: Uint8Array, shape: FrameShape): DecodedFrame {
  const bytesPerSample = shape.bitsAllocated === 1 ? 1 : shape.bitsAllocated / 8
  const stride = bytesPerSample * shape.samplesPerPixel
  if (stride > SEGMENTS_AT_MOST) throw unsupported(`RLE of ${stride} bytes a pixel`)
  const offsets = readHeader(codestream, stride)

  const length = frameLength(shape)
  const planeLength = length / stride
  // A run of two bytes gives at most 128: a small codestream cannot make us allocate a large frame.
  if (planeLength > codestream.length * 64) throw failed('the codestream is too short for the frame')
  const bytes = new Uint8Array(length)
  for (let segment = 0; segment < stride; segment++) {
    const component = Math.floor(segment / bytesPerSample)
    const byte = bytesPerSample - 1 - (segment % bytesPerSample)
    const plane = { first: component * bytesPerSample + byte, stride, count: planeLength }
    unpack(codestream.subarray(offsets[segment], offsets[segment + 1]), bytes, plane, segment)
  }
  return {
    bytes,
    samplesPerPixel: shape.samplesPerPixel,
    bitsAllocated: shape.bitsAllocated,
    planarConfiguration: 0,
    photometricInterpretation: shape.photometricInterpretation,
    isLossless: true,
  }
}

/** Start of each segment, and the end of the last one. */
function readHeader(codestream: Uint8Array, expected: number): number[] {
  if (codestream.length < HEADER_BYTES) throw failed('the RLE header is incomplete')
  const view = new DataView(codestream.buffer, codestream.byteOffset, HEADER_BYTES)
  const count = view.getUint32(0, true)
  if (count !== expected) throw failed(`the RLE header counts ${count} segments, the pixel has ${expected} bytes`)
  const offsets = Array.from({ length: count }, (_, i) => view.getUint32(4 + 4 * i, true))
  offsets.push(codestream.length)
  for (let i = 0, least = HEADER_BYTES; i < offsets.length; i++) {
    const offset = offsets[i] as number
    if (offset < least || offset > codestream.length) throw failed(`RLE segment ${i + 1} starts at ${offset}`)
    least = offset
  }
  return offsets
}

/** Every `stride`-th byte of a frame from `first` on. */
interface Plane {
  readonly first: number
  readonly stride: number
  readonly count: number
}

function unpack(segment: Uint8Array, bytes: Uint8Array, { first, stride, count }: Plane, index: number): void {
  const end = first + stride * count
  let to = first
  let from = 0
  while (to < end) {
    if (from >= segment.length) throw failed(`RLE segment ${index + 1} ends early`)
    const code = segment[from++] as number
    if (code === 128) continue
    const isRun = code > 128
    const run = isRun ? 257 - code : code + 1
    if (from + (isRun ? 1 : run) > segment.length) throw failed(`RLE segment ${index + 1} ends early`)
    if (to + stride * (run - 1) >= end) throw failed(`RLE segment ${index + 1} gives more than its plane`)
    for (let i = 0; i < run; i++, to += stride) bytes[to] = segment[isRun ? from : from + i] as number
    from += isRun ? 1 : run
  }
  checkPadding(segment, from)
}
