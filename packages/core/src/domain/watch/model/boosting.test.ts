import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toyTable } from '../../../testing/toy-features.ts'
import { areaUnderCurve } from '../statistics/roc.ts'
import { balancedWeights, fitBoosting, scoreBoosting } from './boosting.ts'
import { type FeatureTable, REAL } from './feature-table.ts'
import { fitLogistic, scoreLogistic } from './logistic.ts'
import { kindsOf } from './train-model.ts'

const SHIFTS = { up: [2] }
const train = toyTable({ patients: 400, seed: 1, shifts: SHIFTS })
const test = toyTable({ patients: 400, seed: 2, shifts: SHIFTS })
const rowsOf = ({ samples }: FeatureTable): readonly Float64Array[] => samples.map(({ values }) => values)

/** The area that shifted normal deviates allow: Φ(2 / √2). */
const BEST = 0.921

function areaOf(
  score: (values: Float64Array) => number,
  { samples }: FeatureTable,
  isForged = (label: string) => label !== REAL,
): number {
  const of = (isWanted: (label: string) => boolean): readonly number[] =>
    samples.filter(({ label }) => isWanted(label)).map(({ values }) => score(values))
  return areaUnderCurve(
    of((label) => label === REAL),
    of(isForged),
  )
}

describe('boosting', () => {
  const model = fitBoosting(rowsOf(train), kindsOf(train.samples), { seed: 1 })

  it('comes near the best that a shift allows', () => {
    const area = areaOf((values) => scoreBoosting(model, values), test)
    assert.ok(area > BEST - 0.04 && area < BEST + 0.03, String(area))
  })

  it('learns what no single feature shows, where a weighted sum learns nothing', () => {
    const twist = ({ names, samples }: FeatureTable): FeatureTable => ({
      names,
      samples: samples.map((sample) => {
        const [x = 0, y = 0, ...rest] = sample.values
        const sign = sample.label === REAL ? 1 : -1
        return { ...sample, values: Float64Array.of(x, sign * Math.sign(x) * Math.abs(y), ...rest) }
      }),
    })
    const plain = {
      ...train,
      samples: train.samples.map((s) => ({
        ...s,
        values: s.values.map((v, i) => (i === 0 && s.label !== REAL ? v - 2 : v)),
      })),
    }
    const fresh = {
      ...test,
      samples: test.samples.map((s) => ({
        ...s,
        values: s.values.map((v, i) => (i === 0 && s.label !== REAL ? v - 2 : v)),
      })),
    }
    const twisted = twist(plain)
    const trees = fitBoosting(rowsOf(twisted), kindsOf(twisted.samples), { seed: 1 })
    const line = fitLogistic(rowsOf(twisted), kindsOf(twisted.samples))
    assert.ok(areaOf((values) => scoreBoosting(trees, values), twist(fresh)) > 0.85)
    assert.ok(areaOf((values) => scoreLogistic(line, values), twist(fresh)) < 0.6)
  })

  it('gives the same trees for the same seed, and others for another', () => {
    const again = fitBoosting(rowsOf(train), kindsOf(train.samples), { seed: 1 })
    assert.deepEqual(again, model)
    assert.notDeepEqual(fitBoosting(rowsOf(train), kindsOf(train.samples), { seed: 2 }), model)
  })

  it('weighs true images as all forgeries, and each technique as any other', () => {
    const weights = balancedWeights([0, 0, 1, 2, 2, 2])
    assert.deepEqual([...weights], [1.5, 1.5, 1.5, 0.5, 0.5, 0.5])
    assert.throws(() => balancedWeights([0, 0]), RangeError)
    assert.throws(() => balancedWeights([1, 2]), RangeError)
  })

  it('takes constant features and values that were not measured', () => {
    const odd = rowsOf(train).map((row) => row.map((value, i) => (i === 1 ? 3 : i === 2 ? Number.NaN : value)))
    const trees = fitBoosting(odd, kindsOf(train.samples), { seed: 1, trees: 20 })
    assert.ok(odd.every((row) => Number.isFinite(scoreBoosting(trees, row))))
  })
})

describe('logistic', () => {
  const model = fitLogistic(rowsOf(train), kindsOf(train.samples))

  it('comes near the best that a shift allows', () => {
    const area = areaOf((values) => scoreLogistic(model, values), test)
    assert.ok(area > BEST - 0.03 && area < BEST + 0.03, String(area))
  })

  it('has the slope of the penalty at its solution', () => {
    // At the optimum each weight times the penalty equals the mean pull of the rows on it.
    const kinds = kindsOf(train.samples)
    const rows = rowsOf(train)
    const pulls = new Float64Array(8)
    for (const [row, values] of rows.entries()) {
      const error = (kinds[row] === 0 ? 0 : 1) - 1 / (1 + Math.exp(-scoreLogistic(model, values)))
      for (let i = 0; i < 8; i++) {
        const standard = ((values[i] as number) - (model.means[i] as number)) / (model.scales[i] as number)
        pulls[i] = (pulls[i] as number) + error * Math.min(5, Math.max(-5, standard))
      }
    }
    for (let i = 0; i < 8; i++) {
      assert.ok(Math.abs((pulls[i] as number) / rows.length - 0.01 * (model.weights[i] as number)) < 1e-5)
    }
  })

  it('takes constant features, and more features than rows', () => {
    const wide = toyTable({ patients: 10, seed: 5, shifts: SHIFTS, width: 60 })
    const rows = rowsOf(wide).map((row) => row.map((value, i) => (i === 3 ? 0 : value)))
    const line = fitLogistic(rows, kindsOf(wide.samples))
    assert.ok(rows.every((row) => Number.isFinite(scoreLogistic(line, row))))
  })
})
