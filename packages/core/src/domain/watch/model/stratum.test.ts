import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toyTable } from '../../../testing/toy-features.ts'
import { toyTraining } from '../../../testing/toy-watch-model.ts'
import { calibrateStratum, LEAST_PATIENTS, matchStratum, smallestOf } from './stratum.ts'
import { trainWatchModel } from './train-model.ts'
import type { ImageFacts, Selector, Stratum } from './watch-model.ts'

const model = trainWatchModel(toyTable({ patients: 100, seed: 3, shifts: { up: [2] } }), toyTraining({}))
const base = model.strata[0] as Stratum
const withSelector = (id: string, selector: Selector): Stratum => ({ ...base, id, selector })
const facts: ImageFacts = { modality: 'DX', manufacturer: 'ACME', modelName: 'X1', rows: 512, columns: 480, bits: 8 }

describe('calibrateStratum', () => {
  const calibrate = (patients: number, seed = 1): Stratum =>
    calibrateStratum(model, toyTable({ patients, seed: 9, shifts: { up: [2] } }), {
      id: 'site',
      selector: { stationName: 'ROOM 1' },
      limits: base.limits,
      seed,
    })

  it('takes one true image of each patient', () => {
    const stratum = calibrate(50)
    assert.deepEqual([stratum.patients, stratum.oneClass.length, stratum.boosting.length], [50, 50, 50])
    assert.equal(smallestOf(stratum), 1 / 51)
  })

  it('refuses fewer patients than its p-values need', () => {
    assert.throws(() => calibrate(LEAST_PATIENTS - 1), RangeError)
    assert.equal(calibrate(LEAST_PATIENTS).patients, LEAST_PATIENTS)
  })

  it('keeps a file small by drawing from many patients', () => assert.equal(calibrate(2100).patients, 2000))

  it('does not depend on the order of the images', () => {
    const table = toyTable({ patients: 60, seed: 9 })
    const options = { id: 'site', selector: {}, limits: base.limits, seed: 1 }
    const turned = { ...table, samples: [...table.samples].reverse() }
    assert.deepEqual(calibrateStratum(model, turned, options), calibrateStratum(model, table, options))
  })
})

describe('matchStratum', () => {
  it('takes the stratum that asks for most', () => {
    const strata = [
      withSelector('any-dx', { modality: 'DX' }),
      withSelector('x1', { modality: 'DX', modelName: 'X1' }),
      withSelector('x2', { modality: 'DX', modelName: 'X2', manufacturer: 'ACME' }),
    ]
    const { stratum, abstention } = matchStratum({ strata }, facts)
    assert.deepEqual([stratum?.id, abstention], ['x1', null])
  })

  it('abstains where no stratum fits', () => {
    const expected = { stratum: null, abstention: 'no_stratum' }
    assert.deepEqual(matchStratum({ strata: [] }, facts), expected)
    assert.deepEqual(matchStratum({ strata: [withSelector('other', { modality: 'CR' })] }, facts), expected)
    assert.deepEqual(matchStratum({ strata: [withSelector('named', { stationName: 'ROOM 1' })] }, facts), expected)
  })

  it('meets no image with an empty selector', () => {
    assert.equal(matchStratum({ strata: [withSelector('all', {})] }, facts).abstention, 'no_stratum')
  })

  it('abstains for sizes and bits that were not calibrated', () => {
    const abstentionOf = (changed: Partial<ImageFacts>) => matchStratum(model, { ...facts, ...changed }).abstention
    assert.equal(abstentionOf({}), null)
    assert.equal(abstentionOf({ rows: 511 }), 'size_not_calibrated')
    assert.equal(abstentionOf({ columns: 399 }), 'size_not_calibrated')
    assert.equal(abstentionOf({ columns: 513 }), 'size_not_calibrated')
    assert.equal(abstentionOf({ bits: 12 }), 'bits_not_calibrated')
  })
})
