/**
 * Tile keys: the table that tags are sums with, and the pad that makes each tag one of its place.
 *
 * Source: docs/reference/mark.md, "Tag"; ChaCha20 is RFC 8439. With tables of independent keys, two tiles that differ
 * anywhere have the same tag with probability 2^-31 (Carter and Wegman 1979).
 */
import { chacha20Stream } from '../../../bytes/chacha20.ts'
import { encodeUtf8 } from '../../../bytes/text.ts'

/** The prime 2^31 − 1; tags are sums modulo it. */
export const PRIME = 0x7fff_ffff
const MASK = 0x7fff_ffff
/** Keys for words beyond those of the flags: the threshold and the stream bits. */
const WORDS = 160

export interface KeyTable {
  /** For tiles up to this size; the last ones of a row or column are nearly twice as wide. */
  readonly tileSize: number
  /** {@link tableLength} keys from 0 to p − 1. */
  readonly first: Uint32Array
  readonly second: Uint32Array
}

/** Keys of one table: for the samples of the largest tile, and for its words. */
export function tableLength(tileSize: number): number {
  const samples = (2 * tileSize - 1) ** 2
  return samples + Math.floor(samples / 32) + WORDS
}

/** @param imageKey  32 bytes. Cost: some 8 bytes of key stream for each key, 34 KB for tiles of 32 */
export function makeKeyTable(imageKey: Uint8Array, tileSize: number): KeyTable {
  const length = tableLength(tileSize)
  const nonce = new Uint8Array(12)
  nonce.set(encodeUtf8('fm1 table'))
  const words = littleEndianWords(chacha20Stream(imageKey, nonce, 8 * length))
  const first = new Uint32Array(length)
  const second = new Uint32Array(length)
  for (let i = 0; i < length; i++) {
    first[i] = (words(2 * i) & MASK) % PRIME
    second[i] = (words(2 * i + 1) & MASK) % PRIME
  }
  return { tileSize, first, second }
}

/** A pad of 31 bits for each tile of a plane. @param plane  its number */
export function makePads(imageKey: Uint8Array, plane: number, tiles: number): Uint32Array {
  const nonce = new Uint8Array(12)
  nonce.set(encodeUtf8('fm1 pads'))
  new DataView(nonce.buffer).setUint32(8, plane)
  const words = littleEndianWords(chacha20Stream(imageKey, nonce, 4 * tiles))
  return Uint32Array.from({ length: tiles }, (_, tile) => words(tile) & MASK)
}

function littleEndianWords(bytes: Uint8Array): (index: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return (index) => view.getUint32(4 * index, true)
}
