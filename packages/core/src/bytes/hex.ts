/** Hexadecimal, lower case, two digits a byte (RFC 4648 section 8, in lower case). */
import { FormatError } from '../errors.ts'

const DIGITS = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))

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
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
    throw new FormatError('hex_malformed', 'not lower-case hexadecimal')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (valueOf(text.charCodeAt(2 * i)) << 4) | valueOf(text.charCodeAt(2 * i + 1))
  }
  return bytes
}

/** Value of one digit, by its character code: `0` to `9` are 48 to 57, `a` to `f` 97 to 102. */
const valueOf = (code: number): number => (code < 58 ? code - 48 : code - 87)
