import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { combinedPValue, conformalPValue, smallestPValue, twoSidedPValue } from './conformal.ts'

const ROUNDS = 4000

/** Shares of p-values up to α, with slack of four deviations of a share of so many rounds. */
const isValid = (ps: readonly number[], alpha: number): boolean =>
  ps.filter((p) => p <= alpha).length / ps.length <= alpha + 4 * Math.sqrt((alpha * (1 - alpha)) / ps.length)

describe('conformalPValue', () => {
  it('counts those that are at least as strange, and itself', () => {
    const sorted = [1, 2, 2, 3]
    assert.deepEqual(
      [0, 2, 2.5, 3, 4].map((score) => conformalPValue(sorted, score) * 5),
      [5, 4, 2, 2, 1],
    )
    assert.equal(conformalPValue([], 3), 1)
    assert.equal(smallestPValue(4), 0.2)
  })

  it('is uniform for true images', () => {
    const random = createRandom(1)
    const ps = Array.from({ length: ROUNDS }, () => {
      const sorted = Float64Array.from({ length: 39 }, () => random.normal()).sort()
      return conformalPValue(sorted, random.normal())
    })
    for (const alpha of [0.025, 0.05, 0.1, 0.5]) {
      assert.ok(isValid(ps, alpha))
      assert.ok(
        isValid(
          ps.map((p) => 1 - p + 1 / 40),
          1 - alpha,
        ),
        'and not wasteful',
      )
    }
  })
})

describe('twoSidedPValue', () => {
  it('finds departures to both sides', () => {
    const sorted = Array.from({ length: 99 }, (_, i) => i)
    assert.equal(twoSidedPValue(sorted, -1), 0.02)
    assert.equal(twoSidedPValue(sorted, 99), 0.02)
    assert.equal(twoSidedPValue(sorted, 49), 1)
  })

  it('keeps to its level for true images', () => {
    const random = createRandom(2)
    const ps = Array.from({ length: ROUNDS }, () => {
      const sorted = Float64Array.from({ length: 79 }, () => random.normal()).sort()
      return twoSidedPValue(sorted, random.normal())
    })
    assert.ok([0.05, 0.1, 0.5].every((alpha) => isValid(ps, alpha)))
  })

  it('calls nothing strange where all values are the same', () => assert.equal(twoSidedPValue([1, 1, 1, 1], 1), 1))
})

describe('combinedPValue', () => {
  for (const dependence of [0, 0.7, 1, -1]) {
    it(`keeps to its level for scores with a correlation of ${dependence}`, () => {
      const random = createRandom(3)
      const pair = (): readonly [number, number] => {
        const [x, y] = [random.normal(), random.normal()]
        return [x, dependence * x + Math.sqrt(1 - dependence * dependence) * y]
      }
      const ps = Array.from({ length: ROUNDS }, () => {
        const images = Array.from({ length: 39 }, pair)
        return combinedPValue(
          images.map(([x]) => x),
          images.map(([, y]) => y),
          pair(),
        )
      })
      for (const alpha of [0.05, 0.1, 0.5]) assert.ok(isValid(ps, alpha))
    })
  }

  it('reaches 5 % with 39 images where one score alone is stranger than all', () => {
    const first = Array.from({ length: 39 }, (_, i) => i)
    const second = first.map((i) => (i * 7) % 39)
    assert.ok(combinedPValue(first, second, [100, 0]) <= 0.05)
    assert.ok(combinedPValue(first, second, [0, 100]) <= 0.05)
    assert.equal(combinedPValue(first, second, [100, 100]), 1 / 40)
  })

  it('refuses scores that do not belong together', () => {
    assert.throws(() => combinedPValue([1], [1, 2], [0, 0]), RangeError)
  })
})
