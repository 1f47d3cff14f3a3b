import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../../attack/random.ts'
import { normalQuantile } from './normal.ts'
import { alarmValue, clopperPearsonInterval, imagesToShow, rateLeftOpen, wilsonInterval } from './proportion.ts'
import { countAtLeast, countBelow, quantileOf, ranksOf, spearmanOf } from './rank.ts'
import { areaUnderCurve, bootstrapArea, rocCurve } from './roc.ts'

const near = (actual: number, expected: number, slack = 5e-4): void =>
  assert.ok(Math.abs(actual - expected) <= slack, `${actual} is not ${expected}`)

describe('normalQuantile', () => {
  it('gives the values of tables', () => {
    // Abramowitz and Stegun, table 26.5.
    for (const [share, deviate] of [
      [0.5, 0],
      [0.975, 1.959964],
      [0.025, -1.959964],
      [0.999, 3.090232],
      [0.00001, -4.264891],
    ] as const) {
      near(normalQuantile(share), deviate, 1e-6)
    }
    assert.throws(() => normalQuantile(1), RangeError)
  })
})

describe('intervals of shares', () => {
  it('are those of Wilson', () => {
    // 7 of 17 readers: 21.6 to 64.0 %, as Radiology prints it.
    const { low, high } = wilsonInterval(7, 17)
    near(low, 0.216)
    near(high, 0.64)
    assert.deepEqual(wilsonInterval(0, 0), { low: 0, high: 1 })
    assert.equal(wilsonInterval(0, 20).low, 0)
    assert.equal(wilsonInterval(20, 20).high, 1)
  })

  it('are those of Clopper and Pearson', () => {
    // 1 of 10 in any table of exact limits: 0.25 to 44.5 %.
    const { low, high } = clopperPearsonInterval(1, 10)
    near(low, 0.0025)
    near(high, 0.445)
    near(clopperPearsonInterval(0, 10).high, 0.3085)
    near(clopperPearsonInterval(10, 10).low, 0.6915)
    near(clopperPearsonInterval(50, 1000).low, 0.0373)
    near(clopperPearsonInterval(50, 1000).high, 0.0654)
  })

  it('need 299 images without an alarm to show less than 1 %', () => {
    assert.equal(imagesToShow(0.01), 299)
    assert.ok(rateLeftOpen(299) <= 0.01 && rateLeftOpen(298) > 0.01)
    assert.equal(rateLeftOpen(0), 1)
  })

  it('cover what they should', () => {
    const random = createRandom(4)
    let covered = 0
    for (let round = 0; round < 1000; round++) {
      let hits = 0
      for (let i = 0; i < 60; i++) if (random.uniform() < 0.1) hits++
      const { low, high } = clopperPearsonInterval(hits, 60)
      if (low <= 0.1 && high >= 0.1) covered++
    }
    assert.ok(covered >= 940, String(covered))
  })
})

describe('alarmValue', () => {
  it('is little where forgeries are rare', () => {
    const { trueShare, falsePerTrue } = alarmValue(1, 0.078, 0.001)
    near(trueShare, 0.0127)
    near(falsePerTrue, 77.9, 0.1)
    assert.equal(alarmValue(0, 0, 0.5).trueShare, 0)
  })
})

describe('order statistics', () => {
  it('have quantiles with straight lines between', () => {
    assert.deepEqual(
      [0, 0.25, 0.5, 1].map((share) => quantileOf([1, 2, 3, 4], share)),
      [1, 1.75, 2.5, 4],
    )
    assert.throws(() => quantileOf([], 0.5), RangeError)
  })

  it('count what lies below and above', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((value) => countBelow([1, 2, 2, 3], value)),
      [0, 0, 1, 3, 4],
    )
    assert.deepEqual(
      [0, 2, 4].map((value) => countAtLeast([1, 2, 2, 3], value)),
      [4, 3, 0],
    )
  })

  it('share ranks among equals', () => assert.deepEqual([...ranksOf([3, 1, 3, 2])], [3.5, 1, 3.5, 2]))

  it('agree or not', () => {
    assert.equal(spearmanOf([1, 2, 3], [10, 20, 300]), 1)
    assert.equal(spearmanOf([1, 2, 3], [3, 2, 1]), -1)
    assert.equal(spearmanOf([1, 2, 3], [5, 5, 5]), 0)
    // The squared differences add up to 32.
    near(spearmanOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [4, 3, 1, 2, 7, 6, 5, 10, 8, 9]), 1 - (6 * 32) / 990, 1e-12)
  })
})

describe('areas under the curve', () => {
  it('count pairs, ties half', () => {
    assert.equal(areaUnderCurve([1, 2], [3, 4]), 1)
    assert.equal(areaUnderCurve([3, 4], [1, 2]), 0)
    assert.equal(areaUnderCurve([1, 1], [1, 1]), 0.5)
    assert.equal(areaUnderCurve([1, 2, 3], [2, 4]), 4.5 / 6)
    assert.equal(areaUnderCurve([], [1]), 0.5)
  })

  it('are what shifted normal deviates have', () => {
    const random = createRandom(5)
    const draw = (shift: number): Float64Array => Float64Array.from({ length: 4000 }, () => random.normal() + shift)
    // Φ(1 / √2).
    near(areaUnderCurve(draw(0), draw(1)), 0.7602, 0.02)
  })

  it('have intervals that hold the true area about as often as they say', () => {
    const random = createRandom(6)
    let covered = 0
    for (let round = 0; round < 100; round++) {
      const side = (shift: number) =>
        Array.from({ length: 60 }, (_, i) => ({ score: random.normal() + shift, group: `p${i}` }))
      const { low, high } = bootstrapArea(side(0), side(1), { random, draws: 200 })
      if (low <= 0.7602 && high >= 0.7602) covered++
    }
    assert.ok(covered >= 88, String(covered))
  })

  it('have wider intervals where the images are of few patients', () => {
    const random = createRandom(7)
    const widthOf = (images: number): number => {
      const levels = Array.from({ length: 400 / images }, () => random.normal())
      const side = (shift: number) =>
        Array.from({ length: 400 }, (_, i) => {
          const patient = Math.floor(i / images)
          return {
            score: 2 * (levels[patient] as number) * (shift === 0 ? 1 : -1) + random.normal() + shift,
            group: `p${patient}`,
          }
        })
      const { low, high } = bootstrapArea(side(0), side(1), { random })
      return high - low
    }
    assert.ok(widthOf(40) > 1.5 * widthOf(1))
  })

  it('know nothing of an empty side', () => {
    assert.deepEqual(bootstrapArea([], [{ score: 1, group: 'a' }], { random: createRandom(1) }), {
      area: 0.5,
      low: 0,
      high: 1,
      negatives: 0,
      positives: 1,
    })
  })
})

describe('rocCurve', () => {
  it('rises from nothing to everything, and has the area below it', () => {
    const random = createRandom(8)
    const low = Array.from({ length: 500 }, () => random.normal())
    const high = Array.from({ length: 500 }, () => random.normal() + 1)
    const points = rocCurve(low, high)
    assert.deepEqual(
      [points[0], points.at(-1)],
      [
        { falseAlarms: 0, hits: 0 },
        { falseAlarms: 1, hits: 1 },
      ],
    )
    let area = 0
    for (const [i, point] of points.entries()) {
      const before = points[i - 1]
      if (before === undefined) continue
      assert.ok(point.falseAlarms >= before.falseAlarms && point.hits >= before.hits)
      area += ((point.falseAlarms - before.falseAlarms) * (point.hits + before.hits)) / 2
    }
    near(area, areaUnderCurve(low, high), 0.01)
  })
})
