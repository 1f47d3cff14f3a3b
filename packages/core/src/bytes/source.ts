/**
 * Byte source: random access to bytes that may be far larger than memory.
 *
 * Parsers read through this port, so that the same code runs over memory, a file, or a browser's Blob in a worker.
 * Synchronous on purpose: a parser that hops over headers would pay more for the promise than for the read.
 */

/** Bytes at known offsets. The content must not change while the source is in use. */
export interface ByteSource {
  /** Total number of bytes. */
  readonly length: number
  /** Whether a view of everything costs nothing. */
  readonly isInMemory: boolean
  /**
   * The bytes [start, end). Zero-copy where the source is memory; the result stays valid.
   * @throws {RangeError} if the range does not lie inside the source
   */
  view(start: number, end: number): Uint8Array
  /**
   * The bytes [start, end) piece by piece, for hashing and copying without holding them all.
   * A piece is valid until the next one is asked for.
   */
  chunks(start: number, end: number): Iterable<Uint8Array>
}

/** A source over bytes in memory: views are subarrays, and chunks are one whole piece. */
export function memorySource(memory: Uint8Array): ByteSource {
  // A plain array, whatever subclass was handed in: a Buffer's `slice` would share what others copy.
  const bytes = new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength)
  const view = (start: number, end: number): Uint8Array => {
    if (start < 0 || end < start || end > bytes.length)
      throw new RangeError(`range ${start}..${end} of ${bytes.length}`)
    return bytes.subarray(start, end)
  }
  return {
    length: bytes.length,
    isInMemory: true,
    view,
    chunks: (start, end) => [view(start, end)].filter((piece) => piece.length > 0),
  }
}
