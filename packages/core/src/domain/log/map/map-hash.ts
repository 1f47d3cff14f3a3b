/**
 * Map hash: the digests of a Merkle prefix map over keys of 256 bits, and the bits of a key.
 *
 * The map is a binary tree without nodes of one child. A node stands at the first bit in which the keys below it differ,
 * and its digest takes in that bit and all bits before it: so a root has room for one path only to each key, and what
 * is shown to be there cannot be shown to be missing. Bytes: docs/reference/completeness.md. Each digest starts with a
 * text of its own; none of them is that of an RFC 6962 tree, whose digests start with 0 or 1.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { digestOf } from '../../../bytes/hash.ts'
import { encodeUtf8 } from '../../../bytes/text.ts'

/** Bytes of a key, of a value and of a digest. */
export const DIGEST_BYTES = 32
/** Bits of a key. */
export const KEY_BITS = 256

const EMPTY_TAG = encodeUtf8('fiducial map empty v1\n')
const LEAF_TAG = encodeUtf8('fiducial map leaf v1\n')
const NODE_TAG = encodeUtf8('fiducial map node v1\n')

/** What a node stands for: the two halves of all keys that begin with its prefix. */
export interface MapNode {
  /** The bit in which the halves differ, 0 to 255; the first bit of a key is the highest of its first byte. */
  readonly bit: number
  /** 32 bytes: the bits before `bit`, then zeros. */
  readonly prefix: Uint8Array
  /** Digest of the half whose keys have 0 there, 32 bytes. */
  readonly left: Uint8Array
  /** Digest of the half whose keys have 1 there, 32 bytes. */
  readonly right: Uint8Array
}

/** Root of the map that holds nothing, 32 bytes. */
export const emptyMapRoot = (hashes: HashFactory): Uint8Array => digestOf(hashes, 'sha256', EMPTY_TAG)

/** Digest of one key and its value, 32 bytes each. */
export function hashMapLeaf(hashes: HashFactory, key: Uint8Array, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LEAF_TAG.length + 2 * DIGEST_BYTES)
  bytes.set(LEAF_TAG)
  bytes.set(key, LEAF_TAG.length)
  bytes.set(value, LEAF_TAG.length + DIGEST_BYTES)
  return digestOf(hashes, 'sha256', bytes)
}

/** Digest of a node. Its 118 bytes are two blocks of SHA-256, as those of a node without a prefix would be. */
export function hashMapNode(hashes: HashFactory, { bit, prefix, left, right }: MapNode): Uint8Array {
  const bytes = new Uint8Array(NODE_TAG.length + 1 + 3 * DIGEST_BYTES)
  bytes.set(NODE_TAG)
  bytes[NODE_TAG.length] = bit
  const start = NODE_TAG.length + 1
  bytes.set(prefix, start)
  bytes.set(left, start + DIGEST_BYTES)
  bytes.set(right, start + 2 * DIGEST_BYTES)
  return digestOf(hashes, 'sha256', bytes)
}

/** A bit of a key: 0 or 1. */
export const bitAt = (key: Uint8Array, bit: number): number => ((key[bit >> 3] as number) >> (7 - (bit & 7))) & 1

/** A copy of a key with zeros from a bit on. */
export function prefixOf(key: Uint8Array, bits: number): Uint8Array {
  const prefix = new Uint8Array(DIGEST_BYTES)
  const whole = bits >> 3
  prefix.set(key.subarray(0, whole))
  if ((bits & 7) !== 0) prefix[whole] = (key[whole] as number) & (0xff << (8 - (bits & 7)))
  return prefix
}

/** How many bits two keys have in common from the first on: 0 to 256. */
export function commonBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < DIGEST_BYTES; i++) {
    const difference = (a[i] as number) ^ (b[i] as number)
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24
  }
  return KEY_BITS
}
