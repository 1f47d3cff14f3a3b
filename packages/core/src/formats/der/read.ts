/**
 * DER, reading: the one spelling of ASN.1 values that certificates, revocation lists and timestamps use.
 *
 * Source: ITU-T X.690 (02/2021), sections 8, 10 and 11. Lengths are definite and minimal, tag numbers below 31.
 * Nothing is copied: an element is a range of the input. Which elements make a certificate is left to formats/x509.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { decodeLatin1, decodeUtf8 } from '../../bytes/text.ts'
import { type FormatCode, FormatError } from '../../errors.ts'
import { TAG } from './tag.ts'

/** Deeper nesting than any certificate or token has; bounds the recursion of whoever walks the elements. */
const DEPTH_LIMIT = 32
/** Bytes of one input; a revocation list of 300,000 entries fits. */
const SIZE_LIMIT = 16 * 1024 * 1024
const OID_LIMIT = 64

/** One element, as a range of the input. Offsets count from the first byte of the input. */
export interface DerElement {
  /** Identifier octet: class, constructed bit and number. */
  readonly tag: number
  readonly input: Uint8Array
  /** Of the identifier octet. */
  readonly start: number
  /** Of the first content byte. */
  readonly contentStart: number
  readonly end: number
  /** 0 for the outermost element. */
  readonly depth: number
}

/**
 * Reads the one element that fills the input; its children are read when they are asked for.
 *
 * @param sizeLimit  in bytes
 * @throws {FormatError} `der_malformed`, as does every function of this file
 */
export function readDer(input: Uint8Array, sizeLimit = SIZE_LIMIT): DerElement {
  if (input.length > sizeLimit) throw malformed(`${input.length} bytes are over the limit of ${sizeLimit}`, sizeLimit)
  const element = readElement(input, 0, input.length, 0)
  if (element.end !== input.length) throw malformed('bytes after the element', element.end)
  return element
}

/**
 * Cuts off the one zero byte that pads a value of odd length, as DICOM does with what it stores in OB.
 *
 * @returns the input unless its one element ends one byte before it, at a zero byte
 * @throws {FormatError} for what does not begin with an element
 */
export function withoutPadding(input: Uint8Array): Uint8Array {
  const { end } = readElement(input, 0, input.length, 0)
  return end === input.length - 1 && input[end] === 0 ? input.subarray(0, end) : input
}

/** The elements inside a constructed one. */
export function readChildren(parent: DerElement): DerElement[] {
  const children: DerElement[] = []
  for (let at = contentStartOf(parent); at < parent.end; ) {
    const child = readElement(parent.input, at, parent.end, parent.depth + 1)
    children.push(child)
    at = child.end
  }
  return children
}

/** Takes the elements inside a constructed one in order, as a SEQUENCE with optional parts is read. */
export class DerFields {
  readonly #parent: DerElement
  #at: number

  /** @param tag  that the element must have */
  constructor(parent: DerElement, tag: number = TAG.sequence) {
    expectTag(parent, tag)
    this.#parent = parent
    this.#at = contentStartOf(parent)
  }

  get hasMore(): boolean {
    return this.#at < this.#parent.end
  }

  /** The next element, of any tag or of the one given. */
  take(tag?: number): DerElement {
    const { input, end, depth } = this.#parent
    const element = readElement(input, this.#at, end, depth + 1)
    if (tag !== undefined) expectTag(element, tag)
    this.#at = element.end
    return element
  }

  /** The next element if it has this tag. */
  takeIf(tag: number): DerElement | undefined {
    return this.#parent.input[this.#at] === tag && this.hasMore ? this.take() : undefined
  }

  /** To be called after the last field: anything left is an error. */
  finish(): void {
    if (this.hasMore) throw malformed('more fields than known', this.#at)
  }
}

export function expectTag(element: DerElement, tag: number): DerElement {
  if (element.tag === tag) return element
  throw malformed(
    `tag ${encodeHex(Uint8Array.of(element.tag))} instead of ${encodeHex(Uint8Array.of(tag))}`,
    element.start,
  )
}

function expectType(element: DerElement, ...types: readonly number[]): DerElement {
  if (!types.includes(element.tag)) throw malformed('value of another type', element.start)
  return element
}

/** An element under an IMPLICIT tag, as the type for which the tag stands. */
export const readImplicit = (element: DerElement, type: number): DerElement => ({ ...element, tag: type })

/** The element with tag and length. */
export const encodingOf = ({ input, start, end }: DerElement): Uint8Array => input.subarray(start, end)

/** What lies inside tag and length. */
export const contentOf = ({ input, contentStart, end }: DerElement): Uint8Array => input.subarray(contentStart, end)

/** INTEGER, or ENUMERATED, of any size and sign. */
export function readInteger(element: DerElement): bigint {
  const content = integerContent(element)
  return BigInt.asIntN(content.length * 8, BigInt(`0x${encodeHex(content)}`))
}

/** INTEGER from 0 to 2^31 - 1. */
export function readSmallInteger(element: DerElement): number {
  const content = integerContent(element)
  if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw malformed('number out of range', element.start)
  return content.reduce((value, byte) => value * 256 + byte, 0)
}

/** The content of an INTEGER, checked: two's complement in the fewest bytes. */
export function integerContent(element: DerElement): Uint8Array {
  const content = contentOf(expectType(element, TAG.integer, TAG.enumerated))
  const [first, second = 0] = content
  if (first === undefined) throw malformed('number of no bytes', element.start)
  const isLong = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
  if (isLong) throw malformed('number with needless leading bytes', element.start)
  return content
}

export function readBoolean(element: DerElement): boolean {
  const [value, more] = contentOf(expectType(element, TAG.boolean))
  if (more !== undefined || (value !== 0 && value !== 0xff)) throw malformed('not a boolean', element.start)
  return value === 0xff
}

/** OBJECT IDENTIFIER as dotted numbers, of any size, as the UUID arcs below 2.25 have them. */
export function readOid(element: DerElement): string {
  const content = contentOf(expectType(element, TAG.oid))
  if (content.length === 0 || content.length > OID_LIMIT || (content.at(-1) ?? 0) >= 0x80) {
    throw malformed('not an object identifier', element.start)
  }
  let text = ''
  let value = 0
  let wide: bigint | undefined
  let isStart = true
  for (const byte of content) {
    if (isStart && byte === 0x80) throw malformed('object identifier with a padded number', element.start)
    isStart = byte < 0x80
    if (wide === undefined && value >= 2 ** 45) wide = BigInt(value)
    if (wide === undefined) value = value * 128 + (byte & 0x7f)
    else wide = wide * 128n + BigInt(byte & 0x7f)
    if (!isStart) continue
    if (text === '') text = firstArcs(value, wide)
    else text += `.${wide ?? value}`
    value = 0
    wide = undefined
  }
  return text
}

/** BIT STRING. */
export function readBits(element: DerElement): { readonly bytes: Uint8Array; readonly unusedBits: number } {
  const [unusedBits = 8, ...rest] = contentOf(expectType(element, TAG.bitString)).subarray(0, 2)
  const bytes = contentOf(element).subarray(1)
  const padding = (bytes.at(-1) ?? 0) & ((1 << unusedBits) - 1)
  if (unusedBits > 7 || (unusedBits > 0 && rest.length === 0) || padding !== 0)
    throw malformed('not a bit string', element.start)
  return { bytes, unusedBits }
}

/** BIT STRING of whole bytes, such as a key or a signature. */
export function readBitBytes(element: DerElement): Uint8Array {
  const { bytes, unusedBits } = readBits(element)
  if (unusedBits !== 0) throw malformed('bit string not of whole bytes', element.start)
  return bytes
}

/** Positions of the ones in a BIT STRING with named bits (X.690 section 11.2.2: no trailing zeros). */
export function readNamedBits(element: DerElement): readonly number[] {
  const { bytes, unusedBits } = readBits(element)
  const last = bytes.at(-1)
  if (last !== undefined && ((last >> unusedBits) & 1) === 0)
    throw malformed('named bits with trailing zeros', element.start)
  const positions: number[] = []
  bytes.forEach((byte, index) => {
    for (let bit = 0; bit < 8; bit++) if (byte & (0x80 >> bit)) positions.push(index * 8 + bit)
  })
  return positions
}

/** Text of the character string types that names use. */
export function readText(element: DerElement): string {
  const content = contentOf(element)
  switch (element.tag) {
    case TAG.utf8String:
      return decodeStrict(content, element)
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.numericString:
    case TAG.visibleString:
      if (content.some((byte) => byte >= 0x80)) throw malformed('character outside ASCII', element.start)
      return decodeLatin1(content)
    case TAG.teletexString:
      return decodeLatin1(content)
    case TAG.bmpString:
      return decodeBmp(content, element)
    default:
      throw malformed('not a character string', element.start)
  }
}

/** UTCTime (years 1950 to 2049) or GeneralizedTime in UTC, down to milliseconds; finer fractions are cut. */
export function readTime(element: DerElement): Date {
  const isShort = element.tag === TAG.utcTime
  if (!isShort && element.tag !== TAG.generalizedTime) throw malformed('not a time', element.start)
  const text = decodeLatin1(contentOf(element))
  const parts = /^(\d{2})?(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\.\d*[1-9])?Z$/.exec(text)
  const [, century, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = ''] = parts ?? []
  if (!parts || isShort !== (century === undefined) || (isShort && fraction !== ''))
    throw malformed('not a time', element.start)
  const whole = `${century ?? (Number(year) < 50 ? '20' : '19')}${year}-${month}-${day}T${hour}:${minute}:${second}`
  const iso = `${whole}.${fraction.slice(1, 4).padEnd(3, '0')}Z`
  const time = new Date(iso)
  if (Number.isNaN(time.getTime()) || time.toISOString() !== iso) throw malformed('no such day or time', element.start)
  return time
}

/**
 * Runs a parser and gives whatever is wrong with its DER the code of the format that was claimed.
 * @throws {FormatError} with `code`; offset and cause are kept
 */
export function readAs<T>(code: FormatCode, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof FormatError) || cause.code === code) throw cause
    const place = cause.offset === undefined ? {} : { offset: cause.offset }
    throw new FormatError(code, cause.message, { cause, ...place })
  }
}

/** The error that {@link readAs} turns into that of the format. */
export function malformed(message: string, offset: number): FormatError {
  return new FormatError('der_malformed', `${message}, at byte ${offset}`, { offset })
}

function readElement(input: Uint8Array, start: number, limit: number, depth: number): DerElement {
  if (depth > DEPTH_LIMIT) throw malformed('nesting too deep', start)
  const tag = input[start]
  const first = input[start + 1]
  if (tag === undefined || first === undefined || start + 2 > limit) throw malformed('element cut short', start)
  if ((tag & 0x1f) === 0x1f) throw malformed('tag number of several bytes', start)
  let contentStart = start + 2
  let length = first
  if (first >= 0x80) {
    const count = first - 0x80
    if (count === 0 || count > 4) throw malformed('length is indefinite or too large', start)
    if (contentStart + count > limit) throw malformed('element cut short', start)
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + (input[contentStart++] ?? 0)
    if (length < (count === 1 ? 0x80 : 256 ** (count - 1))) throw malformed('length with needless bytes', start)
  }
  const end = contentStart + length
  if (end > limit) throw malformed('element reaches past its end', start)
  return { tag, input, start, contentStart, end, depth }
}

function contentStartOf(parent: DerElement): number {
  if ((parent.tag & 0x20) === 0) throw malformed('element has no parts', parent.start)
  return parent.contentStart
}

function firstArcs(value: number, wide: bigint | undefined): string {
  if (wide !== undefined) return `2.${wide - 80n}`
  const first = Math.min(Math.floor(value / 40), 2)
  return `${first}.${value - 40 * first}`
}

function decodeStrict(content: Uint8Array, { start }: DerElement): string {
  try {
    return decodeUtf8(content)
  } catch {
    throw malformed('text is not UTF-8', start)
  }
}

function decodeBmp(content: Uint8Array, { start }: DerElement): string {
  if (content.length % 2 !== 0) throw malformed('text of two-byte characters with an odd length', start)
  let text = ''
  for (let i = 0; i < content.length; i += 2)
    text += String.fromCharCode((content[i] ?? 0) * 256 + (content[i + 1] ?? 0))
  return text
}
