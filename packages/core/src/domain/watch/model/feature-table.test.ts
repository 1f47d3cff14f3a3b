import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toyTable } from '../../../testing/toy-features.ts'
import { toyTraining } from '../../../testing/toy-watch-model.ts'
import { createRandom } from '../../attack/random.ts'
import { foldsOf, onePerGroup, realsOf, selectColumns, shuffledGroups } from './feature-table.ts'
import { scoreSample } from './score-sample.ts'
import { splitByPatient, trainWatchModel } from './train-model.ts'
import type { Stratum } from './watch-model.ts'

const SHIFTS = { up: [2], down: [0, -2] }
const table = toyTable({ patients: 100, seed: 3, shifts: SHIFTS })
const groupsOf = (samples: readonly { readonly group: string }[]): ReadonlySet<string> =>
  new Set(samples.map(({ group }) => group))

describe('foldsOf', () => {
  it('holds every patient out once', () => {
    const folds = foldsOf(table.samples, 4, createRandom(1))
    assert.deepEqual(
      folds.map(({ size }) => size),
      [25, 25, 25, 25],
    )
    assert.equal(new Set(folds.flatMap((fold) => [...fold])).size, 100)
  })

  it('depends on the seed and not on the order of the samples', () => {
    const turned = [...table.samples].reverse()
    assert.deepEqual(shuffledGroups(turned, createRandom(1)), shuffledGroups(table.samples, createRandom(1)))
    assert.notDeepEqual(shuffledGroups(turned, createRandom(2)), shuffledGroups(table.samples, createRandom(1)))
  })
})

describe('splitByPatient', () => {
  it('keeps the images and forgeries of a patient together', () => {
    const { learned, held } = splitByPatient(table.samples, { seed: 1 })
    assert.equal(learned.length + held.length, table.samples.length)
    assert.ok([...groupsOf(learned)].every((group) => !groupsOf(held).has(group)))
  })

  it('keeps enough patients to calibrate with', () => {
    assert.equal(groupsOf(splitByPatient(table.samples, { seed: 1, learnShare: 0.99 }).held).size, 39)
    assert.equal(groupsOf(splitByPatient(table.samples, { seed: 1, learnShare: 0.5 }).held).size, 50)
  })
})

describe('selectColumns', () => {
  it('takes columns by name, in the order asked for', () => {
    const { samples } = selectColumns(table, ['f0.x2', 'f0.x0'])
    const [first, of] = [samples[0]?.values, table.samples[0]?.values]
    assert.deepEqual([first?.[0], first?.[1]], [of?.[2], of?.[0]])
    assert.throws(() => selectColumns(table, ['nothing']), RangeError)
  })
})

describe('onePerGroup', () => {
  it('takes one image of each patient', () => {
    const twice = [...realsOf(table.samples), ...realsOf(table.samples)]
    const drawn = onePerGroup(twice, createRandom(1))
    assert.deepEqual([drawn.length, groupsOf(drawn).size], [100, 100])
  })
})

describe('a trained model', () => {
  it('keeps to its levels on true images of patients that it never met', () => {
    // Over many trainings, as the luck of one calibration set is shared by all that is compared with it.
    const counts = { oneClass: 0, boosting: 0, combined: 0, all: 0 }
    for (let seed = 0; seed < 12; seed++) {
      const model = trainWatchModel(toyTable({ patients: 100, seed, shifts: SHIFTS }), toyTraining({ seed }))
      for (const { values } of toyTable({ patients: 200, seed: 1000 + seed }).samples) {
        const { oneClass, boosting, combinedP } = scoreSample(
          model,
          { values, cueValues: [] },
          model.strata[0] as Stratum,
        )
        counts.all++
        if (oneClass.p <= 0.1) counts.oneClass++
        if (boosting.p <= 0.1) counts.boosting++
        if (combinedP <= 0.1) counts.combined++
      }
    }
    // The spread of a dozen calibrations of 40 patients, four deviations of it.
    for (const count of [counts.oneClass, counts.boosting, counts.combined]) {
      assert.ok(Math.abs(count / counts.all - 0.1) < 0.06, String(count / counts.all))
    }
  })

  it('refuses a table without forgeries, and one of too few patients', () => {
    assert.throws(() => trainWatchModel(toyTable({ patients: 100, seed: 1 }), toyTraining({})), RangeError)
    assert.throws(
      () => trainWatchModel(toyTable({ patients: 30, seed: 1, shifts: SHIFTS }), toyTraining({})),
      RangeError,
    )
  })
})
