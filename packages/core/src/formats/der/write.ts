/**
 * DER, writing: the inverse of read.ts for the values that our certificates and tokens are made of.
 *
 * Source: ITU-T X.690 (02/2021), sections 8, 10 and 11.
 */
import { decodeHex } from '../../bytes/hex.ts'
import { concatBytes, encodeLatin1, encodeUtf8 } from '../../bytes/text.ts'
import { TAG } from './tag.ts'

/** One element from its content, given in pieces. */
export function writeElement(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const piece of content) length += piece.length
  return concatBytes(Uint8Array.of(tag, ...lengthBytes(length)), ...content)
}

export const writeSequence = (...parts: readonly Uint8Array[]): Uint8Array => writeElement(TAG.sequence, ...parts)

/** SET OF: the parts in ascending order of their bytes (X.690 section 11.6). */
export function writeSet(...parts: readonly Uint8Array[]): Uint8Array {
  return writeElement(TAG.set, ...[...parts].sort(compareBytes))
}

/** INTEGER, also for the content bytes of a positive number such as a serial number. */
export function writeInteger(value: number | bigint | Uint8Array): Uint8Array {
  if (typeof value === 'object') return writePositive(value)
  const number = BigInt(value)
  let size = 1
  while (BigInt.asIntN(size * 8, number) !== number) size++
  const digits = BigInt.asUintN(size * 8, number).toString(16)
  return writeElement(TAG.integer, decodeHex(digits.padStart(size * 2, '0')))
}

export const writeBoolean = (value: boolean): Uint8Array => Uint8Array.of(TAG.boolean, 1, value ? 0xff : 0)
export const writeNull = (): Uint8Array => Uint8Array.of(TAG.null, 0)
export const writeOctets = (bytes: Uint8Array): Uint8Array => writeElement(TAG.octetString, bytes)
/** BIT STRING of whole bytes. */
export const writeBitBytes = (bytes: Uint8Array): Uint8Array => writeElement(TAG.bitString, Uint8Array.of(0), bytes)
export const writeUtf8 = (text: string): Uint8Array => writeElement(TAG.utf8String, encodeUtf8(text))

/** BIT STRING with named bits, from the positions of the ones. */
export function writeNamedBits(positions: readonly number[]): Uint8Array {
  if (positions.length === 0) return writeElement(TAG.bitString, Uint8Array.of(0))
  const last = Math.max(...positions)
  const bytes = new Uint8Array((last >> 3) + 1)
  for (const position of positions) bytes[position >> 3] = (bytes[position >> 3] ?? 0) | (0x80 >> (position & 7))
  return writeElement(TAG.bitString, Uint8Array.of(7 - (last & 7)), bytes)
}

/**
 * OBJECT IDENTIFIER from dotted numbers.
 * @throws {RangeError} if the text is no object identifier
 */
export function writeOid(text: string): Uint8Array {
  if (!/^[0-2](\.(0|[1-9]\d*))+$/.test(text)) throw new RangeError('not an object identifier')
  const [first = 0n, second = 0n, ...rest] = text.split('.').map(BigInt)
  if (first < 2n && second > 39n) throw new RangeError('not an object identifier')
  return writeElement(TAG.oid, Uint8Array.from([first * 40n + second, ...rest].flatMap(base128)))
}

/** Time as RFC 5280 section 4.1.2.5 wants it: UTCTime through 2049, then GeneralizedTime; whole seconds. */
export function writeTime(time: Date): Uint8Array {
  const digits = digitsOf(time).slice(0, 14)
  const isShort = time.getUTCFullYear() >= 1950 && time.getUTCFullYear() < 2050
  if (isShort) return writeElement(TAG.utcTime, encodeLatin1(`${digits.slice(2)}Z`))
  return writeElement(TAG.generalizedTime, encodeLatin1(`${digits}Z`))
}

/** GeneralizedTime with milliseconds where there are any, as timestamps have it. */
export function writeFineTime(time: Date): Uint8Array {
  const digits = digitsOf(time)
  const fraction = digits.slice(14).replace(/0+$/, '')
  return writeElement(TAG.generalizedTime, encodeLatin1(`${digits.slice(0, 14)}${fraction && `.${fraction}`}Z`))
}

/** GeneralizedTime in whole seconds. */
export function writeGeneralizedTime(time: Date): Uint8Array {
  return writeElement(TAG.generalizedTime, encodeLatin1(`${digitsOf(time).slice(0, 14)}Z`))
}

/** Ascending by first differing byte, a prefix before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** YYYYMMDDhhmmss and three digits of milliseconds. */
function digitsOf(time: Date): string {
  const year = time.getUTCFullYear()
  if (Number.isNaN(year) || year < 0 || year > 9999) throw new RangeError('time outside the years 0 to 9999')
  return time.toISOString().replace(/\D/g, '')
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return [0x80 + bytes.length, ...bytes]
}

function writePositive(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const shortest = bytes.subarray(start)
  const sign = (shortest[0] ?? 0x80) >= 0x80 ? Uint8Array.of(0) : new Uint8Array()
  return writeElement(TAG.integer, sign, shortest)
}

function base128(arc: bigint): number[] {
  const bytes = [Number(arc & 0x7fn)]
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) bytes.unshift(Number(rest & 0x7fn) | 0x80)
  return bytes
}
