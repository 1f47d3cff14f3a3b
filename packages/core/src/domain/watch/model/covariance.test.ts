import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import {
  choleskyFactor,
  invertFactor,
  shrunkCovariance,
  solvePositive,
  squaredLength,
  type Triangle,
} from './covariance.ts'

/** 4 2 / 2 3, packed. */
const MATRIX: Triangle = { size: 2, packed: Float64Array.of(4, 2, 3) }

describe('factors', () => {
  it('are those of a matrix done by hand', () => {
    assert.deepEqual([...choleskyFactor(MATRIX).packed], [2, 1, Math.SQRT2])
    const [x = 0, y = 0] = solvePositive(MATRIX, [8, 8])
    assert.ok(Math.abs(x - 1) < 1e-12 && Math.abs(y - 2) < 1e-12)
  })

  it('whiten: the length is that of the inverse', () => {
    // x' A⁻¹ x for x = (1, 2): (3 − 8 + 16) / 8.
    const length = squaredLength(invertFactor(choleskyFactor(MATRIX)).packed, [1, 2])
    assert.ok(Math.abs(length - 11 / 8) < 1e-12)
  })

  it('refuse what is not positive definite', () => {
    assert.throws(() => choleskyFactor({ size: 2, packed: Float64Array.of(1, 2, 1) }), RangeError)
  })
})

describe('shrunkCovariance', () => {
  const draw = (count: number, scales: readonly number[]): readonly Float64Array[] => {
    const random = createRandom(5)
    return Array.from({ length: count }, () => Float64Array.from(scales, (scale) => scale * random.normal()))
  }

  it('hardly shrinks where there is much to learn from, and much where there is little', () => {
    const scales = [3, 1, 0.5, 0.2]
    const mean = [0, 0, 0, 0]
    const many = shrunkCovariance(draw(5000, scales), mean)
    const few = shrunkCovariance(draw(8, scales), mean)
    assert.ok(many.shrinkage < 0.01 && few.shrinkage > 3 * many.shrinkage)
    assert.ok(Math.abs((many.covariance.packed[0] as number) - 9) < 0.6)
  })

  it('shrinks all the way where features are alike and do not go together', () => {
    assert.ok(shrunkCovariance(draw(50, [1, 1, 1, 1, 1, 1, 1, 1]), new Float64Array(8)).shrinkage > 0.5)
  })

  it('can be inverted with more features than rows, or with nothing but constants', () => {
    for (const rows of [draw(3, new Array<number>(20).fill(1)), [new Float64Array(20), new Float64Array(20)]]) {
      const { packed } = choleskyFactor(shrunkCovariance(rows, new Float64Array(20)).covariance)
      assert.ok(packed.every(Number.isFinite))
    }
  })
})
