import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { amongMany, fitTail, rankAmongReals, rarityOfDeviation, tailMark } from './own-tail.ts'
import { fitAway, medianOf, quantileOf, spreadOf } from './robust-fit.ts'

describe('own tail', () => {
  it('knows the chances of normal deviates', () => {
    // Tables of the normal distribution.
    for (const [deviation, chance] of [
      [0, 0.5],
      [1, 0.158655],
      [-1, 0.841345],
      [1.959964, 0.025],
      [3, 0.0013499],
      [6, 9.8659e-10],
    ] as const)
      assert.ok(Math.abs(Math.exp(-rarityOfDeviation(deviation)) / chance - 1) < 0.004, String(deviation))
    assert.ok(Number.isNaN(rarityOfDeviation(Number.NaN)))
  })

  it('continues an exponential tail beyond the largest value', () => {
    const random = createRandom(1)
    const tail = fitTail(Float64Array.from({ length: 20_000 }, () => -Math.log(1 - random.uniform())))
    assert.ok(Math.abs(tailMark(tail, Math.log(10)) - 1) < 0.05)
    assert.ok(Math.abs(tailMark(tail, 8 * Math.LN10) - 8) < 0.4)
    assert.ok(Number.isNaN(tailMark(tail, Number.NaN)))
  })

  it('corrects for the number of tries', () => {
    assert.ok(Math.abs(10 ** -amongMany(3, 1) - 0.001) < 1e-9)
    assert.ok(Math.abs(10 ** -amongMany(3, 1000) - (1 - 0.999 ** 1000)) < 1e-9)
    assert.ok(Math.abs(amongMany(10.001, 100) - amongMany(9.999, 100)) < 0.01)
    assert.equal(amongMany(0, 50), 0)
  })

  it('ranks a score among reals, never below one in their number and one', () => {
    assert.equal(rankAmongReals(5, [1, 2, 3]), 0.25)
    assert.equal(rankAmongReals(2, [1, 2, 3]), 0.75)
    assert.equal(rankAmongReals(1, []), 1)
  })
})

describe('robust fit', () => {
  it('takes a rule away in spite of points that do not follow it', () => {
    const random = createRandom(2)
    const count = 400
    const rows = Float64Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 1 : i / count))
    const values = Float64Array.from(
      { length: count },
      (_, i) => 3 - 2 * (rows[2 * i + 1] as number) + 0.1 * random.normal(),
    )
    for (let i = 0; i < 40; i++) values[10 * i] = 50
    const rest = fitAway(values, rows, 2)
    const others = rest.filter((_, i) => i % 10 !== 0)
    assert.ok(Math.abs(medianOf(others)) < 0.1)
    assert.ok(spreadOf(others) < 0.15)
    assert.ok((rest[10] as number) > 40)
  })

  it('selects the value that sorting would', () => {
    const random = createRandom(3)
    for (let length = 1; length < 60; length++) {
      const values = Float64Array.from({ length }, () => random.integer(12))
      assert.equal(medianOf(values), values.slice().sort()[length >> 1])
    }
    assert.equal(medianOf(new Float64Array(0)), 0)
    assert.equal(quantileOf([1, 2, 3], 0.25), 1.5)
    assert.equal(quantileOf([], 0.5), 0)
  })
})
