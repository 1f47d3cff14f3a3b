/** Base64 with padding, standard alphabet, one spelling (RFC 4648 section 4). */
import { FormatError } from '../errors.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PADDING = '='.charCodeAt(0)
const DIGITS = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0))
const NO_DIGIT = 0xff
const VALUES = new Uint8Array(256).fill(NO_DIGIT)
for (const [value, digit] of DIGITS.entries()) VALUES[digit] = value

const latin1 = new TextDecoder('latin1')
const utf8 = new TextEncoder()

/** Writes bytes as padded base64. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  let at = 0
  for (let i = 0; i < bytes.length; i += 3) {
    const [first = 0, second = 0, third = 0] = [bytes[i], bytes[i + 1], bytes[i + 2]]
    text[at++] = DIGITS[first >> 2] as number
    text[at++] = DIGITS[((first & 3) << 4) | (second >> 4)] as number
    text[at++] = i + 1 < bytes.length ? (DIGITS[((second & 15) << 2) | (third >> 6)] as number) : PADDING
    text[at++] = i + 2 < bytes.length ? (DIGITS[third & 63] as number) : PADDING
  }
  return latin1.decode(text)
}

/**
 * Reads exactly what {@link encodeBase64} writes.
 * @throws {FormatError} `base64_malformed` for white space, missing padding, loose final bits, another alphabet
 */
export function decodeBase64(text: string): Uint8Array {
  const digits = utf8.encode(text)
  if (digits.length % 4 !== 0) throw malformed('its length is not a multiple of four')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((digits.length / 4) * 3 - padding)
  // Characters of the padding count as zero digits; bits behind the last byte must be zero, or a value had two spellings.
  const end = digits.length - padding
  let bits = 0
  let at = 0
  for (let i = 0; i < digits.length; i++) {
    const value = i < end ? (VALUES[digits[i] as number] as number) : 0
    if (value === NO_DIGIT) throw malformed('it has a character outside the alphabet')
    bits = (bits << 6) | value
    if (i % 4 !== 3) continue
    for (let shift = 16; shift >= 0; shift -= 8) {
      const byte = (bits >> shift) & 0xff
      if (at < bytes.length) bytes[at++] = byte
      else if (byte !== 0) throw malformed('it has bits behind its last byte')
    }
    bits = 0
  }
  return bytes
}

const malformed = (message: string): FormatError => new FormatError('base64_malformed', `not base64: ${message}`)
