import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../../testing/seeded.ts'
import { TEXTURES, type Texture, toyPlane } from '../../../testing/toy-planes.ts'
import { createPlainCoder } from './plain-coder.ts'
import type { TileWork } from './tile-coder.ts'
import { makeKeyTable } from './tile-keys.ts'

const imageKey = new Uint8Array(32).fill(3)
const coder = createPlainCoder(makeKeyTable(imageKey, 32))
const PAD = 0x2345_6789

function tileOf(texture: Texture, bits: number, side = 32, height = side): TileWork {
  const { samples } = toyPlane({ width: side, height, bits }, texture)
  const stream = Uint8Array.of(0xa5, 0x0f, 0x33)
  return { samples, width: side, height, maximum: 2 ** bits - 1, pad: PAD, stream }
}

const copy = (work: TileWork): TileWork => ({ ...work, samples: work.samples.slice(), stream: work.stream.slice() })

describe('a tile', () => {
  for (const texture of TEXTURES.filter((name) => name !== 'random')) {
    for (const bits of [4, 8, 12, 16]) {
      it(`gives back its samples and its stream: ${texture}, ${bits} bits`, () => {
        const original = tileOf(texture, bits, 33, 47)
        const work = copy(original)
        const threshold = coder.embed(work)
        assert.notEqual(threshold, 0)
        assert.notDeepEqual(work.samples, original.samples)
        work.stream.fill(0)
        assert.equal(coder.read(work), threshold)
        assert.deepEqual(work.samples, original.samples)
        assert.deepEqual(work.stream, original.stream)
      })
    }
  }

  it('changes nothing where there is no room', () => {
    const original = tileOf('random', 16)
    const work = copy(original)
    assert.equal(coder.embed(work), 0)
    assert.deepEqual(work, original)
  })

  it('holds at its own place only', () => {
    const work = tileOf('noisy', 12)
    coder.embed(work)
    const marked = work.samples.slice()
    assert.equal(coder.read({ ...work, pad: PAD ^ 1 }), 0)
    assert.deepEqual(work.samples, marked)
  })

  it('does not hold if any one of its samples is off by one', () => {
    for (const [texture, bits] of [
      ['noisy', 12],
      ['clipped', 8],
      ['black', 8],
    ] as const) {
      const work = tileOf(texture, bits)
      coder.embed(work)
      const marked = work.samples.slice()
      for (let i = 0; i < marked.length; i++) {
        for (const change of [-1, 1]) {
          const value = (marked[i] as number) + change
          if (value < 0 || value > work.maximum) continue
          work.samples.set(marked)
          work.samples[i] = value
          assert.equal(coder.read(work), 0, `sample ${i}`)
        }
      }
    }
  })

  it('does not hold if it was embedded anew with another threshold', () => {
    // Whoever knows the method, but no key, takes a mark off and puts the same bits on in another way.
    const work = tileOf('noisy', 12)
    const pads = new Set<number>()
    const threshold = coder.embed(work)
    const restored = copy(work)
    assert.equal(coder.read(restored), threshold)
    for (const pad of [PAD, PAD ^ 5]) {
      const again = copy(restored)
      coder.embed({ ...again, pad })
      pads.add(coder.read({ ...again, pad: PAD }))
    }
    assert.deepEqual([...pads], [threshold, 0])
  })

  it('tells sums that a change of one sample moves by its keys', () => {
    const { samples } = tileOf('noisy', 12)
    const before = coder.sums(samples)
    samples[100] = (samples[100] as number) + 3
    const after = coder.sums(samples)
    const { first, second } = makeKeyTable(imageKey, 32)
    const prime = 2 ** 31 - 1
    const moved = after.map((sum, i) => (sum - (before[i] as number) + prime) % prime)
    assert.deepEqual(moved, [(3 * (first[100] as number)) % prime, (3 * (second[100] as number)) % prime])
  })

  it('holds in no damaged form of random bytes', () => {
    const random = seeded(77)
    for (let round = 0; round < 300; round++) {
      const work = tileOf('random', 4 + random(13), 2 + random(62), 2 + random(62))
      assert.equal(coder.read(work), 0)
    }
  })
})
