import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { verifyConsistency } from '../../formats/merkle/consistency.ts'
import { createPlainHasher, emptyRoot } from '../../formats/merkle/node-hasher.ts'
import { type HashInclusion, verifyInclusionOfHash } from '../../formats/merkle/tree.ts'
import { createHasher } from '../../formats/merkle/wasm-hasher.ts'
import { parseTilePath, tilePath, tileWidth } from '../../formats/tlog/tile.ts'
import { makeLeafHashes, PlainTree } from '../../testing/plain-tree.ts'
import { seeded } from '../../testing/seeded.ts'
import { TileShelf } from '../../testing/tile-shelf.ts'
import { depthOf } from './right-edge.ts'
import { proveConsistency, proveInclusion, type ReadTile, rootAt } from './tile-proofs.ts'
import { TileTree } from './tile-tree.ts'

const hashes = portableCrypto.hash
const hasher = createHasher(hashes)
const SIZE = 5000
const leaves = makeLeafHashes(hashes, SIZE)
const plain = new PlainTree(hashes, leaves)
/** All tiles, partial ones of every size among them. */
const shelf = new TileShelf()
const hexOf = (digests: readonly Uint8Array[]): readonly string[] => digests.map(encodeHex)
const malformed = { name: 'FormatError', code: 'tile_malformed' }

before(() => {
  const tree = TileTree.empty(hasher)
  for (const leafHash of leaves) {
    shelf.keep(tree.append(leafHash))
    shelf.keepEdge(tree)
  }
})

const inclusion = async (index: number, size: number, readTile: ReadTile = shelf.read): Promise<HashInclusion> => ({
  leafHash: leaves[index] as Uint8Array,
  index: BigInt(index),
  size: BigInt(size),
  root: plain.root(size),
  proof: await proveInclusion(BigInt(index), BigInt(size), readTile, hasher),
})

/** The same digest with one bit changed. */
function flip(digest: Uint8Array, byte: number): Uint8Array {
  const flipped = digest.slice()
  flipped[byte] = (flipped[byte] as number) ^ 4
  return flipped
}

/** Pairs of an entry and a size that holds it: all of small trees, and others up to 5,000. */
function placesOf(seed: number, count: number): readonly (readonly [number, number])[] {
  const below = seeded(seed)
  const small = Array.from({ length: 20 }, (_, size) => Array.from({ length: size }, (_, i) => [i, size] as const))
  const edges = [255, 256, 257, 511, 512, 513, 4095, 4096, 4097, SIZE].flatMap((size) =>
    [0, 1, 254, size - 2, size - 1].map((index) => [Math.min(index, size - 1), size] as const),
  )
  const others = Array.from({ length: count }, () => {
    const size = 1 + below(SIZE)
    return [below(size), size] as const
  })
  return [...small.flat(), ...edges, ...others]
}

describe('proveInclusion', () => {
  it('gives the paths of the definition', async () => {
    for (const [index, size] of placesOf(1, 400)) {
      const { proof } = await inclusion(index, size)
      assert.deepEqual(hexOf(proof), hexOf(plain.path(index, size)), `${index} of ${size}`)
    }
  })

  it('proves its entry, and no other entry, place, size or root', async () => {
    const below = seeded(3)
    for (const [index, size] of placesOf(2, 60)) {
      const good = await inclusion(index, size)
      const holds = (change: Partial<HashInclusion>): boolean => verifyInclusionOfHash(hashes, { ...good, ...change })
      assert.ok(holds({}), `${index} of ${size}`)
      for (const other of [0, size - 1, index - 1, index + 1, index ^ 256, below(SIZE)]) {
        const leafHash = leaves[other]
        if (other === index || leafHash === undefined) continue
        assert.ok(!holds({ leafHash }), `entry ${other} at ${index} of ${size}`)
        if (other < size) assert.ok(!holds({ index: BigInt(other) }), `${index} at ${other} of ${size}`)
      }
      for (const other of [size - 1, size + 1, 2 * size, below(SIZE), index + 1]) {
        if (other === size || other > SIZE) continue
        assert.ok(!holds({ size: BigInt(other), root: plain.root(other) }), `${index} of ${size} in ${other}`)
      }
    }
  })

  it('gives paths of which every byte counts', async () => {
    for (const [index, size] of [
      [0, 2],
      [4, 7],
      [300, 1000],
      [4999, 5000],
    ] as const) {
      const good = await inclusion(index, size)
      for (let byte = 0; byte < 32; byte++) {
        for (const [i, digest] of good.proof.entries()) {
          const proof = good.proof.with(i, flip(digest, byte))
          assert.ok(!verifyInclusionOfHash(hashes, { ...good, proof }), `byte ${byte} of digest ${i}`)
        }
        assert.ok(!verifyInclusionOfHash(hashes, { ...good, leafHash: flip(good.leafHash, byte) }))
        assert.ok(!verifyInclusionOfHash(hashes, { ...good, root: flip(good.root, byte) }))
      }
    }
  })

  it('reads the tiles on the way up and at the right edge, each once', async () => {
    for (const [index, size] of placesOf(4, 100)) {
      shelf.asked.length = 0
      await inclusion(index, size)
      assert.equal(new Set(shelf.asked).size, shelf.asked.length, `${index} of ${size}`)
      for (const path of shelf.asked) {
        const tile = parseTilePath(path)
        if (tile.kind !== 'tile') throw new TypeError(path)
        const isOnTheWay = tile.index === BigInt(index) >> BigInt(8 * tile.level + 8)
        const isEdge = tile.width < 256
        assert.ok(isOnTheWay || isEdge, `${path} for ${index} of ${size}`)
        assert.equal(tile.width, tileWidth(tile.level, tile.index, BigInt(size)))
      }
    }
  })

  it('takes full tiles where partial ones are gone', async () => {
    const few = new TileShelf()
    const tree = TileTree.empty(hasher)
    few.keep(tree.append(joinBytes(leaves)))
    few.keepEdge(tree)
    for (const [index, size] of placesOf(5, 100)) {
      const { proof } = await inclusion(index, size, few.read)
      assert.deepEqual(hexOf(proof), hexOf(plain.path(index, size)), `${index} of ${size}`)
    }
  })

  it('refuses to prove what is not there', async () => {
    for (const [index, size] of [
      [0n, 0n],
      [5n, 5n],
      [-1n, 5n],
      [6n, 5n],
    ] as const) {
      await assert.rejects(proveInclusion(index, size, shelf.read, hasher), RangeError)
    }
  })
})

describe('proveConsistency', () => {
  const prove = (first: number, second: number, readTile: ReadTile = shelf.read): Promise<readonly Uint8Array[]> =>
    proveConsistency(BigInt(first), BigInt(second), readTile, hasher)

  it('gives the proofs of the definition', async () => {
    for (const [first, second] of placesOf(6, 400)) {
      const expected = first === 0 ? [] : plain.proof(first, second)
      assert.deepEqual(hexOf(await prove(first, second)), hexOf(expected), `${first} in ${second}`)
    }
    assert.deepEqual(await prove(77, 77), [])
    assert.deepEqual(await prove(0, 0), [])
  })

  it('proves its sizes, and no others', async () => {
    const below = seeded(7)
    for (const [first, second] of placesOf(7, 60)) {
      const proof = await prove(first, second)
      const holds = (m: number, n: number): boolean =>
        verifyConsistency(hashes, {
          firstSize: BigInt(m),
          firstRoot: plain.root(m),
          secondSize: BigInt(n),
          secondRoot: plain.root(n),
          proof,
        })
      assert.ok(holds(first, second), `${first} in ${second}`)
      if (first === 0) continue
      for (const other of [first - 1, first + 1, second + 1, 2 * second, below(SIZE)]) {
        if (other > 0 && other < second && other !== first) assert.ok(!holds(other, second), `${first}: ${other}`)
        if (other <= SIZE && other > first && other !== second) assert.ok(!holds(first, other), `${second}: ${other}`)
      }
    }
  })

  it('reads no more than the tiles at the edges of both trees', async () => {
    for (const [first, second] of placesOf(8, 100)) {
      shelf.asked.length = 0
      await prove(first, second)
      assert.ok(shelf.asked.length <= 2 * Math.ceil(depthOf(BigInt(second)) / 8) + 1, `${first} in ${second}`)
      assert.equal(new Set(shelf.asked).size, shelf.asked.length)
    }
  })

  it('refuses sizes below zero, and a tree that shrinks', async () => {
    for (const [first, second] of [
      [-1n, 3n],
      [4n, 3n],
      [-2n, -1n],
    ] as const) {
      await assert.rejects(proveConsistency(first, second, shelf.read, hasher), RangeError)
    }
  })
})

describe('rootAt', () => {
  it('gives the root of the definition for every 7th size up to 5,000, and for none', async () => {
    assert.deepEqual(await rootAt(0n, shelf.read, hasher), emptyRoot())
    for (let size = 1; size <= SIZE; size += 7) {
      const root = await rootAt(BigInt(size), shelf.read, createPlainHasher(hashes))
      assert.equal(encodeHex(root), encodeHex(plain.root(size)), `${size}`)
    }
    await assert.rejects(rootAt(-1n, shelf.read, hasher), RangeError)
  })
})

describe('tiles that were changed', () => {
  const [index, first, size] = [700, 600, 1500]
  /** Reads with one bit of one tile changed. */
  const damaged =
    (path: string, byte: number): ReadTile =>
    async (tile) => {
      const bytes = await shelf.read(tile)
      return tilePath(tile) === path ? flip(bytes, byte) : bytes
    }
  /** The claim with the proof that is given; undefined where the tiles are refused. */
  const tryInclusion = (readTile: ReadTile): Promise<HashInclusion | undefined> =>
    inclusion(index, size, readTile).catch((cause: unknown) => {
      if (cause instanceof FormatError && cause.code === 'tile_malformed') return undefined
      throw cause
    })

  it('give no proof and no root that a signed root would accept', async () => {
    shelf.asked.length = 0
    await inclusion(index, size)
    await proveConsistency(BigInt(first), BigInt(size), shelf.read, hasher)
    const paths = [...new Set(shelf.asked)]
    assert.equal(paths.length, 3, 'the tile of the entry, the edge, and the one above')
    let refused = 0
    for (const path of paths) {
      const lengthBytes = (shelf.tiles.get(path) as Uint8Array).length
      for (let byte = 0; byte < lengthBytes; byte += 13) {
        const readTile = damaged(path, byte)
        const claim = await tryInclusion(readTile)
        const root = await rootAt(BigInt(size), readTile, hasher)
        const isProof = claim !== undefined && verifyInclusionOfHash(hashes, claim)
        assert.ok(!(isProof && equalBytes(root, plain.root(size))), `byte ${byte} of ${path}`)
        if (claim === undefined) refused++
      }
    }
    assert.ok(refused > 0, 'some tiles contradict each other')
  })

  it('are refused where they contradict those above', async () => {
    for (const byte of [0, 31, 32 * 188, 32 * 255 + 31]) {
      await assert.rejects(inclusion(index, size, damaged('tile/0/002', byte)), malformed)
    }
  })

  it('are refused where they are too short, too long or no whole number of digests', async () => {
    for (const length of [0, 1, 32 * 219, 32 * 220 - 1, 32 * 220 + 31, 32 * 257]) {
      const readTile: ReadTile = async (tile) => (tile.width === 220 ? new Uint8Array(length) : shelf.read(tile))
      await assert.rejects(inclusion(index, size, readTile), malformed)
      await assert.rejects(proveConsistency(BigInt(first), BigInt(size), readTile, hasher), malformed)
      await assert.rejects(rootAt(BigInt(size), readTile, hasher), malformed)
    }
  })

  it('let a failure of the reader through', async () => {
    const failure = new RangeError('no such tile')
    const readTile: ReadTile = () => Promise.reject(failure)
    await assert.rejects(inclusion(index, size, readTile), failure)
    await assert.rejects(proveConsistency(BigInt(first), BigInt(size), readTile, hasher), failure)
    await assert.rejects(rootAt(BigInt(size), readTile, hasher), failure)
  })
})
