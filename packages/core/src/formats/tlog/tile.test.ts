import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { entriesPath, parseTilePath, partialTiles, type TilePath, tilePath, tileWidth } from './tile.ts'

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'tile_malformed'
const format = (path: TilePath): string => (path.kind === 'tile' ? tilePath(path) : entriesPath(path.index, path.width))

describe('paths of tiles', () => {
  const vectors: readonly { readonly path: string; readonly value: TilePath }[] = [
    { path: 'tile/0/000', value: { kind: 'tile', level: 0, index: 0n, width: 256 } },
    { path: 'tile/0/x001/x234/067', value: { kind: 'tile', level: 0, index: 1234067n, width: 256 } },
    { path: 'tile/1/000.p/17', value: { kind: 'tile', level: 1, index: 0n, width: 17 } },
    { path: 'tile/0/273.p/112', value: { kind: 'tile', level: 0, index: 273n, width: 112 } },
    { path: 'tile/0/x001/000.p/255', value: { kind: 'tile', level: 0, index: 1000n, width: 255 } },
    { path: 'tile/63/999', value: { kind: 'tile', level: 63, index: 999n, width: 256 } },
    { path: 'tile/entries/x001/x234/067', value: { kind: 'entries', index: 1234067n, width: 256 } },
    { path: 'tile/entries/000.p/1', value: { kind: 'entries', index: 0n, width: 1 } },
    {
      path: 'tile/entries/x009/x223/x372/x036/x854/x775/807',
      value: { kind: 'entries', index: (1n << 63n) - 1n, width: 256 },
    },
  ]
  for (const { path, value } of vectors) {
    it(`reads and writes ${path}`, () => {
      assert.deepEqual(parseTilePath(path), value)
      assert.equal(format(value), path)
    })
  }

  it('come back for any coordinate', () => {
    const next = seeded(61)
    for (let i = 0; i < 2000; i++) {
      const index = BigInt.asUintN(1 + next(63), (BigInt(next(1 << 24)) << 40n) + BigInt(next(1 << 24)))
      const width = 1 + next(256)
      const value: TilePath =
        next(4) === 0 ? { kind: 'entries', index, width } : { kind: 'tile', level: next(64), index, width }
      assert.deepEqual(parseTilePath(format(value)), value)
    }
  })

  const refusals = [
    '',
    'checkpoint',
    '/tile/0/000',
    'tile/0/000/',
    'tile/0',
    'tile//000',
    'tile/00/000',
    'tile/01/000',
    'tile/64/000',
    'tile/100/000',
    'tile/-1/000',
    'tile/entry/000',
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/0/x000/000',
    'tile/0/x000/x001/000',
    'tile/0/001/000',
    'tile/0/x001',
    'tile/0/x001/x000',
    'tile/0/X001/000',
    'tile/0/x1/000',
    'tile/0/000.p',
    'tile/0/000.p/',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/1000',
    'tile/0/000.p/1/',
    'tile/0/000.P/1',
    'tile/0/000p/1',
    'tile/0/000.p/-1',
    'tile/0/000\n',
    'tile/0/٠٠٠',
    'tile/0/../0/000',
    'tile/0/x009/x223/x372/x036/x854/x775/808',
    'tile/0/x001/x000/x000/x000/x000/x000/x000/000',
  ]
  for (const path of refusals) {
    it(`refuse ${JSON.stringify(path)}`, () => assert.throws(() => parseTilePath(path), isMalformed))
  }

  it('are read in one spelling only, however damaged', () => {
    const next = seeded(62)
    const good = 'tile/1/x001/x234/067.p/112'
    const pieces = ['0', 'x', '/', '.p/', '9', 'entries', '', '000', '\n']
    for (let i = 0; i < 4000; i++) {
      const at = next(good.length + 1)
      const path = good.slice(0, at) + pieces[next(pieces.length)] + good.slice(at + next(4))
      try {
        assert.equal(format(parseTilePath(path)), path)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })

  it('are not written for coordinates out of range', () => {
    const good = { level: 0, index: 0n, width: 256 }
    for (const bad of [
      { ...good, level: -1 },
      { ...good, level: 64 },
      { ...good, level: 0.5 },
      { ...good, index: -1n },
      { ...good, index: 1n << 63n },
      { ...good, width: 0 },
      { ...good, width: 257 },
      { ...good, width: 1.5 },
    ]) {
      assert.throws(() => tilePath(bad), RangeError)
    }
    assert.throws(() => entriesPath(0n, 0), RangeError)
    assert.throws(() => entriesPath(-1n, 1), RangeError)
  })
})

describe('partialTiles', () => {
  it('gives the tiles of the example of the standard', () => {
    assert.deepEqual(partialTiles(70_000n).map(tilePath), ['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1'])
    assert.deepEqual(partialTiles(256n).map(tilePath), ['tile/1/000.p/1'])
    assert.deepEqual(partialTiles(0n), [])
  })

  it('agrees with a count of every tile, hash by hash', () => {
    for (const size of [1n, 255n, 256n, 257n, 511n, 65_535n, 65_536n, 65_537n, 70_000n]) {
      const found: string[] = []
      for (let level = 0; level < 4; level++) {
        const hashes = Number(size) / 256 ** level
        const width = Math.floor(hashes) % 256
        if (width > 0) found.push(tilePath({ level, index: BigInt(Math.floor(hashes / 256)), width }))
      }
      assert.deepEqual(partialTiles(size).map(tilePath), found)
    }
  })

  it('takes the largest tree, and nothing beyond', () => {
    assert.equal(partialTiles((1n << 63n) - 1n).length, 8)
    assert.throws(() => partialTiles(1n << 63n), RangeError)
    assert.throws(() => partialTiles(-1n), RangeError)
  })
})

describe('tileWidth', () => {
  it('says how many hashes a tile has in a tree', () => {
    const size = 70_000n
    assert.deepEqual(
      [tileWidth(0, 0n, size), tileWidth(0, 272n, size), tileWidth(0, 273n, size), tileWidth(0, 274n, size)],
      [256, 256, 112, 0],
    )
    assert.deepEqual([tileWidth(1, 0n, size), tileWidth(1, 1n, size), tileWidth(1, 2n, size)], [256, 17, 0])
    assert.deepEqual([tileWidth(2, 0n, size), tileWidth(3, 0n, size), tileWidth(63, 0n, size)], [1, 0, 0])
  })

  it('agrees with partialTiles at the right edge', () => {
    const next = seeded(63)
    for (let i = 0; i < 300; i++) {
      const size = BigInt.asUintN(1 + next(62), (BigInt(next(1 << 24)) << 40n) + BigInt(next(1 << 24)))
      for (const { level, index, width } of partialTiles(size)) {
        assert.equal(tileWidth(level, index, size), width)
        assert.equal(tileWidth(level, index + 1n, size), 0)
        if (index > 0n) assert.equal(tileWidth(level, index - 1n, size), 256)
      }
    }
  })
})
