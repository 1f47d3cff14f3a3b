/**
 * Merkle tree: one digest that commits to a list, and short proofs that an entry stands in it.
 *
 * Source: RFC 6962 section 2.1 (tree hash, audit path), RFC 9162 section 2.1.3.2 (checking a path); SHA-256.
 * What an entry is, is left to the caller.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { digestOf } from '../../bytes/hash.ts'
import { equalBytes } from '../../bytes/text.ts'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** Length of every digest in a tree. */
export const HASH_BYTES = 32

/** Nodes of a path; a tree of 2^63 entries has no more. */
export const PROOF_LIMIT = 63

/** A list that is complete, with all its digests: 64 bytes an entry. */
export class MerkleTree {
  readonly size: bigint
  /** 32 bytes; for an empty list the digest of nothing. */
  readonly root: Uint8Array
  /** From the leaves up; a node without a right neighbour stands in the level above as it is. */
  readonly #levels: readonly (readonly Uint8Array[])[]

  constructor(hashes: HashFactory, entries: Iterable<Uint8Array>) {
    let level: readonly Uint8Array[] = Array.from(entries, (entry) => hashLeaf(hashes, entry))
    const levels = [level]
    while (level.length > 1) {
      level = joinPairs(hashes, level)
      levels.push(level)
    }
    this.size = BigInt(levels[0]?.length ?? 0)
    this.root = level[0] ?? digestOf(hashes, 'sha256')
    this.#levels = levels
  }

  /**
   * The path that proves an entry: digests from its neighbour up to the child of the root.
   * @throws {RangeError} if there is no such entry
   */
  prove(index: bigint): readonly Uint8Array[] {
    if (index < 0n || index >= this.size) throw new RangeError(`entry ${index} of ${this.size}`)
    const path: Uint8Array[] = []
    let place = Number(index)
    for (const level of this.#levels.slice(0, -1)) {
      const neighbour = level[place ^ 1]
      if (neighbour !== undefined) path.push(neighbour)
      place >>>= 1
    }
    return path
  }
}

/** Root of a list that is read once and not kept: one digest a level. */
export function hashTree(hashes: HashFactory, entries: Iterable<Uint8Array>): Uint8Array {
  // Roots of the complete subtrees so far, largest first, as the bits of the count tell.
  const roots: { readonly height: number; readonly hash: Uint8Array }[] = []
  for (const entry of entries) {
    let root = { height: 0, hash: hashLeaf(hashes, entry) }
    for (let left = roots.at(-1); left?.height === root.height; left = roots.at(-1)) {
      roots.pop()
      root = { height: root.height + 1, hash: hashNode(hashes, left.hash, root.hash) }
    }
    roots.push(root)
  }
  const last = roots.pop()
  if (last === undefined) return digestOf(hashes, 'sha256')
  return roots.reduceRight((right, left) => hashNode(hashes, left.hash, right), last.hash)
}

/** The claim that an entry stands at a place of a list. */
export interface Inclusion {
  readonly entry: Uint8Array
  readonly index: bigint
  readonly size: bigint
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/** The same claim about an entry of which only the leaf hash is known. */
export interface HashInclusion extends Omit<Inclusion, 'entry'> {
  /** 32 bytes. */
  readonly leafHash: Uint8Array
}

/** Whether a path proves the claim. False, never an exception, for anything malformed. */
export function verifyInclusion(hashes: HashFactory, { entry, ...claim }: Inclusion): boolean {
  return verifyInclusionOfHash(hashes, { ...claim, leafHash: hashLeaf(hashes, entry) })
}

/**
 * As {@link verifyInclusion}, for a leaf hash. Where it comes from is the caller's business: whoever takes it from the
 * prover has proved nothing about an entry.
 */
export function verifyInclusionOfHash(hashes: HashFactory, { root, ...path }: HashInclusion): boolean {
  const hash = followPath((left, right) => hashNode(hashes, left, right), path)
  return hash !== undefined && equalBytes(hash, root)
}

/** Digest of a node over two of 32 bytes. */
export type JoinNodes = (left: Uint8Array, right: Uint8Array) => Uint8Array

/**
 * The root that a leaf hash and a path lead to; undefined for a path of another length than index and size ask for,
 * and for digests that have not 32 bytes: one longer and one shorter would spell the same node.
 */
export function followPath(
  join: JoinNodes,
  { leafHash, index, size, proof }: Omit<HashInclusion, 'root'>,
): Uint8Array | undefined {
  if (index < 0n || index >= size || proof.length > PROOF_LIMIT) return undefined
  if (leafHash.length !== HASH_BYTES || proof.some(({ length }) => length !== HASH_BYTES)) return undefined
  let hash = leafHash
  let place = index
  let last = size - 1n
  for (const neighbour of proof) {
    if (last === 0n) return undefined
    if ((place & 1n) === 1n || place === last) {
      hash = join(neighbour, hash)
      // A node without a right neighbour moved up unchanged until it became a right child itself.
      while ((place & 1n) === 0n && place !== 0n) {
        place >>= 1n
        last >>= 1n
      }
    } else {
      hash = join(hash, neighbour)
    }
    place >>= 1n
    last >>= 1n
  }
  return last === 0n ? hash : undefined
}

/** Digest of an entry as a leaf, 32 bytes. */
export const hashLeaf = (hashes: HashFactory, entry: Uint8Array): Uint8Array => digestOf(hashes, 'sha256', LEAF, entry)

/** Digest of a node over two digests of 32 bytes. */
export const hashNode = (hashes: HashFactory, left: Uint8Array, right: Uint8Array): Uint8Array =>
  digestOf(hashes, 'sha256', NODE, left, right)

function joinPairs(hashes: HashFactory, level: readonly Uint8Array[]): readonly Uint8Array[] {
  const joined: Uint8Array[] = []
  for (let i = 0; i < level.length; i += 2) {
    const [left, right] = [level[i] as Uint8Array, level[i + 1]]
    joined.push(right === undefined ? left : hashNode(hashes, left, right))
  }
  return joined
}
