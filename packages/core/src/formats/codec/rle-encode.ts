/**
 * RLE encode: the one compressed encoding that needs no library to write.
 *
 * Source: PS3.5 annex G: each byte of a sample makes a segment, the high one first; a segment is packed by the
 * PackBits scheme and padded to even length; a header of 64 bytes tells where the segments begin. Reading is left to
 * rle.ts.
 */
import { joinBytes } from '../../bytes/text.ts'
import type { FrameShape } from './shape.ts'

const HEADER_BYTES = 64
/** Longest run and longest piece without one. */
const PIECE_LIMIT = 128

/**
 * Encodes one frame.
 * @param samples  grey values of 16 bits, row-major
 * @param columns  runs end with their row
 */
export function encodeRle(samples: Uint16Array | Int16Array, columns: number): Uint8Array {
  const bytes = new Uint8Array(2 * samples.length)
  for (const [i, sample] of samples.entries()) {
    bytes[2 * i] = sample & 0xff
    bytes[2 * i + 1] = (sample >> 8) & 0xff
  }
  return encodeRleFrame(bytes, { columns, samplesPerPixel: 1, bitsAllocated: 16 })
}

/**
 * Encodes one frame of any cells of whole bytes: every bit of them comes out again.
 * @param frame  samples in row order, little endian, colour by pixel
 */
export function encodeRleFrame(
  frame: Uint8Array,
  { columns, samplesPerPixel, bitsAllocated }: Pick<FrameShape, 'columns' | 'samplesPerPixel' | 'bitsAllocated'>,
): Uint8Array {
  const size = bitsAllocated / 8
  const stride = size * samplesPerPixel
  const segments: Uint8Array[] = []
  for (let sample = 0; sample < samplesPerPixel; sample++) {
    for (let byte = size - 1; byte >= 0; byte--) {
      const plane = new Uint8Array(frame.length / stride)
      for (let i = 0, at = sample * size + byte; i < plane.length; i++, at += stride) plane[i] = frame[at] as number
      segments.push(packSegment(plane, columns))
    }
  }
  const header = new DataView(new ArrayBuffer(HEADER_BYTES))
  header.setUint32(0, segments.length, true)
  let offset = HEADER_BYTES
  for (const [i, segment] of segments.entries()) {
    header.setUint32(4 + 4 * i, offset, true)
    offset += segment.length
  }
  return joinBytes([new Uint8Array(header.buffer), ...segments])
}

function packSegment(bytes: Uint8Array, columns: number): Uint8Array {
  const rows = Math.ceil(bytes.length / columns)
  // Nothing packed is longer than its bytes and one more for each piece.
  const packed = new Uint8Array(bytes.length + rows * (Math.ceil(columns / PIECE_LIMIT) + 1) + 1)
  let at = 0
  for (let row = 0; row < bytes.length; row += columns) at = packRow(bytes.subarray(row, row + columns), packed, at)
  return packed.slice(0, at + (at % 2))
}

/** @returns where the next row goes */
function packRow(row: Uint8Array, packed: Uint8Array, start: number): number {
  let at = start
  let from = 0
  while (from < row.length) {
    const run = runAt(row, from)
    if (run > 1) {
      packed[at++] = 257 - run
      packed[at++] = row[from] as number
      from += run
      continue
    }
    let end = from + 1
    while (end < row.length && end - from < PIECE_LIMIT && runAt(row, end) < 3) end++
    packed[at++] = end - from - 1
    packed.set(row.subarray(from, end), at)
    at += end - from
    from = end
  }
  return at
}

/** How many bytes from here on are the same. */
function runAt(row: Uint8Array, start: number): number {
  let end = start + 1
  while (end < row.length && end - start < PIECE_LIMIT && row[end] === row[start]) end++
  return end - start
}
