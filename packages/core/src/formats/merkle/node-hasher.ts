/**
 * Node hasher: digests of leaves and nodes of a Merkle tree, many in one call.
 *
 * Source: RFC 6962 section 2.1, with SHA-256. The plain hasher here digests one after the other with what the runtime
 * hands in; the one of wasm-hasher.ts gives the same results, four at a time.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { HASH_BYTES, hashLeaf, hashNode, type JoinNodes } from './tree.ts'

/** Digests of a Merkle tree in batches. Calls share no state that a caller could see; results are new arrays. */
export interface NodeHasher {
  /**
   * @param pairs  n × 64 bytes: left and right digest of each node, in order
   * @returns n × 32 bytes
   * @throws {RangeError} if `pairs` is not a whole number of nodes
   */
  hashNodes(pairs: Uint8Array): Uint8Array
  /** @returns n × 32 bytes: the leaf hash of each entry, in order */
  hashLeaves(entries: readonly Uint8Array[]): Uint8Array
}

/** Bytes that one node is made of: two digests. */
export const PAIR_BYTES = 2 * HASH_BYTES

/** A hasher that works on any runtime, one digest after the other. */
export function createPlainHasher(hashes: HashFactory): NodeHasher {
  return {
    hashNodes(pairs) {
      const digests = new Uint8Array(countPairs(pairs) * HASH_BYTES)
      for (let i = 0; i < digests.length; i += HASH_BYTES) {
        const [left, right] = [2 * i, 2 * i + HASH_BYTES]
        digests.set(hashNode(hashes, pairs.subarray(left, right), pairs.subarray(right, left + PAIR_BYTES)), i)
      }
      return digests
    },
    hashLeaves(entries) {
      const digests = new Uint8Array(entries.length * HASH_BYTES)
      for (const [i, entry] of entries.entries()) digests.set(hashLeaf(hashes, entry), i * HASH_BYTES)
      return digests
    },
  }
}

/** Number of nodes that an argument of `hashNodes` holds. @throws {RangeError} if it is not a whole one */
export function countPairs(pairs: Uint8Array): number {
  if (pairs.length % PAIR_BYTES !== 0) throw new RangeError(`${pairs.length} bytes are no whole number of nodes`)
  return pairs.length / PAIR_BYTES
}

/** One node at a time, for the few that cannot be done in batches. */
export function joinWith(hasher: NodeHasher): JoinNodes {
  return (left, right) => {
    const pair = new Uint8Array(PAIR_BYTES)
    pair.set(left)
    pair.set(right, HASH_BYTES)
    return hasher.hashNodes(pair)
  }
}

/** Root of the tree without entries: SHA-256 of nothing, 32 bytes, a new array each time. */
export const emptyRoot = (): Uint8Array => Uint8Array.from(SHA256_OF_NOTHING)

const SHA256_OF_NOTHING = [
  0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
  0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]
