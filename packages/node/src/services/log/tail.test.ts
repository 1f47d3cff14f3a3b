import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { proveInclusion, rootAt } from '@fiducial/core/domain/log/tile-proofs.ts'
import { TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { hashTree, verifyInclusion } from '@fiducial/core/formats/merkle/tree.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { decodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, parseTilePath, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { createMemoryState, type MemoryState, openMemoryLog } from '../../storage/log/memory.ts'
import { Tail } from './tail.ts'

const { hash } = nativeCrypto
const hasher = createHasher(hash)
const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected
const leafOf = (index: number): Uint8Array => encodeUtf8(`entry ${index}`)
const leaves = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, i) => leafOf(from + i))

interface Log {
  readonly state: MemoryState
  readonly tail: Tail
}

function emptyLog(): Log {
  const state = createMemoryState()
  return { state, tail: new Tail(TileTree.empty(hasher), openMemoryLog(state).objects, []) }
}

function grow({ tail }: Log, to: number): (index: bigint) => readonly Uint8Array[] {
  const added = leaves(Number(tail.size), to)
  return tail.append(added, hasher.hashLeaves(added))
}

/** Stores what a checkpoint needs, as the integrator does. */
async function integrate({ state, tail }: Log): Promise<void> {
  const mark = tail.mark()
  await openMemoryLog(state).objects.putAll(tail.objectsOf(mark))
  tail.forget(mark)
}

async function checkProof({ tail }: Log, index: bigint): Promise<void> {
  const { size, root } = tail
  const proof = await proveInclusion(index, size, tail.readTile, hasher)
  assert.ok(verifyInclusion(hash, { entry: leafOf(Number(index)), index, size, proof, root }), `${index} of ${size}`)
}

/** Sizes around which a bundle or a tile becomes full. */
const EDGES = [1, 2, 254, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537]

describe('Tail', () => {
  it('comes to the root of the plain tree at the edges of tiles, integrated or not', async () => {
    for (const isIntegrated of [false, true]) {
      const log = emptyLog()
      for (const size of EDGES.filter((edge) => edge < 1000)) {
        const prove = grow(log, size)
        assert.equal(log.tail.size, BigInt(size))
        const entries = leaves(0, size)
        assert.deepEqual(log.tail.root, hashTree(hash, entries))
        const last = BigInt(size - 1)
        const claim = { entry: leafOf(size - 1), index: last, size: BigInt(size), root: log.tail.root }
        assert.ok(verifyInclusion(hash, { ...claim, proof: prove(last) }))
        if (isIntegrated) await integrate(log)
        for (const index of [0, 1, 253, 254, 255, 256, 257, 510, 511, 512]) {
          if (index < size) await checkProof(log, BigInt(index))
        }
      }
    }
  })

  it('proves every edge of a log of more than 65,536 entries', async () => {
    const log = emptyLog()
    for (const size of EDGES) {
      grow(log, size)
      if (size !== 65_535) await integrate(log)
      for (const index of [0, 255, 256, size - 257, size - 256, size - 2, size - 1]) {
        if (index >= 0 && index < size) await checkProof(log, BigInt(index))
      }
    }
    assert.ok(log.state.objects.has('tile/2/000.p/1'), 'a tile of the third level')
    assert.ok(log.state.objects.has('tile/1/000'), 'the second level is full')
    for (const size of [255n, 256n, 257n, 65_535n, 65_536n]) {
      const entries = leaves(0, Number(size))
      assert.deepEqual(await rootAt(size, log.tail.readTile, hasher), hashTree(hash, entries))
    }
  })

  it('reads every entry, before and after it is stored, and none that is not there', async () => {
    const log = emptyLog()
    for (const size of [255, 256, 257, 600]) {
      grow(log, size)
      for (const isStored of [false, true]) {
        for (let index = 0; index < size; index += 17) {
          assert.deepEqual(await log.tail.readEntry(BigInt(index)), leafOf(index), `${index}, stored: ${isStored}`)
        }
        assert.deepEqual(await log.tail.readEntry(BigInt(size - 1)), leafOf(size - 1))
        if (!isStored) await integrate(log)
      }
      for (const index of [-1n, BigInt(size), BigInt(size) + 1n, 1n << 62n]) {
        await assert.rejects(log.tail.readEntry(index), code('entry_missing'))
      }
    }
  })

  it('has nothing to read while it is empty', async () => {
    const { tail } = emptyLog()
    assert.equal(tail.size, 0n)
    assert.deepEqual(tail.root, hashTree(hash, []))
    assert.deepEqual(tail.objectsOf(tail.mark()), [])
    await assert.rejects(tail.readEntry(0n), code('entry_missing'))
    await assert.rejects(tail.readTile({ level: 0, index: 0n, width: 1 }), code('log_corrupted'))
  })

  it('stores exactly the tiles and bundles of a size', async () => {
    for (const size of [1, 255, 256, 257, 513]) {
      const log = emptyLog()
      grow(log, size)
      const paths = log.tail.objectsOf(log.tail.mark()).map(({ path }) => path)
      assert.equal(new Set(paths).size, paths.length, 'each once')
      const [full, rest] = [Math.floor(size / 256), size % 256]
      const expected = [
        ...Array.from({ length: full }, (_, i) => [
          entriesPath(BigInt(i), 256),
          tilePath({ level: 0, index: BigInt(i), width: 256 }),
        ]),
        ...(rest > 0
          ? [entriesPath(BigInt(full), rest), tilePath({ level: 0, index: BigInt(full), width: rest })]
          : []),
        ...(full > 0 ? [tilePath({ level: 1, index: 0n, width: full })] : []),
      ].flat()
      assert.deepEqual(paths.toSorted(), expected.toSorted())
    }
  })

  it('stores bundles that hold the entries in their order', async () => {
    const log = emptyLog()
    grow(log, 300)
    await integrate(log)
    const bundle = (number: bigint, width: number): readonly Uint8Array[] =>
      decodeBundle(log.state.objects.get(entriesPath(number, width)) as Uint8Array, width)
    assert.deepEqual([...bundle(0n, 256), ...bundle(1n, 44)], leaves(0, 300))
  })

  it('keeps what came after the mark that is stored', async () => {
    const log = emptyLog()
    grow(log, 300)
    const mark = log.tail.mark()
    grow(log, 700)
    await openMemoryLog(log.state).objects.putAll(log.tail.objectsOf(mark))
    log.tail.forget(mark)
    for (const path of log.state.objects.keys()) {
      const { index, width } = parseTilePath(path)
      assert.ok(index * 256n + BigInt(width) <= 300n || path.startsWith('tile/1/'), `${path} is not of the mark`)
    }
    for (const index of [0n, 255n, 256n, 299n, 300n, 511n, 512n, 699n]) {
      assert.deepEqual(await log.tail.readEntry(index), leafOf(Number(index)))
      await checkProof(log, index)
    }
    await integrate(log)
    await checkProof(log, 400n)
  })

  it('gives a mark that later entries do not change', () => {
    const log = emptyLog()
    grow(log, 10)
    const mark = log.tail.mark()
    const before = structuredClone(mark)
    grow(log, 300)
    assert.deepEqual(mark, before)
  })

  it('gives the memory of what is stored back, to the byte', async () => {
    const log = emptyLog()
    assert.equal(log.tail.bytes, 0)
    for (const size of [256, 512, 65_536]) {
      grow(log, size)
      assert.ok(log.tail.bytes > 0)
      await integrate(log)
      assert.equal(log.tail.bytes, 0)
    }
    grow(log, 65_536 + 3)
    const rest = leaves(65_536, 65_539).reduce((sum, { length }) => sum + length, 0)
    assert.equal(log.tail.bytes, rest)
    await integrate(log)
    assert.equal(log.tail.bytes, rest, 'entries of the bundle that is not full are written once more')
  })

  it('counts what it took over from an earlier run, and gives that back as well', async () => {
    const first = emptyLog()
    grow(first, 300)
    await integrate(first)
    const { objects } = openMemoryLog(first.state)
    const readTile = first.tail.readTile
    const tree = await TileTree.resume({ size: 300n, root: first.tail.root, hasher, readTile })
    const tail = new Tail(tree, objects, leaves(256, 300))
    const log = { state: first.state, tail }
    const held = leaves(256, 300).reduce((sum, { length }) => sum + length, 0)
    assert.equal(tail.bytes, held)
    grow(log, 512)
    await integrate(log)
    assert.equal(tail.bytes, 0)
    assert.deepEqual(tail.root, hashTree(hash, leaves(0, 512)))
    assert.deepEqual(await tail.readEntry(299n), leafOf(299))
  })

  it('says log_corrupted for a tile or bundle that is gone', async () => {
    const log = emptyLog()
    grow(log, 600)
    await integrate(log)
    log.state.objects.delete('tile/entries/000')
    await assert.rejects(log.tail.readEntry(3n), code('log_corrupted'))
    log.state.objects.delete('tile/0/000')
    await assert.rejects(log.tail.readTile({ level: 0, index: 0n, width: 256 }), code('log_corrupted'))
    await assert.rejects(log.tail.readTile({ level: 0, index: 7n, width: 1 }), code('log_corrupted'))
  })

  it('reads a partial tile that a full one has replaced', async () => {
    const log = emptyLog()
    grow(log, 100)
    await integrate(log)
    const partial = await log.tail.readTile({ level: 0, index: 0n, width: 100 })
    grow(log, 600)
    await integrate(log)
    log.state.objects.delete('tile/0/000.p/100')
    const full = await log.tail.readTile({ level: 0, index: 0n, width: 100 })
    assert.deepEqual(full.subarray(0, 3200), partial.subarray(0, 3200))
  })
})
