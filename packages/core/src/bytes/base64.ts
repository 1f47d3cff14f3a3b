/** Base64 with padding, standard alphabet, one spelling (RFC 4648 section 4). */
import { FormatError } from '../errors.ts'

/** Writes bytes as padded base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(binary)
}

/**
 * Reads exactly what {@link encodeBase64} writes.
 * @throws {FormatError} `base64_malformed` for white space, missing padding, loose final bits, another alphabet
 */
export function decodeBase64(text: string): Uint8Array {
  let binary: string
  try {
    binary = atob(text)
  } catch (cause) {
    throw new FormatError('base64_malformed', 'not base64', { cause })
  }
  if (btoa(binary) !== text) throw new FormatError('base64_malformed', 'not the canonical spelling of base64')
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}
