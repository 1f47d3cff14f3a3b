/** Hexadecimal, lower case, two digits a byte (RFC 4648 section 8, in lower case). */
import { FormatError } from '../errors.ts'

const DIGITS = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))

/** By code unit. */
const VALUES = new Int8Array(128).fill(-1)
for (const [value, digit] of [...'0123456789abcdef'].entries()) VALUES[digit.charCodeAt(0)] = value

/** Writes bytes as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += DIGITS[byte]
  return text
}

/**
 * Reads what {@link encodeHex} writes.
 * @throws {FormatError} `hex_malformed` for an odd length, upper case or any other character
 */
export function decodeHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw malformed()
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const byte = (valueAt(text, 2 * i) << 4) | valueAt(text, 2 * i + 1)
    if (byte < 0) throw malformed()
    bytes[i] = byte
  }
  return bytes
}

/** Value of a digit, -1 for any other character. */
const valueAt = (text: string, at: number): number => VALUES[text.charCodeAt(at)] ?? -1

const malformed = (): FormatError => new FormatError('hex_malformed', 'not lower-case hexadecimal')
