/** Cursor: bounded reading of big-endian fields and of items, as PDUs are made of them (PS3.8 section 9.3). */
import { decodeLatin1 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'

/** An item or sub-item: its type and the bytes behind its length. */
export interface RawItem {
  readonly type: number
  /** The reserved byte behind the type; one kind of sub-item keeps its version there. */
  readonly reserved: number
  readonly body: Cursor
}

/** Walks over bytes; everything that would leave them is `pdu_malformed`. */
export class Cursor {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  uint8(): number {
    return this.take(1)[0] as number
  }

  uint16(): number {
    const [high, low] = this.take(2) as unknown as [number, number]
    return (high << 8) | low
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16()
  }

  /** A view, valid as long as the bytes are. */
  take(length: number): Uint8Array {
    if (length > this.left) throw malformed(`${length} bytes wanted, ${this.left} left`)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** All that is left, as a copy of its own. */
  rest(): Uint8Array {
    return new Uint8Array(this.take(this.left))
  }

  /** Bytes behind a length of two bytes, as a copy of its own. */
  counted(): Uint8Array {
    return new Uint8Array(this.take(this.uint16()))
  }

  /** Text of a given length; see {@link readText}. */
  text(length: number): string {
    return readText(this.take(length))
  }

  item(): RawItem {
    const type = this.uint8()
    const reserved = this.uint8()
    return { type, reserved, body: new Cursor(this.take(this.uint16())) }
  }

  /** @throws {FormatError} `pdu_malformed` where bytes are left over */
  end(): void {
    if (this.left > 0) throw malformed(`${this.left} bytes too many`)
  }
}

const LONGEST_TEXT = 64

/**
 * A UID or title: printable ASCII, up to 64 characters, without the spaces around it. The standard forbids padding of
 * UIDs here (PS3.8 annex F), yet devices send it: trailing NULs are dropped, too.
 */
export function readText(bytes: Uint8Array): string {
  if (bytes.length > 2 * LONGEST_TEXT) throw malformed(`text of ${bytes.length} bytes`)
  const text = decodeLatin1(bytes).replaceAll(/^ +|[ \0]+$/g, '')
  if (!/^[ -~]*$/.test(text)) throw malformed('text holds bytes outside printable ASCII')
  if (text.length > LONGEST_TEXT) throw malformed(`text of ${text.length} characters`)
  return text
}

/** What each refusal of this folder is. */
export const malformed = (what: string): FormatError => new FormatError('pdu_malformed', what)
