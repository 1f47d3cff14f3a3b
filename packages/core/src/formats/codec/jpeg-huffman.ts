/**
 * Huffman codes of JPEG: tables, and a reader of bits that uses them.
 *
 * Source: ITU-T T.81 annexes C and F.2.2. Short codes are found by table, longer ones by their canonical order.
 */
import { failed } from './shape.ts'

const LOOKUP_BITS = 9
const LOOKUP_MASK = (1 << LOOKUP_BITS) - 1

/** A canonical code: the symbols of each length in ascending order of their codes. */
export class HuffmanTable {
  /** For each nine bits that begin with a whole code: length × 256 + symbol, else 0. */
  readonly lookup = new Uint16Array(1 << LOOKUP_BITS)
  /** For each length, the first number above its codes. */
  readonly #ends = new Int32Array(17)
  /** For each length, what to add to a code for the index of its symbol. */
  readonly #shifts = new Int32Array(17)
  readonly #symbols: Uint8Array

  /**
   * @param counts   16 numbers: how many codes there are of 1 to 16 bits
   * @param symbols  as many as the counts say together
   * @throws {FormatError} `codec_failed` if there are more codes than their lengths allow
   */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    this.#symbols = symbols.slice()
    let code = 0
    let index = 0
    for (let length = 1; length <= 16; length++) {
      const count = counts[length - 1] as number
      this.#shifts[length] = index - code
      for (let i = 0; i < count && length <= LOOKUP_BITS; i++)
        this.#fillLookup(code + i, length, symbols[index + i] as number)
      code += count
      index += count
      if (code > 1 << length) throw failed('a Huffman table has too many codes')
      this.#ends[length] = code
      code <<= 1
    }
  }

  /**
   * The symbol for a code longer than the lookup reaches, as length × 256 + symbol.
   * @param bits  the next 16 bits
   * @throws {FormatError} `codec_failed` for bits that begin no code
   */
  search(bits: number): number {
    for (let length = LOOKUP_BITS + 1; length <= 16; length++) {
      const code = bits >> (16 - length)
      if (code < (this.#ends[length] as number)) {
        return (length << 8) | (this.#symbols[code + (this.#shifts[length] as number)] as number)
      }
    }
    throw failed('bits that are no Huffman code')
  }

  #fillLookup(code: number, length: number, symbol: number): void {
    const first = code << (LOOKUP_BITS - length)
    this.lookup.fill((length << 8) | symbol, first, first + (1 << (LOOKUP_BITS - length)))
  }
}

/** Reads the bits of one stretch of entropy-coded data, most significant first. */
export class BitReader {
  readonly #bytes: Uint8Array
  #at = 0
  /** The next bits stand in the lowest `#count` bits. */
  #buffer = 0
  #count = 0
  #missing = 0

  /** @param bytes  data between markers, with a zero byte stuffed after each FF */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The next symbol. */
  symbol(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill()
    let entry = table.lookup[(this.#buffer >>> (this.#count - LOOKUP_BITS)) & LOOKUP_MASK] as number
    if (entry === 0) entry = table.search((this.#buffer >>> (this.#count - 16)) & 0xffff)
    this.#count -= entry >> 8
    return entry & 0xff
  }

  /** The next `length` bits, 0 to 16, as an unsigned number. */
  bits(length: number): number {
    if (this.#count < length) this.#fill()
    this.#count -= length
    return (this.#buffer >>> this.#count) & ((1 << length) - 1)
  }

  /** The next `length` bits, 1 to 16, as JPEG writes differences and coefficients: T.81 table F.1. */
  signed(length: number): number {
    const value = this.bits(length)
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value
  }

  /**
   * To be called now and then, and at the end: past the data the reader gives zeros.
   * @throws {FormatError} `codec_failed` if bits were read that are not there
   */
  check(): void {
    if (this.#missing > this.#count) throw failed('the entropy-coded data end early')
  }

  #fill(): void {
    while (this.#count <= 24) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) this.#missing += 8
      else this.#at += byte === 0xff ? 2 : 1
      this.#buffer = (this.#buffer << 8) | (byte ?? 0)
      this.#count += 8
    }
  }
}
