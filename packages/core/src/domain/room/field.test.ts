import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blurField, enlargeField, noiseField, shrinkField } from './field.ts'
import { createRandom } from './random.ts'

const size = { columns: 101, rows: 81 }
const sumOf = (map: Float32Array): number => map.reduce((sum, value) => sum + value, 0)

describe('field', () => {
  for (const deviation of [0.4, 1, 3, 6, 12]) {
    it(`spreads a point over a deviation of ${deviation} pixels and keeps its sum`, () => {
      const map = new Float32Array(size.columns * size.rows)
      map[40 * size.columns + 50] = 1
      const blurred = blurField(map, size, deviation)
      assert.ok(Math.abs(sumOf(blurred) - 1) < 0.02)
      let variance = 0
      for (const [i, value] of blurred.entries()) variance += value * ((i % size.columns) - 50) ** 2
      // The kernel ends at three deviations, and pixels have an extent of their own.
      assert.ok(Math.abs(Math.sqrt(variance) - deviation) < 0.12 * deviation + 0.15, `deviation ${Math.sqrt(variance)}`)
    })
  }

  it('leaves a flat map flat up to its edges', () => {
    for (const value of blurField(new Float32Array(size.columns * size.rows).fill(3), size, 9))
      assert.ok(Math.abs(value - 3) < 1e-4)
  })

  it('shrinks to means and enlarges between them', () => {
    const ramp = Float32Array.from({ length: size.columns * size.rows }, (_, i) => i % size.columns)
    const small = shrinkField(ramp, size, 4)
    assert.equal(small.map[0], 1.5)
    const back = enlargeField(small.map, small, size, 4)
    for (const u of [10, 33, 80]) assert.ok(Math.abs((back[40 * size.columns + u] as number) - u) < 0.01)
  })

  it('draws noise of about zero mean and unit deviation, smooth at the size of its cells', () => {
    const wide = { columns: 400, rows: 300 }
    const noise = noiseField(wide, createRandom('noise'), 12, 3, 0.5)
    const mean = sumOf(noise) / noise.length
    const deviation = Math.sqrt(noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length)
    assert.ok(Math.abs(mean) < 0.15, `mean ${mean}`)
    assert.ok(deviation > 0.75 && deviation < 1.25, `deviation ${deviation}`)
    let steps = 0
    for (let i = 1; i < noise.length; i++) steps += ((noise[i] as number) - (noise[i - 1] as number)) ** 2
    assert.ok(Math.sqrt(steps / noise.length) < 0.45)
  })
})
