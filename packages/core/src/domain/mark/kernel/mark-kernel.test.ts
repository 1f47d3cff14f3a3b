import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBase64 } from '../../../bytes/base64.ts'
import { seeded } from '../../../testing/seeded.ts'
import { TEXTURES, toyPlane } from '../../../testing/toy-planes.ts'
import { createPlainCoder } from '../tiles/plain-coder.ts'
import type { TileCoder, TileWork } from '../tiles/tile-coder.ts'
import { type KeyTable, makeKeyTable } from '../tiles/tile-keys.ts'
import { createKernelCoder, createTileCoder } from './mark-kernel.ts'
import { MARK_SIMD_KERNEL } from './mark-simd.ts'

const imageKey = new Uint8Array(32).fill(5)
const BUILDS = ['simd', 'scalar'] as const
const random = seeded(11)

interface Shape {
  readonly width: number
  readonly height: number
  readonly bits: number
}

/** Noise of any strength on a slope, at any level, sharp edges, dots at the ends of the range, or nothing but noise. */
function randomTile({ width, height, bits }: Shape, streamBytes: number): TileWork {
  const maximum = 2 ** bits - 1
  const strength = 2 ** random(12) - 1
  const level = [0, maximum, maximum >> 1, random(40), maximum - random(40)][random(5)] as number
  const [slopeX, slopeY, kind] = [random(9) - 4, random(9) - 4, random(7)]
  const samples = new Uint16Array(width * height)
  for (let i = 0; i < samples.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)]
    let value = level + slopeX * x + slopeY * y + random(strength + 1) - (strength >> 1)
    if (kind === 0) value = random(maximum + 1)
    if (kind === 1 && random(20) === 0) value = random(2) * maximum
    if (kind === 2 && 2 * x > width) value = 0
    if (kind === 3 && 2 * y > height) value = maximum
    samples[i] = Math.max(0, Math.min(maximum, value))
  }
  const stream = Uint8Array.from({ length: streamBytes }, () => random(256))
  return { samples, width, height, maximum, pad: random(2 ** 24) * 128 + random(128), stream }
}

const copy = (work: TileWork): TileWork => ({ ...work, samples: work.samples.slice(), stream: work.stream.slice() })

/** Embeds and reads, with and without one sample changed, and sums, all of it with both. */
function checkSame(plain: TileCoder, kernel: TileCoder, work: TileWork): void {
  const [ours, theirs] = [copy(work), copy(work)]
  assert.equal(kernel.embed(ours), plain.embed(theirs))
  assert.deepEqual(ours, theirs)
  for (const isEdited of [false, true]) {
    if (isEdited) {
      ours.samples[random(ours.samples.length)] = random(work.maximum + 1)
      theirs.samples.set(ours.samples)
    }
    const [ourTurn, theirTurn] = [copy(ours), copy(theirs)]
    assert.equal(kernel.read(ourTurn), plain.read(theirTurn))
    assert.deepEqual(ourTurn, theirTurn)
    assert.deepEqual(kernel.sums(ours.samples), plain.sums(theirs.samples))
  }
}

for (const build of BUILDS) {
  describe(`createKernelCoder, ${build}`, () => {
    const create = (table: KeyTable): TileCoder => createKernelCoder(table, build)

    for (const [tileSize, rounds] of [
      [32, 250],
      [64, 60],
      [256, 3],
    ] as const) {
      it(`agrees with plain code on random tiles, size ${tileSize}`, () => {
        const table = makeKeyTable(imageKey, tileSize)
        const [plain, kernel] = [createPlainCoder(table), create(table)]
        for (let round = 0; round < rounds; round++) {
          const least = round % 4 === 0 ? 2 : tileSize
          const side = (): number => least + random(2 * tileSize - least)
          const shape = { width: side(), height: side(), bits: 4 + random(13) }
          checkSame(plain, kernel, randomTile(shape, [0, 1, 2, 5, 30][random(5)] as number))
        }
      })
    }

    it('agrees with plain code on every small shape', () => {
      const table = makeKeyTable(imageKey, 32)
      const [plain, kernel] = [createPlainCoder(table), create(table)]
      for (let width = 2; width < 64; width++) {
        for (const height of [2, 3, 63]) checkSame(plain, kernel, randomTile({ width, height, bits: 8 }, 0))
      }
    })

    it('agrees with plain code on textures of sensors', () => {
      const table = makeKeyTable(imageKey, 64)
      const [plain, kernel] = [createPlainCoder(table), create(table)]
      for (const texture of TEXTURES) {
        for (const bits of [4, 8, 10, 12, 16]) {
          const { samples } = toyPlane({ width: 65, height: 64, bits }, texture)
          const stream = Uint8Array.of(1, 2, 3)
          checkSame(plain, kernel, { samples, width: 65, height: 64, maximum: 2 ** bits - 1, pad: 77, stream })
        }
      }
    })

    it('leaves stream and samples of a tile alone that does not hold, or has no room', () => {
      const coder = create(makeKeyTable(imageKey, 32))
      const work = randomTile({ width: 32, height: 32, bits: 16 }, 200)
      const before = copy(work)
      assert.deepEqual([coder.embed(work), coder.read(work)], [0, 0])
      assert.deepEqual(work, before)
    })

    it('agrees with plain code however long the stream is', () => {
      const table = makeKeyTable(imageKey, 32)
      const [plain, kernel] = [createPlainCoder(table), create(table)]
      for (const streamBytes of [50, 59, 60, 61, 64, 65, 128, 129, 1000]) {
        const work = randomTile({ width: 32, height: 32, bits: 12 }, streamBytes)
        checkSame(plain, kernel, work)
        work.samples.fill(1000)
        checkSame(plain, kernel, work)
      }
    })

    it('keeps the coders of two tables apart', () => {
      const [first, second] = [create(makeKeyTable(imageKey, 32)), create(makeKeyTable(new Uint8Array(32), 32))]
      const work = randomTile({ width: 32, height: 32, bits: 12 }, 1)
      work.samples.fill(100)
      assert.equal(first.embed(work), 1)
      assert.equal(second.read(copy(work)), 0)
      assert.equal(first.read(work), 1)
    })

    it('refuses what is no tile of its table', () => {
      const coder = create(makeKeyTable(imageKey, 32))
      const work = randomTile({ width: 32, height: 32, bits: 12 }, 1)
      const wrong: readonly TileWork[] = [
        { ...work, width: 31 },
        { ...work, width: 1024, height: 1 },
        { ...work, width: 64, height: 16 },
        { ...work, maximum: 65_536 },
        { ...work, pad: -1 },
        { ...work, pad: 2 ** 31 },
      ]
      for (const one of wrong) {
        assert.throws(() => coder.embed(one), RangeError)
        assert.throws(() => coder.read(one), RangeError)
      }
      assert.throws(() => coder.sums(new Uint16Array(63 * 63 + 1)), RangeError)
    })
  })
}

describe('createTileCoder', () => {
  it('takes the build that the runtime can run, or plain code', () => {
    const runtime = globalThis as { WebAssembly?: { readonly validate: (bytes: Uint8Array) => boolean } }
    const { WebAssembly } = runtime
    if (WebAssembly === undefined) throw new TypeError('a runtime without WebAssembly')
    const table = makeKeyTable(imageKey, 32)
    const work = randomTile({ width: 40, height: 33, bits: 12 }, 2)
    const expected = copy(work)
    const threshold = createPlainCoder(table).embed(expected)
    const simdBytes = decodeBase64(MARK_SIMD_KERNEL).length
    const withoutVectors = Object.assign(Object.create(WebAssembly), {
      validate: (bytes: Uint8Array) => bytes.length !== simdBytes && WebAssembly.validate(bytes),
    })
    try {
      for (const poorer of [WebAssembly, withoutVectors, { ...WebAssembly, validate: () => false }, undefined]) {
        if (poorer === undefined) delete runtime.WebAssembly
        else runtime.WebAssembly = poorer
        const ours = copy(work)
        assert.equal(createTileCoder(table).embed(ours), threshold)
        assert.deepEqual(ours, expected)
      }
      assert.throws(() => createKernelCoder(table, 'simd'), TypeError)
    } finally {
      runtime.WebAssembly = WebAssembly
    }
  })
})
