import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from './random.ts'

/** Mean and variance of many draws. */
function momentsOf(draw: () => number, count = 40_000): { mean: number; variance: number } {
  let [sum, squares] = [0, 0]
  for (let i = 0; i < count; i++) {
    const value = draw()
    sum += value
    squares += value * value
  }
  const mean = sum / count
  return { mean, variance: squares / count - mean * mean }
}

const near = (value: number, expected: number, tolerance: number, what: string): void =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${what}: ${value}, expected ${expected} ± ${tolerance}`)

describe('random', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    const draw = (seed: string): number[] => {
      const random = createRandom(seed)
      return Array.from({ length: 20 }, () => random.bits())
    }
    assert.deepEqual(draw('a'), draw('a'))
    assert.equal(draw('a').filter((word, i) => word === draw('b')[i]).length, 0)
    // Seeds that differ in one late character must not give streams that start alike.
    assert.equal(draw('seed/000001').filter((word, i) => word === draw('seed/000002')[i]).length, 0)
  })

  it('forks streams that do not depend on what was drawn before', () => {
    const fresh = createRandom('a')
    const used = createRandom('a')
    for (let i = 0; i < 7; i++) used.normal(0, 1)
    assert.equal(fresh.fork('x').bits(), used.fork('x').bits())
    assert.notEqual(fresh.fork('x').bits(), fresh.fork('y').bits())
  })

  it('fills sixteen equal bins evenly', () => {
    const random = createRandom('bins')
    const counts = new Array<number>(16).fill(0)
    for (let i = 0; i < 64_000; i++) {
      const bin = random.integer(16)
      counts[bin] = (counts[bin] as number) + 1
    }
    // Chi-square with 15 degrees of freedom: 37.7 is passed once in a thousand.
    const chi = counts.reduce((sum, count) => sum + (count - 4000) ** 2 / 4000, 0)
    assert.ok(chi < 37.7, `chi-square ${chi}`)
  })

  it('draws normal deviates of the mean and deviation asked for', () => {
    const random = createRandom('normal')
    const { mean, variance } = momentsOf(() => random.normal(5, 3))
    near(mean, 5, 0.06, 'mean')
    near(variance, 9, 0.25, 'variance')
  })

  it('keeps measures of bodies within two deviations', () => {
    const random = createRandom('around')
    for (let i = 0; i < 2000; i++) {
      const value = random.around(10, 2)
      assert.ok(value >= 6 && value <= 14)
    }
  })

  for (const mean of [0, 0.4, 3, 30, 63, 65, 400, 9000]) {
    it(`draws Poisson counts of mean ${mean} whose variance is their mean`, () => {
      const random = createRandom(`poisson ${mean}`)
      const moments = momentsOf(() => random.poisson(mean))
      // Four standard errors of mean and variance over 40 000 draws.
      near(moments.mean, mean, 4 * Math.sqrt(mean / 40_000) + 1e-12, 'mean')
      near(moments.variance, mean, 4 * mean * Math.sqrt(2 / 40_000) + 4 * Math.sqrt(mean / 40_000) + 0.1, 'variance')
    })
  }

  it('draws whole, non-negative counts', () => {
    const random = createRandom('whole')
    for (const mean of [1, 70, 1000]) {
      for (let i = 0; i < 1000; i++) {
        const count = random.poisson(mean)
        assert.ok(Number.isInteger(count) && count >= 0)
      }
    }
  })
})
