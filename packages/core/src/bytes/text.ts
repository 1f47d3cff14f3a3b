/** Text and bytes: UTF-8, and Latin-1 for the ASCII fields of binary formats. */

const encoder = new TextEncoder()

export const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text)

/** Strict UTF-8. @throws {TypeError} for bytes that are not UTF-8; parsers catch it and throw their own */
export const decodeUtf8 = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

/** One character a byte, code point = byte value. Never fails. */
export function decodeLatin1(bytes: Uint8Array): string {
  if (bytes.length <= SHORT_BYTES) {
    let text = ''
    for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] as number)
    return text
  }
  let text = ''
  for (let i = 0; i < bytes.length; i += ARGUMENTS) {
    // `apply` takes any array-like; spreading would walk it through an iterator.
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + ARGUMENTS) as unknown as number[])
  }
  return text
}

/** Up to this length a loop is faster than a call with many arguments. */
const SHORT_BYTES = 16
/** As many arguments as every engine takes in one call. */
const ARGUMENTS = 8192

/** The inverse of {@link decodeLatin1}. @throws {RangeError} for a character above U+00FF */
export function encodeLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0xff) throw new RangeError('character outside Latin-1')
    bytes[i] = code
  }
  return bytes
}

/** Joins a few pieces into one array; a list that may be long goes to {@link joinBytes}. */
export const concatBytes = (...pieces: readonly Uint8Array[]): Uint8Array => joinBytes(pieces)

/** Joins the pieces of a list into one array. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const piece of pieces) length += piece.length
  const whole = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}

/** Same length and same bytes. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
