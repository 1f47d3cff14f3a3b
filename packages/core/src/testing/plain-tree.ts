/**
 * The Merkle tree of RFC 6962 section 2.1, word for word, for tests that compare quicker code with it.
 *
 * MTH, PATH, PROOF and SUBPROOF are those of the standard, over leaf hashes. Digests are remembered, since the same ones
 * are asked for again and again.
 */
import { digestOf, type HashFactory } from '../bytes/hash.ts'
import { encodeUtf8 } from '../bytes/text.ts'
import { hashLeaf } from '../formats/merkle/tree.ts'

export class PlainTree {
  readonly leafHashes: readonly Uint8Array[]
  readonly #hashes: HashFactory
  readonly #known = new Map<string, Uint8Array>()

  constructor(hashes: HashFactory, leafHashes: readonly Uint8Array[]) {
    this.#hashes = hashes
    this.leafHashes = leafHashes
  }

  /** MTH(D[0:size]). */
  root(size: number): Uint8Array {
    return this.#hash(0, size)
  }

  /** MTH of the complete subtree of a height at a place: a node of the tree. */
  node(height: number, place: number): Uint8Array {
    const width = 2 ** height
    return this.#hash(place * width, (place + 1) * width)
  }

  /** PATH(index, D[0:size]). */
  path(index: number, size: number): readonly Uint8Array[] {
    return this.#path(index, 0, size)
  }

  /** PROOF(first, D[0:second]). */
  proof(first: number, second: number): readonly Uint8Array[] {
    return this.#subProof(first, 0, second, true)
  }

  #hash(start: number, end: number): Uint8Array {
    if (start === end) return digestOf(this.#hashes, 'sha256')
    if (end - start === 1) return this.leafHashes[start] as Uint8Array
    const key = `${start} ${end}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const k = start + splitOf(end - start)
    const hash = digestOf(this.#hashes, 'sha256', Uint8Array.of(1), this.#hash(start, k), this.#hash(k, end))
    this.#known.set(key, hash)
    return hash
  }

  #path(index: number, start: number, end: number): readonly Uint8Array[] {
    if (end - start === 1) return []
    const k = start + splitOf(end - start)
    return start + index < k
      ? [...this.#path(index, start, k), this.#hash(k, end)]
      : [...this.#path(index - (k - start), k, end), this.#hash(start, k)]
  }

  #subProof(m: number, start: number, end: number, isWhole: boolean): readonly Uint8Array[] {
    if (m === end - start) return isWhole ? [] : [this.#hash(start, end)]
    const k = start + splitOf(end - start)
    return start + m <= k
      ? [...this.#subProof(m, start, k, isWhole), this.#hash(k, end)]
      : [...this.#subProof(m - (k - start), k, end, false), this.#hash(start, k)]
  }
}

/** Leaf hashes of as many entries, all different. */
export const makeLeafHashes = (hashes: HashFactory, size: number): readonly Uint8Array[] =>
  Array.from({ length: size }, (_, i) => hashLeaf(hashes, encodeUtf8(`entry ${i}`)))

/** The largest power of two below n. */
function splitOf(n: number): number {
  let k = 1
  while (2 * k < n) k *= 2
  return k
}
