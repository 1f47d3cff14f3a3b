/**
 * RLE encode: the one compressed encoding that needs no library to write.
 *
 * Source: PS3.5 annex G: each byte of a sample makes a segment, the high one first; a segment is packed by the
 * PackBits scheme and padded to even length; a header of 64 bytes tells where the segments begin. Reading is left to
 * rle.ts.
 */
import { joinBytes } from '../../bytes/text.ts'

const HEADER_BYTES = 64
/** Longest run and longest piece without one. */
const PIECE_LIMIT = 128

/**
 * Encodes one frame.
 * @param samples  grey values of 16 bits, row-major
 * @param columns  runs end with their row
 */
export function encodeRle(samples: Uint16Array | Int16Array, columns: number): Uint8Array {
  const segments = [8, 0].map((shift) =>
    packSegment(
      Uint8Array.from(samples, (sample) => (sample >> shift) & 0xff),
      columns,
    ),
  )
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
  const packed: number[] = []
  for (let row = 0; row < bytes.length; row += columns) packRow(bytes.subarray(row, row + columns), packed)
  if (packed.length % 2 === 1) packed.push(0)
  return Uint8Array.from(packed)
}

function packRow(row: Uint8Array, packed: number[]): void {
  let start = 0
  while (start < row.length) {
    const run = runAt(row, start)
    if (run > 1) {
      packed.push(257 - run, row[start] as number)
      start += run
      continue
    }
    let end = start + 1
    while (end < row.length && end - start < PIECE_LIMIT && runAt(row, end) < 3) end++
    packed.push(end - start - 1, ...row.subarray(start, end))
    start = end
  }
}

/** How many bytes from here on are the same. */
function runAt(row: Uint8Array, start: number): number {
  let end = start + 1
  while (end < row.length && end - start < PIECE_LIMIT && row[end] === row[start]) end++
  return end - start
}
