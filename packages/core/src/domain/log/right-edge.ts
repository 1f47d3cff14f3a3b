/**
 * Right edge: the incomplete subtrees at the end of a Merkle tree, and with them its root.
 *
 * Source: RFC 6962 section 2.1. A tree of n entries is made of one complete subtree for each bit of n, largest first;
 * its root joins them from the right. Where their digests come from is left to the caller.
 */
import { emptyRoot, joinWith, type NodeHasher } from '../../formats/merkle/node-hasher.ts'

export interface RightEdge {
  /** 32 bytes. */
  readonly root: Uint8Array
  /**
   * By height: the digest over the entries behind the last complete node of that height; undefined where there are
   * none. In a proof it stands for the node that will be there once it is complete.
   */
  readonly rests: readonly (Uint8Array | undefined)[]
}

/**
 * Joins the complete subtrees of a tree. Cost: a digest for each of them but one.
 *
 * @param size  entries of the tree
 * @param peakAt  digest of the complete subtree of a height, asked for once for each bit of the size, lowest first
 */
export function foldEdge(hasher: NodeHasher, size: bigint, peakAt: (height: number) => Uint8Array): RightEdge {
  const join = joinWith(hasher)
  const rests: (Uint8Array | undefined)[] = []
  let rest: Uint8Array | undefined
  for (let count = size; count > 0n; count >>= 1n) {
    const height = rests.length
    rests.push(rest)
    if ((count & 1n) === 1n) rest = rest === undefined ? peakAt(height) : join(peakAt(height), rest)
  }
  return { root: rest ?? emptyRoot(), rests }
}

/** Heights of the complete subtrees that make up a tree, lowest first: the bits of its size. */
export function peakHeights(size: bigint): readonly number[] {
  const heights: number[] = []
  for (let height = 0; size >> BigInt(height) > 0n; height++) {
    if (((size >> BigInt(height)) & 1n) === 1n) heights.push(height)
  }
  return heights
}

/** Levels between the leaves and the root of a tree that is not empty. */
export const depthOf = (size: bigint): number => (size <= 1n ? 0 : (size - 1n).toString(2).length)
