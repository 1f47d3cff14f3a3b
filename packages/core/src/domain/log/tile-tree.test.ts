import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { joinBytes } from '../../bytes/text.ts'
import { createPlainHasher, emptyRoot, type NodeHasher } from '../../formats/merkle/node-hasher.ts'
import { verifyInclusionOfHash } from '../../formats/merkle/tree.ts'
import { createHasher } from '../../formats/merkle/wasm-hasher.ts'
import { partialTiles } from '../../formats/tlog/tile.ts'
import { makeLeafHashes, PlainTree } from '../../testing/plain-tree.ts'
import { seeded } from '../../testing/seeded.ts'
import { TileShelf } from '../../testing/tile-shelf.ts'
import { TileTree } from './tile-tree.ts'

const hashes = portableCrypto.hash
const hasher = createHasher(hashes)
const SIZE = 5000
const leaves = makeLeafHashes(hashes, SIZE)
const plain = new PlainTree(hashes, leaves)
const batch = (first: number, end: number): Uint8Array => joinBytes(leaves.slice(first, end))
const hexOf = (digests: readonly Uint8Array[]): readonly string[] => digests.map(encodeHex)
const malformed = { name: 'FormatError', code: 'tile_malformed' }

/** What a tile holds by definition. */
const tileOf = (tree: PlainTree, level: number, index: bigint, width: number): string =>
  encodeHex(joinBytes(Array.from({ length: width }, (_, i) => tree.node(8 * level, 256 * Number(index) + i))))

/** Checks everything that is known of a tree of this size. */
function checkTree(tree: TileTree, size: number): void {
  assert.equal(tree.size, BigInt(size))
  assert.equal(encodeHex(tree.root()), encodeHex(plain.root(size)), `root of ${size}`)
  const edge = tree.edge()
  assert.deepEqual(
    edge.map(({ bytes: _, ...tile }) => tile),
    partialTiles(BigInt(size)),
  )
  for (const { level, index, width, bytes } of edge) {
    assert.equal(encodeHex(bytes), tileOf(plain, level, index, width), `tile ${level}/${index} of ${size}`)
  }
}

describe('TileTree', () => {
  it('has the root of the definition at every size from 0 to 5,000', () => {
    const tree = TileTree.empty(hasher)
    assert.deepEqual(tree.root(), emptyRoot())
    for (let size = 0; size < SIZE; size++) {
      const { root } = tree.append(leaves[size] as Uint8Array)
      assert.equal(encodeHex(root), encodeHex(plain.root(size + 1)), `root of ${size + 1}`)
    }
    checkTree(tree, SIZE)
  })

  for (const seed of [1, 2, 3]) {
    it(`has root, tiles and paths of the definition in batches of any size, seed ${seed}`, () => {
      const below = seeded(seed)
      const tree = TileTree.empty(seed === 1 ? createPlainHasher(hashes) : hasher)
      let filled = 0
      for (let size = 0; size < SIZE; ) {
        const end = Math.min(SIZE, size + below(seed === 3 ? 20 : 900))
        const appended = tree.append(batch(size, end))
        assert.deepEqual([appended.first, appended.size], [BigInt(size), BigInt(end)])
        assert.deepEqual(appended.root, tree.root())
        checkTree(tree, end)
        for (const { level, index, bytes } of appended.tiles) {
          assert.equal(encodeHex(bytes), tileOf(plain, level, index, 256), `tile ${level}/${index}`)
          filled++
        }
        for (let i = size; i < end; i += 1 + below(5)) {
          assert.deepEqual(hexOf(appended.prove(BigInt(i))), hexOf(plain.path(i, end)), `${i} of ${end}`)
        }
        size = end
      }
      assert.equal(filled, Math.floor(SIZE / 256))
    })
  }

  it('fills tiles of higher levels, several in one batch', () => {
    const count = 70_000
    const many = makeLeafHashes(hashes, count)
    const definition = new PlainTree(hashes, many)
    const tree = TileTree.empty(hasher)
    const { tiles, prove, root } = tree.append(joinBytes(many))
    const names = tiles.map(({ level, index }) => `${level}/${index}`)
    assert.deepEqual(names, [...Array.from({ length: 273 }, (_, i) => `0/${i}`), '1/0'])
    assert.equal(encodeHex(tiles.at(-1)?.bytes ?? emptyRoot()), tileOf(definition, 1, 0n, 256))
    assert.deepEqual(
      tree.edge().map(({ level, index, width }) => [level, index, width]),
      [
        [0, 273n, 112],
        [1, 1n, 17],
        [2, 0n, 1],
      ],
    )
    assert.equal(encodeHex(root), encodeHex(definition.root(count)))
    for (const i of [0, 255, 256, 65_535, 65_536, 69_887, 69_888, count - 1]) {
      assert.deepEqual(hexOf(prove(BigInt(i))), hexOf(definition.path(i, count)), `${i}`)
    }
  })

  it('goes on proving a batch in its own tree after further batches', () => {
    const tree = TileTree.empty(hasher)
    tree.append(batch(0, 130))
    const { prove, root } = tree.append(batch(130, 400))
    const leafHashes = batch(400, 777)
    tree.append(leafHashes)
    leafHashes.fill(0)
    tree.root().fill(0)
    for (const tile of tree.edge()) tile.bytes.fill(0)
    for (let i = 130; i < 400; i++) assert.deepEqual(hexOf(prove(BigInt(i))), hexOf(plain.path(i, 400)))
    assert.equal(encodeHex(root), encodeHex(plain.root(400)))
    checkTree(tree, 777)
  })

  it('keeps nothing of the bytes that it is handed', () => {
    const tree = TileTree.empty(hasher)
    const leafHashes = batch(0, 300)
    const { prove } = tree.append(leafHashes)
    leafHashes.fill(0)
    for (let i = 0; i < 300; i++) assert.deepEqual(hexOf(prove(BigInt(i))), hexOf(plain.path(i, 300)))
    checkTree(tree, 300)
  })

  it('proves entries of the batch only', () => {
    const tree = TileTree.empty(hasher)
    tree.append(batch(0, 10))
    const { prove } = tree.append(batch(10, 20))
    for (const index of [-1n, 0n, 9n, 20n, 1n << 60n]) assert.throws(() => prove(index), RangeError)
    assert.throws(() => tree.append(new Uint8Array(0)).prove(19n), RangeError)
  })

  it('refuses bytes that are no leaf hashes, and stays as it was', () => {
    const tree = TileTree.empty(hasher)
    tree.append(batch(0, 3))
    for (const length of [1, 31, 33, 65]) assert.throws(() => tree.append(new Uint8Array(length)), RangeError)
    checkTree(tree, 3)
  })

  it('hashes each node once, and all of a batch and a height in one call', () => {
    const counts = { calls: 0, nodes: 0 }
    const counting: NodeHasher = {
      ...hasher,
      hashNodes(pairs) {
        counts.calls++
        counts.nodes += pairs.length / 64
        return hasher.hashNodes(pairs)
      },
    }
    const tree = TileTree.empty(counting)
    const [rounds, depth] = [10, 13]
    for (let i = 0; i < rounds; i++) {
      const { prove } = tree.append(batch(500 * i, 500 * (i + 1)))
      for (let k = 0; k < 500; k++) prove(BigInt(500 * i + k))
    }
    let complete = 0
    for (let height = 1; height <= depth; height++) complete += Math.floor(SIZE / 2 ** height)
    // Besides the nodes that stay, each batch joins what is incomplete: one digest a height at most.
    assert.ok(counts.nodes >= complete && counts.nodes <= complete + rounds * depth, `${counts.nodes} nodes`)
    assert.ok(counts.calls <= 2 * rounds * depth, `${counts.calls} calls`)
  })
})

describe('TileTree.resume', () => {
  const shelf = new TileShelf()
  const whole = TileTree.empty(hasher)
  before(() => {
    for (let size = 0; size < SIZE; size++) {
      shelf.keep(whole.append(leaves[size] as Uint8Array))
      shelf.keepEdge(whole)
    }
  })
  const resume = (size: number, root = plain.root(size), readTile = shelf.read): Promise<TileTree> =>
    TileTree.resume({ size: BigInt(size), readTile, hasher, root })

  it('takes a tree up at any size, and goes on as if it had never ended', async () => {
    const below = seeded(9)
    const sizes = [0, 1, 2, 255, 256, 257, 511, 512, 513, 4096, ...Array.from({ length: 60 }, () => below(SIZE - 400))]
    for (const size of sizes) {
      const tree = await resume(size)
      checkTree(tree, size)
      const end = size + below(400)
      const { prove, tiles } = tree.append(batch(size, end))
      checkTree(tree, end)
      for (let i = size; i < end; i += 17) assert.deepEqual(hexOf(prove(BigInt(i))), hexOf(plain.path(i, end)))
      for (const { level, index, bytes } of tiles) assert.equal(encodeHex(bytes), tileOf(plain, level, index, 256))
    }
  })

  it('reads the partial tiles of the size and no others, and cuts what is wider', async () => {
    const full = new TileShelf()
    for (const [path, bytes] of shelf.tiles) if (!path.includes('.p/')) full.tiles.set(path, bytes)
    full.keepEdge(whole)
    checkTree(await resume(700, plain.root(700), full.read), 700)
    assert.deepEqual(full.asked, ['tile/0/002.p/188', 'tile/1/000.p/2'])
  })

  it('takes a tree up without a root to compare with', async () => {
    checkTree(await TileTree.resume({ size: 1234n, readTile: shelf.read, hasher }), 1234)
  })

  it('refuses tiles that do not come to the root', async () => {
    await assert.rejects(resume(700, plain.root(699)), malformed)
    await assert.rejects(resume(0, plain.root(1)), malformed)
    for (let byte = 0; byte < 32 * 3; byte++) {
      const readTile: typeof shelf.read = async (tile) => {
        const bytes = (await shelf.read(tile)).slice()
        if (tile.level === 0) bytes[byte] = (bytes[byte] as number) ^ 1
        return bytes
      }
      await assert.rejects(resume(515, plain.root(515), readTile), malformed)
    }
  })

  it('refuses tiles that are too short, too long or no whole number of digests', async () => {
    for (const length of [0, 31, 32 * 4 - 1, 32 * 3, 32 * 5 + 1, 32 * 257]) {
      await assert.rejects(
        resume(5, plain.root(5), async () => new Uint8Array(length)),
        malformed,
      )
    }
  })

  it('lets a failure of the reader through', async () => {
    await assert.rejects(resume(5, plain.root(5), new TileShelf().read), RangeError)
  })

  it('counts beyond 2^53', async () => {
    const size = (1n << 60n) + 0x1_0203n
    const below = seeded(60)
    const tiles = new TileShelf()
    for (const tile of partialTiles(size)) {
      tiles.keep({ tiles: [{ ...tile, bytes: Uint8Array.from({ length: 8192 }, () => below(256)) }] })
    }
    const tree = await TileTree.resume({ size, readTile: tiles.read, hasher })
    const appended = tree.append(batch(0, 300))
    assert.deepEqual(
      appended.tiles.map(({ level, index }) => [level, index]),
      [[0, size >> 8n]],
    )
    for (let i = 0n; i < 300n; i++) {
      const claim = { index: size + i, size: size + 300n, root: appended.root, proof: appended.prove(size + i) }
      assert.ok(verifyInclusionOfHash(hashes, { ...claim, leafHash: leaves[Number(i)] as Uint8Array }))
      assert.ok(!verifyInclusionOfHash(hashes, { ...claim, leafHash: leaves[Number(i) + 1] as Uint8Array }))
    }
  })
})
