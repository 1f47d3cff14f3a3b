import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { createPlainHasher, emptyRoot } from '../../formats/merkle/node-hasher.ts'
import { makeLeafHashes, PlainTree } from '../../testing/plain-tree.ts'
import { depthOf, foldEdge, peakHeights } from './right-edge.ts'

const hashes = portableCrypto.hash
const hasher = createPlainHasher(hashes)
const plain = new PlainTree(hashes, makeLeafHashes(hashes, 300))
const peakOf = (size: number) => (height: number) => plain.node(height, (size >> height) - 1)

describe('foldEdge', () => {
  it('joins complete subtrees to the root of the definition', () => {
    for (let size = 1; size <= 300; size++) {
      const { root } = foldEdge(hasher, BigInt(size), peakOf(size))
      assert.equal(encodeHex(root), encodeHex(plain.root(size)), `${size}`)
    }
  })

  it('gives what lies behind the last complete node of each height', () => {
    for (const size of [1, 2, 3, 6, 7, 8, 11, 200, 255, 256, 257]) {
      const { rests } = foldEdge(hasher, BigInt(size), peakOf(size))
      const tail = makeLeafHashes(hashes, size)
      assert.equal(rests.length, size.toString(2).length)
      for (const [height, rest] of rests.entries()) {
        const behind = tail.slice((size >> height) << height)
        const expected = behind.length === 0 ? undefined : new PlainTree(hashes, behind).root(behind.length)
        assert.deepEqual(rest, expected, `height ${height} of ${size}`)
      }
    }
  })

  it('asks for each subtree once, lowest first, and for none of an empty tree', () => {
    const asked: number[] = []
    const peakAt = (height: number): Uint8Array => {
      asked.push(height)
      return emptyRoot()
    }
    const size = (1n << 62n) + 0b1011n
    foldEdge(hasher, size, peakAt)
    assert.deepEqual(asked, [0, 1, 3, 62])
    assert.deepEqual(peakHeights(size), asked)
    assert.deepEqual(foldEdge(hasher, 0n, peakAt), { root: emptyRoot(), rests: [] })
    assert.equal(asked.length, 4)
    assert.deepEqual(peakHeights(0n), [])
  })
})

describe('depthOf', () => {
  it('counts the digests of the longest path', () => {
    for (let size = 1; size <= 300; size++) assert.equal(depthOf(BigInt(size)), plain.path(0, size).length, `${size}`)
    assert.equal(depthOf(0n), 0)
    assert.equal(depthOf(1n << 62n), 62)
    assert.equal(depthOf((1n << 62n) + 1n), 63)
  })
})
