/**
 * Window: reads small numbers at growing offsets of a byte source without a call into it for each.
 *
 * Over memory the window is the whole source; over a file it slides in pieces, so that an index of a file of
 * gigabytes touches only the headers.
 */
import type { ByteSource } from '../../bytes/source.ts'

const WINDOW_BYTES = 1 << 16

export class Window {
  readonly source: ByteSource
  #start = 0
  #end = 0
  #view: DataView = new DataView(new ArrayBuffer(0))

  constructor(source: ByteSource) {
    this.source = source
  }

  /** Index of `offset` in the current view, after making sure that `length` bytes are there. The caller checked the range. */
  #at(offset: number, length: number): number {
    if (offset < this.#start || offset + length > this.#end) {
      const { source } = this
      this.#start = source.isInMemory ? 0 : offset
      this.#end = source.isInMemory ? source.length : Math.min(source.length, offset + WINDOW_BYTES)
      const bytes = source.view(this.#start, this.#end)
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    return offset - this.#start
  }

  byte(offset: number): number {
    const index = this.#at(offset, 1)
    return this.#view.getUint8(index)
  }
  uint16(offset: number, isLittleEndian: boolean): number {
    const index = this.#at(offset, 2)
    return this.#view.getUint16(index, isLittleEndian)
  }
  uint32(offset: number, isLittleEndian: boolean): number {
    const index = this.#at(offset, 4)
    return this.#view.getUint32(index, isLittleEndian)
  }
  /** Group and element number as one number; in big endian each half is swapped on its own. */
  tag(offset: number, isLittleEndian: boolean): number {
    return this.uint16(offset, isLittleEndian) * 0x10000 + this.uint16(offset + 2, isLittleEndian)
  }
}
