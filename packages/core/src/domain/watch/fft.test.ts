import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../attack/random.ts'
import { createPatchPair, type PatchPair, SIDE, splitPower, transformPair } from './fft.ts'

function randomPair(seed: number): PatchPair {
  const random = createRandom(seed)
  const pair = createPatchPair()
  for (let i = 0; i < pair.real.length; i++) {
    pair.real[i] = random.normal()
    pair.imaginary[i] = random.normal()
  }
  return pair
}

/** One frequency by the definition. */
function plainAt({ real, imaginary }: PatchPair, u: number, v: number): readonly [number, number] {
  let [a, b] = [0, 0]
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const turn = (-2 * Math.PI * (u * x + v * y)) / SIDE
      const [c, s] = [Math.cos(turn), Math.sin(turn)]
      const [p, q] = [real[y * SIDE + x] as number, imaginary[y * SIDE + x] as number]
      a += p * c - q * s
      b += p * s + q * c
    }
  }
  return [a, b]
}

const energy = ({ real, imaginary }: PatchPair): number =>
  real.reduce((sum, value, i) => sum + value * value + (imaginary[i] as number) ** 2, 0)

describe('fft', () => {
  it('agrees with the definition', () => {
    const pair = randomPair(1)
    const places = [
      [0, 0],
      [1, 0],
      [0, 1],
      [5, 9],
      [31, 32],
      [32, 32],
      [63, 17],
      [40, 63],
    ] as const
    const expected = places.map(([u, v]) => plainAt(pair, u, v))
    transformPair(pair)
    for (const [i, [u, v]] of places.entries()) {
      const [real, imaginary] = expected[i] as readonly [number, number]
      assert.ok(Math.abs((pair.real[v * SIDE + u] as number) - real) < 1e-9)
      assert.ok(Math.abs((pair.imaginary[v * SIDE + u] as number) - imaginary) < 1e-9)
    }
  })

  it('keeps the energy, as Parseval says', () => {
    for (let seed = 1; seed < 20; seed++) {
      const pair = randomPair(seed)
      const before = energy(pair)
      transformPair(pair)
      assert.ok(Math.abs(energy(pair) / before / SIDE ** 2 - 1) < 1e-12)
    }
  })

  it('tells the power of two real patches apart', () => {
    const pair = randomPair(3)
    const [first, second] = [createPatchPair(), createPatchPair()]
    first.real.set(pair.real)
    second.real.set(pair.imaginary)
    const [one, other] = [new Float64Array(SIDE ** 2), new Float64Array(SIDE ** 2)]
    transformPair(pair)
    splitPower(pair, one, other)
    for (const [{ real, imaginary }, power] of [
      [first, one],
      [second, other],
    ] as const) {
      transformPair({ real, imaginary })
      for (let i = 0; i < power.length; i++) {
        assert.ok(Math.abs((real[i] as number) ** 2 + (imaginary[i] as number) ** 2 - (power[i] as number)) < 1e-8)
      }
    }
  })

  it('finds a wave at its frequency and at the mirrored one alone', () => {
    const pair = createPatchPair()
    for (let i = 0; i < pair.real.length; i++)
      pair.real[i] = Math.cos((2 * Math.PI * (3 * (i % SIDE) + 7 * Math.floor(i / SIDE))) / SIDE)
    transformPair(pair)
    const found = [...pair.real.keys()].filter((i) => Math.abs(pair.real[i] as number) > 1e-6)
    assert.deepEqual(found, [7 * SIDE + 3, 57 * SIDE + 61])
  })
})
