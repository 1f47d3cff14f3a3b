/**
 * Window: reads small numbers at growing offsets of a byte source without a call into it for each.
 *
 * Over memory the window is the whole source; over a file it slides in pieces, so that an index of a file of
 * gigabytes touches only the headers.
 */
import type { ByteSource } from '../../bytes/source.ts'

/** Where headers stand close together the window grows from the first size to the second. */
const SMALLEST_BYTES = 1 << 8
const LARGEST_BYTES = 1 << 16
const CLOSE_BYTES = 1 << 12

/** Offsets are checked by the caller: what is read must lie inside the source. */
export class Window {
  readonly source: ByteSource
  #start = 0
  #end = 0
  #size = LARGEST_BYTES
  #view: DataView = new DataView(new ArrayBuffer(0))

  constructor(source: ByteSource) {
    this.source = source
  }

  uint16(offset: number, isLittleEndian: boolean): number {
    // The index comes first: finding it may slide the view.
    const index = this.#indexOf(offset, 2)
    return this.#view.getUint16(index, isLittleEndian)
  }
  uint32(offset: number, isLittleEndian: boolean): number {
    const index = this.#indexOf(offset, 4)
    return this.#view.getUint32(index, isLittleEndian)
  }
  /** Group and element number as one number; in big endian each half is swapped on its own. */
  tag(offset: number, isLittleEndian: boolean): number {
    return this.uint16(offset, isLittleEndian) * 0x10000 + this.uint16(offset + 2, isLittleEndian)
  }

  /** Index of `offset` in the view, after making sure that `length` bytes are there. */
  #indexOf(offset: number, length: number): number {
    if (offset < this.#start || offset + length > this.#end) this.#slide(offset)
    return offset - this.#start
  }

  #slide(offset: number): void {
    const { source } = this
    const isNear = offset >= this.#start && offset - this.#end < CLOSE_BYTES
    this.#size = isNear ? Math.min(4 * this.#size, LARGEST_BYTES) : SMALLEST_BYTES
    this.#start = source.isInMemory ? 0 : offset
    this.#end = source.isInMemory ? source.length : Math.min(source.length, offset + this.#size)
    const bytes = source.view(this.#start, this.#end)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}
