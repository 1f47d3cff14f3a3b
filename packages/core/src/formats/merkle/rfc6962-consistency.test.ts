import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { makeLeafHashes, PlainTree } from '../../testing/plain-tree.ts'
import { seeded } from '../../testing/seeded.ts'
import { type Consistency, verifyConsistency } from './consistency.ts'
import { emptyRoot } from './node-hasher.ts'

const hashes = portableCrypto.hash
const SIZES = 36
const tree = new PlainTree(hashes, makeLeafHashes(hashes, 1100))
const claim = (first: number, second: number): Consistency => ({
  firstSize: BigInt(first),
  firstRoot: tree.root(first),
  secondSize: BigInt(second),
  secondRoot: tree.root(second),
  proof: first === 0 ? [] : tree.proof(first, second),
})
const isRefused = (good: Consistency, change: Partial<Consistency>, what: string): void =>
  assert.equal(verifyConsistency(hashes, { ...good, ...change }), false, what)

/** The same digest with one bit changed. */
function flip(digest: Uint8Array, byte: number): Uint8Array {
  const flipped = digest.slice()
  flipped[byte] = (flipped[byte] as number) ^ 1
  return flipped
}

describe('verifyConsistency', () => {
  it('accepts the proof of the definition for all pairs of sizes up to 36, and some of larger ones', () => {
    for (let second = 0; second <= SIZES; second++) {
      for (let first = 0; first <= second; first++) {
        assert.ok(verifyConsistency(hashes, claim(first, second)), `${first} in ${second}`)
      }
    }
    const below = seeded(62)
    for (let i = 0; i < 300; i++) {
      const second = 1 + below(1100)
      const first = below(second + 1)
      assert.ok(verifyConsistency(hashes, claim(first, second)), `${first} in ${second}`)
    }
  })

  it('refuses a proof for every other pair of sizes with their own roots', () => {
    const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17]
    const pairs = sizes.flatMap((second) => sizes.map((first) => ({ first, second })))
    for (const { first, second } of pairs.filter((pair) => pair.first < pair.second && pair.first > 0)) {
      const { proof } = claim(first, second)
      for (const other of pairs.filter((pair) => pair.first !== first || pair.second !== second)) {
        if (other.first > other.second) continue
        isRefused(claim(other.first, other.second), { proof }, `${first} in ${second} for ${other.first}`)
      }
    }
  })

  it('refuses every flipped byte, missing, added and exchanged digest', () => {
    for (const [first, second] of [
      [1, 2],
      [3, 7],
      [4, 7],
      [6, 8],
      [8, 9],
      [21, 33],
      [32, 33],
    ] as const) {
      const good = claim(first, second)
      const { proof, firstRoot, secondRoot } = good
      for (let byte = 0; byte < 32; byte++) {
        isRefused(good, { firstRoot: flip(firstRoot, byte) }, 'first root')
        isRefused(good, { secondRoot: flip(secondRoot, byte) }, 'second root')
        for (const [i, digest] of proof.entries())
          isRefused(good, { proof: proof.with(i, flip(digest, byte)) }, 'proof')
      }
      for (const i of proof.keys()) {
        isRefused(good, { proof: proof.toSpliced(i, 1) }, 'missing')
        isRefused(good, { proof: proof.toSpliced(i, 0, emptyRoot()) }, 'added')
      }
      isRefused(good, { proof: [...proof, firstRoot] }, 'one more')
      if (proof.length > 1) isRefused(good, { proof: proof.toReversed() }, 'reversed')
    }
  })

  it('refuses digests that have not 32 bytes, even if their bytes are the right ones', () => {
    const good = claim(3, 7)
    const [start, next, ...rest] = good.proof as [Uint8Array, Uint8Array, ...Uint8Array[]]
    const shifted = [Uint8Array.of(...start, next[0] as number), next.subarray(1), ...rest]
    isRefused(good, { proof: shifted }, 'a byte moved')
    isRefused(good, { firstRoot: good.firstRoot.subarray(1) }, 'short first root')
    isRefused(claim(0, 3), { secondRoot: new Uint8Array(0) }, 'no second root')
    isRefused(claim(5, 5), { firstRoot: new Uint8Array(0), secondRoot: new Uint8Array(0) }, 'no roots')
  })

  it('refuses a tree that shrinks, sizes below zero, and a proof where none is needed', () => {
    const [small, large] = [claim(3, 3), claim(7, 7)]
    isRefused(
      { ...large, secondSize: 3n, secondRoot: small.secondRoot, proof: tree.proof(3, 7) },
      {},
      'from seven to three',
    )
    isRefused(small, { firstSize: -1n }, 'a size below zero')
    isRefused(small, { firstSize: -2n, secondSize: -1n }, 'two sizes below zero')
    isRefused(small, { proof: [emptyRoot()] }, 'a proof of sameness')
    isRefused(small, { firstRoot: tree.root(2) }, 'another root of the same size')
    isRefused(claim(0, 3), { proof: [tree.root(3)] }, 'a proof from nothing')
    isRefused(claim(0, 3), { firstRoot: tree.root(1) }, 'nothing with a root of something')
  })

  it('does not let a rewritten log pass for a grown one', () => {
    const other = new PlainTree(hashes, tree.leafHashes.with(2, emptyRoot()))
    for (const [first, second] of [
      [3, 5],
      [4, 8],
      [7, 21],
    ] as const) {
      const good = claim(first, second)
      isRefused(good, { secondRoot: other.root(second), proof: other.proof(first, second) }, 'rewritten')
      isRefused(good, { secondRoot: other.root(second) }, 'rewritten, with the old proof')
    }
  })

  it('ends for proofs of any length and sizes up to 2^64', () => {
    const endless = Array.from({ length: 1000 }, emptyRoot)
    for (const secondSize of [2n, 1n << 63n, 1n << 64n]) {
      for (const firstSize of [1n, secondSize - 1n]) {
        isRefused(claim(1, 2), { firstSize, secondSize, proof: endless }, 'endless')
      }
    }
  })
})
