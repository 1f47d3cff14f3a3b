/**
 * Entry bundle: the entries of one tile, one behind the other.
 *
 * Source: C2SP tlog-tiles, section "Log entries". What an entry says is left to formats/sigstore; that it hashes to what
 * the tile says, to domain/log.
 */
import { FormatError } from '../../errors.ts'
import { TILE_WIDTH } from './tile.ts'

/** Bytes of the longest entry. */
export const ENTRY_LIMIT = 65535
const PREFIX_BYTES = 2

/**
 * Writes 1 to 256 entries, each behind its length as a big-endian 16-bit number.
 * @throws {RangeError} for another number of entries, or one that is too long
 */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  checkWidth(entries.length)
  let length = 0
  for (const entry of entries) {
    if (entry.length > ENTRY_LIMIT) throw new RangeError(`an entry of ${entry.length} bytes`)
    length += PREFIX_BYTES + entry.length
  }
  const bundle = new Uint8Array(length)
  let at = 0
  for (const entry of entries) {
    bundle[at] = entry.length >> 8
    bundle[at + 1] = entry.length & 0xff
    bundle.set(entry, at + PREFIX_BYTES)
    at += PREFIX_BYTES + entry.length
  }
  return bundle
}

/**
 * Reads a bundle; the inverse of {@link encodeBundle}.
 *
 * @param width  entries it must have, 1 to 256
 * @returns views into `bytes`, each 0 to 65,535 bytes
 * @throws {FormatError} `tile_malformed` if it holds fewer, more, or a part of one
 */
export function decodeBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  checkWidth(width)
  const entries: Uint8Array[] = []
  let at = 0
  for (let i = 0; i < width; i++) {
    const start = at + PREFIX_BYTES
    if (start > bytes.length) throw malformed('it holds too few', at)
    const end = start + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
    if (end > bytes.length) throw malformed('its last is cut off', at)
    entries.push(bytes.subarray(start, end))
    at = end
  }
  if (at !== bytes.length) throw malformed('it holds too many', at)
  return entries
}

function checkWidth(width: number): void {
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) throw new RangeError('not a width of a bundle')
}

const malformed = (what: string, offset: number): FormatError =>
  new FormatError('tile_malformed', `not a bundle of so many entries: ${what}`, { offset })
