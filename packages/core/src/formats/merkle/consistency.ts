/**
 * Consistency of two Merkle trees: a short proof that the larger one begins with all that the smaller one holds.
 *
 * Source: RFC 6962 section 2.1.2 (the proof), RFC 9162 section 2.1.4.2 (checking it); C2SP tlog-witness for sizes that
 * are equal or zero, whose proofs are empty. Which of the roots are believed is left to the caller.
 */
import { digestOf, type HashFactory } from '../../bytes/hash.ts'
import { equalBytes } from '../../bytes/text.ts'
import { HASH_BYTES, hashNode, type JoinNodes, PROOF_LIMIT } from './tree.ts'

/** The claim that a tree of `secondSize` entries grew out of one of `firstSize`. */
export interface Consistency {
  readonly firstSize: bigint
  /** 32 bytes. */
  readonly firstRoot: Uint8Array
  /** Not below `firstSize`. */
  readonly secondSize: bigint
  /** 32 bytes. */
  readonly secondRoot: Uint8Array
  /** Digests of 32 bytes; none where the sizes are equal or the first is zero. */
  readonly proof: readonly Uint8Array[]
}

/** Whether a proof shows the claim. False, never an exception, for anything malformed. */
export function verifyConsistency(hashes: HashFactory, claim: Consistency): boolean {
  const { firstSize, firstRoot, secondSize, secondRoot, proof } = claim
  if (firstSize < 0n || firstSize > secondSize) return false
  if ([firstRoot, secondRoot, ...proof].some(({ length }) => length !== HASH_BYTES)) return false
  if (firstSize === secondSize) return proof.length === 0 && equalBytes(firstRoot, secondRoot)
  // Every tree begins with the empty one; only its root is left to check.
  if (firstSize === 0n) return proof.length === 0 && equalBytes(firstRoot, digestOf(hashes, 'sha256'))
  const roots = followConsistency((left, right) => hashNode(hashes, left, right), claim)
  return roots !== undefined && equalBytes(roots.first, firstRoot) && equalBytes(roots.second, secondRoot)
}

/**
 * The two roots that a proof leads to, for sizes 0 < first < second; undefined for a proof of another length than the
 * sizes ask for. A first tree that is complete is not in its own proof: its root is taken from the claim.
 */
export function followConsistency(
  join: JoinNodes,
  { firstSize, firstRoot, secondSize, proof }: Omit<Consistency, 'secondRoot'>,
): { readonly first: Uint8Array; readonly second: Uint8Array } | undefined {
  // The last subtree that is complete in both trees; at most the proof's own node stands before the path up from there.
  let place = firstSize - 1n
  let last = secondSize - 1n
  while ((place & 1n) === 1n) {
    place >>= 1n
    last >>= 1n
  }
  const [start, ...path] = place === 0n ? [firstRoot, ...proof] : proof
  if (start === undefined || path.length > PROOF_LIMIT) return undefined
  let [first, second] = [start, start]
  for (const neighbour of path) {
    if (last === 0n) return undefined
    if ((place & 1n) === 1n || place === last) {
      first = join(neighbour, first)
      second = join(neighbour, second)
      while ((place & 1n) === 0n && place !== 0n) {
        place >>= 1n
        last >>= 1n
      }
    } else {
      second = join(second, neighbour)
    }
    place >>= 1n
    last >>= 1n
  }
  return last === 0n ? { first, second } : undefined
}
