/**
 * Multipart: reads the parts of a body as its bytes come, in chunks of any size, and copies none of them.
 *
 * Source: RFC 2046 section 5.1.1 (multipart syntax), RFC 2387 (multipart/related). A delimiter is CRLF, two hyphens and the
 * boundary. Its CR is the only one in it, as a boundary cannot hold one: so no delimiter begins inside another, what was
 * half matched never has to be looked at again, and the search takes time linear in the body whatever boundary a sender
 * picks. What a part holds is left to others.
 */
import { decodeLatin1, encodeLatin1 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { parseMediaType } from './media-type.ts'

/** What a hostile body may cost. */
export interface MultipartLimits {
  /** Bytes of the headers of one part. */
  readonly headerBytes: number
  readonly parts: number
  /** Bytes before the first delimiter, and behind the last one. */
  readonly strayBytes: number
}

export const MULTIPART_LIMITS: MultipartLimits = { headerBytes: 8 * 1024, parts: 100_000, strayBytes: 64 * 1024 }

/** Takes parts. What it throws comes out of {@link MultipartParser.write}, and ends the reading. */
export interface PartHandler {
  /** @param headers  by names in lower case; of at most the limit's length together */
  begin(headers: ReadonlyMap<string, string>): void
  /** The next bytes of the part, at least one: views of a chunk, whose buffer may be used again once this returns. */
  body(bytes: Uint8Array): void
  /** The part is complete. */
  end(): void
}

type State = 'preamble' | 'delimiter' | 'headers' | 'body' | 'epilogue'

const CR = 0x0d
const LF = 0x0a
const HYPHEN = 0x2d
const SPACE = 0x20
const TAB = 0x09
/** RFC 2046 section 5.1.1, the last one no space; that says 70 at most, and Orthanc writes 73. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,199}[0-9A-Za-z'()+_,\-./:=?]$/
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*)$/
const HEADER_STEP = 256
const END_OF_HEADERS = '\r\n\r\n'

/**
 * The boundary that a Content-Type header names.
 * @throws {FormatError} `multipart_malformed` where it is no multipart type, or has no boundary that the standard allows
 */
export function readBoundary(contentType: string): string {
  const { type, parameters } = parseMediaType(contentType)
  const boundary = parameters.get('boundary')
  if (!type.startsWith('multipart/') || boundary === undefined) throw malformed('no multipart type with a boundary')
  if (!BOUNDARY.test(boundary)) throw malformed('a boundary that is not allowed')
  return boundary
}

/** Reads one body. Everything it throws is `multipart_malformed`, save for what its handler throws. */
export class MultipartParser {
  readonly #handler: PartHandler
  readonly #limits: MultipartLimits
  /** CRLF, two hyphens, boundary. */
  readonly #delimiter: Uint8Array
  /** How far the search may go on where the last byte of a window is this one. */
  readonly #shifts: Uint8Array
  #state: State = 'preamble'
  /** Bytes of the delimiter that the end of what came so far matches. */
  #matched = 2
  /** Of those, how many belong to what came before the part: the line end of its headers, or the beginning of the body. */
  #borrowed = 2
  /** Bytes behind a delimiter, up to the end of its line. */
  #tail = ''
  #headers = ''
  #parts = 0
  #stray = 0

  /** @param boundary  as {@link readBoundary} gives it */
  constructor(boundary: string, handler: PartHandler, limits: MultipartLimits = MULTIPART_LIMITS) {
    if (!BOUNDARY.test(boundary)) throw malformed('a boundary that is not allowed')
    this.#handler = handler
    this.#limits = limits
    this.#delimiter = encodeLatin1(`\r\n--${boundary}`)
    this.#shifts = shiftsOf(this.#delimiter)
  }

  /** Takes the next bytes of the body. @throws {FormatError} `multipart_malformed` */
  write(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) at = this.#step(chunk, at)
  }

  /** Says that the body has ended. @throws {FormatError} `multipart_malformed` unless the last delimiter has come */
  end(): void {
    if (this.#state !== 'epilogue') throw malformed('the body ends before its last delimiter')
  }

  /** @returns where to go on */
  #step(chunk: Uint8Array, at: number): number {
    switch (this.#state) {
      case 'preamble':
      case 'body':
        return this.#content(chunk, at)
      case 'delimiter':
        return this.#delimiterTail(chunk, at)
      case 'headers':
        return this.#headerBytes(chunk, at)
      case 'epilogue':
        this.#countStray(chunk.length - at)
        return chunk.length
    }
  }

  #content(chunk: Uint8Array, start: number): number {
    const delimiter = this.#delimiter
    let at = start
    if (this.#matched > 0) {
      while (at < chunk.length && this.#matched < delimiter.length && chunk[at] === delimiter[this.#matched]) {
        this.#matched++
        at++
      }
      if (this.#matched === delimiter.length) return this.#delimited(at)
      if (at === chunk.length) return at
      // What looked like a delimiter was content, and is the same bytes.
      const content = delimiter.subarray(this.#borrowed, this.#matched)
      this.#matched = 0
      this.#borrowed = 0
      this.#give(content)
    }
    const found = this.#find(chunk, at)
    if (found >= 0) {
      this.#give(chunk.subarray(at, found))
      return this.#delimited(found + delimiter.length)
    }
    this.#matched = this.#matchEnd(chunk, at)
    this.#give(chunk.subarray(at, chunk.length - this.#matched))
    return chunk.length
  }

  #give(content: Uint8Array): void {
    if (content.length === 0) return
    if (this.#state === 'body') this.#handler.body(content)
    else this.#countStray(content.length)
  }

  #delimited(at: number): number {
    if (this.#state === 'body') this.#handler.end()
    this.#matched = 0
    this.#borrowed = 0
    this.#tail = ''
    this.#state = 'delimiter'
    return at
  }

  /** Offset of the first delimiter, or -1 (Horspool 1980, with the comparison from the front, see above). */
  #find(chunk: Uint8Array, start: number): number {
    const delimiter = this.#delimiter
    const shifts = this.#shifts
    const last = delimiter.length - 1
    const lastByte = delimiter[last] as number
    for (let end = start + last; end < chunk.length; ) {
      const byte = chunk[end] as number
      if (byte === lastByte) {
        const from = end - last
        let i = 0
        while (i < last && chunk[from + i] === delimiter[i]) i++
        if (i === last) return from
      }
      end += shifts[byte] as number
    }
    return -1
  }

  /** How many bytes of the delimiter the end of a chunk matches. */
  #matchEnd(chunk: Uint8Array, start: number): number {
    const delimiter = this.#delimiter
    const first = Math.max(start, chunk.length - delimiter.length + 1)
    const cr = chunk.subarray(first).lastIndexOf(CR)
    if (cr < 0) return 0
    for (let i = first + cr; i < chunk.length; i++) if (chunk[i] !== delimiter[i - first - cr]) return 0
    return chunk.length - first - cr
  }

  /** Behind a delimiter: padding and CRLF, or two hyphens. */
  #delimiterTail(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] as number
    if (byte === HYPHEN && (this.#tail === '' || this.#tail === '-')) {
      this.#tail += '-'
      if (this.#tail === '--') this.#finish()
      return at + 1
    }
    if ((byte === SPACE || byte === TAB) && (this.#tail === '' || this.#tail === ' ')) {
      this.#countStray(1)
      this.#tail = ' '
      return at + 1
    }
    if (byte === CR && (this.#tail === '' || this.#tail === ' ')) {
      this.#tail = '\r'
      return at + 1
    }
    if (byte !== LF || this.#tail !== '\r') throw malformed('a delimiter is not the whole of its line')
    if (++this.#parts > this.#limits.parts) throw malformed(`more than ${this.#limits.parts} parts`)
    // The end of the delimiter's line is the first half of an empty line: a part may have no headers.
    this.#headers = '\r\n'
    this.#state = 'headers'
    return at + 1
  }

  #finish(): void {
    if (this.#parts === 0) throw malformed('no part')
    this.#state = 'epilogue'
  }

  #headerBytes(chunk: Uint8Array, at: number): number {
    const { headerBytes } = this.#limits
    const before = this.#headers.length
    const room = headerBytes + END_OF_HEADERS.length - before
    // A little at a time: behind the headers stand bytes that need no decoding.
    const taken = chunk.subarray(at, at + Math.min(room, HEADER_STEP))
    this.#headers += decodeLatin1(taken)
    const end = this.#headers.indexOf(END_OF_HEADERS, Math.max(0, before - END_OF_HEADERS.length + 1))
    if (end < 0) {
      if (taken.length === room) throw malformed(`a part with headers of more than ${headerBytes} bytes`)
      return at + taken.length
    }
    this.#handler.begin(parseHeaders(this.#headers.slice(2, end)))
    this.#state = 'body'
    // A part without a body: the end of its last line is that of the delimiter.
    this.#matched = 2
    this.#borrowed = 2
    return at + end + END_OF_HEADERS.length - before
  }

  #countStray(count: number): void {
    this.#stray += count
    if (this.#stray > this.#limits.strayBytes) throw malformed('too much outside the parts')
  }
}

/** Lines of a header, folded ones joined. @throws {FormatError} `multipart_malformed` */
function parseHeaders(text: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  if (text === '') return headers
  for (const line of text.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const [, name = '', value = ''] = HEADER.exec(line) ?? []
    const key = name.toLowerCase()
    if (key === '' || /[\r\n\0]/.test(value)) throw malformed('a header that cannot be read')
    if (headers.has(key)) throw malformed('a header stands twice in a part')
    headers.set(key, value.trimEnd())
  }
  return headers
}

function shiftsOf(delimiter: Uint8Array): Uint8Array {
  const shifts = new Uint8Array(256).fill(delimiter.length)
  for (let i = 0; i < delimiter.length - 1; i++) shifts[delimiter[i] as number] = delimiter.length - 1 - i
  return shifts
}

const malformed = (problem: string): FormatError => new FormatError('multipart_malformed', problem)
