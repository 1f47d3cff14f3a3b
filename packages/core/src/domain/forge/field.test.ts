import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../attack/random.ts'
import { blurField, boxMean, cubicInRow, type Field, mirrorIndex, shrinkField, valueAt } from './field.ts'
import { makeGrain, measureFlatGrain, measureGrain, residualField } from './grain.ts'
import { toneRange } from './tone-range.ts'

const drawNoise = (width: number, height: number, seed = 1): Field => {
  const random = createRandom(seed)
  return { width, height, samples: Float32Array.from({ length: width * height }, () => 100 + 10 * random.normal()) }
}

const largest = (first: Float32Array, second: Float32Array): number =>
  first.reduce((most, value, i) => Math.max(most, Math.abs(value - (second[i] as number))), 0)

describe('filters over fields', () => {
  it('leave what is flat as it is, at edges too', () => {
    const flat = { width: 13, height: 9, samples: new Float32Array(117).fill(7) }
    for (const deviation of [0, 0.5, 2, 5]) assert.ok(largest(blurField(flat, deviation).samples, flat.samples) < 1e-4)
  })

  it('take the same mean as a plain sum over the square', () => {
    const field = drawNoise(17, 11)
    const mean = boxMean(field, 2).samples
    for (let y = 0; y < 11; y++) {
      for (let x = 0; x < 17; x++) {
        let sum = 0
        for (let v = -2; v <= 2; v++) {
          for (let u = -2; u <= 2; u++)
            sum += field.samples[mirrorIndex(y + v, 11) * 17 + mirrorIndex(x + u, 17)] as number
        }
        assert.ok(Math.abs((mean[y * 17 + x] as number) - sum / 25) < 1e-3)
      }
    }
  })

  it('blur alike whether by weights or by box means', () => {
    const field = drawNoise(64, 64)
    const [below, above] = [blurField(field, 3.99), blurField(field, 4.01)]
    assert.ok(largest(below.samples, above.samples) < 1.5)
  })

  it('drop what is left over when they shrink', () => {
    const shrunk = shrinkField({ width: 3, height: 2, samples: Float32Array.of(1, 3, 9, 5, 7, 9) }, 2)
    assert.deepEqual(shrunk, { width: 1, height: 1, samples: Float32Array.of(4) })
  })

  it('reach straight lines exactly between samples', () => {
    const line = Float32Array.from({ length: 12 }, (_, x) => 3 * x + 2)
    for (const x of [2, 3.25, 6.5, 8.9]) {
      assert.ok(Math.abs(cubicInRow(line, 0, 12, x) - (3 * x + 2)) < 1e-4)
      assert.ok(Math.abs(valueAt({ width: 6, height: 2, samples: line }, x / 2, 0.5) - (1.5 * x + 11)) < 1e-4)
    }
    assert.equal(cubicInRow(line, 0, 12, -4), 2)
  })
})

describe('grain', () => {
  for (const softness of [0, 0.5, 1]) {
    it(`comes out as it was asked for, softness ${softness}`, () => {
      const samples = makeGrain(128, 128, { level: 5, softness }, createRandom(3))
      const measured = measureGrain(residualField({ width: 128, height: 128, samples }))
      assert.ok(Math.abs(measured.level / 5 - 1) < 0.08, `${measured.level}`)
      assert.ok(Math.abs(measured.softness - softness) < 0.25, `${measured.softness}`)
    })
  }

  it('is hardly moved by an edge, where the flat part is asked for', () => {
    const field = drawNoise(128, 128)
    const edged = { ...field, samples: field.samples.map((value, i) => value + (i % 128 > 60 ? 500 : 0)) }
    const [plain, other] = [measureFlatGrain(residualField(field)).level, measureFlatGrain(residualField(edged)).level]
    assert.ok(Math.abs(other / plain - 1) < 0.05, `${plain} ${other}`)
  })

  it('is none where there is none', () => {
    const flat = residualField({ width: 40, height: 40, samples: new Float32Array(1600).fill(9) })
    assert.ok(measureFlatGrain(flat).level < 1e-4)
    assert.ok(makeGrain(8, 8, { level: 0, softness: 0 }, createRandom(1)).every((value) => value === 0))
  })
})

describe('tone range', () => {
  const samples = Float32Array.from({ length: 1000 }, (_, i) => i)

  it('is the window, as far as there are values', () => {
    assert.deepEqual(toneRange({ samples, white: 1023, window: { low: -50, high: 400 } }), { low: 0, high: 400 })
  })

  it('leaves out the tails without a window, or with one that shows nothing', () => {
    const expected = { low: 5, high: 994 }
    assert.deepEqual(toneRange({ samples, white: 1023, window: null }), expected)
    assert.deepEqual(toneRange({ samples, white: 1023, window: { low: 2000, high: 3000 } }), expected)
  })

  it('is a step wide at least', () => {
    assert.deepEqual(toneRange({ samples: new Float32Array(50).fill(3), white: 255, window: null }), {
      low: 3,
      high: 4,
    })
  })
})
