import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toyTable } from '../../../testing/toy-features.ts'
import { createRandom } from '../../attack/random.ts'
import { areaUnderCurve } from '../statistics/roc.ts'
import { fitOneClass, type OneClassOptions, scoreOneClass } from './one-class.ts'

const train = toyTable({ patients: 500, seed: 1 })
const test = toyTable({ patients: 300, seed: 2, shifts: { up: [3], down: [-3], wide: [0, 0, 0, 0, 3] } })
const rows = train.samples.map(({ values }) => values)

const VARIANTS: readonly OneClassOptions[] = [
  { blocks: 'whole' },
  { blocks: 'families', rule: 'largest' },
  { blocks: 'families', rule: 'mean' },
]

describe('one-class model', () => {
  for (const options of VARIANTS) {
    it(`finds departures to both sides of true images with ${JSON.stringify(options)}`, () => {
      const model = fitOneClass(train.names, rows, options)
      const of = (label: string): readonly number[] =>
        test.samples.filter((sample) => sample.label === label).map(({ values }) => scoreOneClass(model, values))
      for (const label of ['up', 'down', 'wide']) assert.ok(areaUnderCurve(of('real'), of(label)) > 0.8, label)
    })
  }

  it('finds two features that no longer go together', () => {
    const random = createRandom(3)
    const pair = (sign: number): Float64Array => {
      const x = random.normal()
      return Float64Array.of(x, sign * x + 0.2 * random.normal())
    }
    const model = fitOneClass(
      ['a.x', 'a.y'],
      Array.from({ length: 300 }, () => pair(1)),
    )
    const of = (sign: number): readonly number[] => Array.from({ length: 300 }, () => scoreOneClass(model, pair(sign)))
    assert.ok(areaUnderCurve(of(1), of(-1)) > 0.85)
  })

  it('does not care about the unit or the shape of a feature', () => {
    const bent = rows.map((row) => row.map((value, i) => (i === 0 ? 1000 * Math.exp(value) : value)))
    const model = fitOneClass(train.names, bent)
    const inside = Float64Array.of(1000, 0, 0, 0, 0, 0, 0, 0)
    const outside = Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0)
    assert.ok(scoreOneClass(model, outside) > scoreOneClass(model, inside))
  })

  it('takes values that were not measured, constant features and more features than images', () => {
    const wide = toyTable({ patients: 20, seed: 4, width: 40 })
    const odd = wide.samples.map(({ values }) => values.map((value, i) => (i === 0 ? 5 : i === 1 ? Number.NaN : value)))
    const model = fitOneClass(wide.names, odd)
    assert.ok(odd.every((row) => Number.isFinite(scoreOneClass(model, row))))
    assert.ok(Number.isFinite(scoreOneClass(model, new Float64Array(40).fill(1e300))))
  })

  it('keeps an order among what is far outside', () => {
    const model = fitOneClass(train.names, rows)
    const far = [4, 6, 8].map((shift) => scoreOneClass(model, new Float64Array(8).fill(shift)))
    assert.ok((far[0] as number) < (far[1] as number) && (far[1] as number) < (far[2] as number))
  })
})
