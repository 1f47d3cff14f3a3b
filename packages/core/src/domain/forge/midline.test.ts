import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../attack/random.ts'
import { edgeDeviation } from './edge-width.ts'
import { blurField } from './field.ts'
import { findMidline, findRowMidlines, fitLine, mirrorAbout } from './midline.ts'
import { choosePlaces } from './place.ts'
import { drawChest, spineColumn } from './testing/phantom.ts'

describe('midline', () => {
  for (const shift of [-20, 0, 15]) {
    it(`is found in a chest moved by ${shift} samples`, () => {
      const { samples } = drawChest({ grain: 0.004 })
      const moved = samples.map(
        (_, i) => samples[i - (i % 256) + Math.min(255, Math.max(0, (i % 256) - shift))] as number,
      )
      const column = findMidline({ width: 256, height: 256, samples: moved })
      assert.ok(Math.abs(column - 127.5 - shift) < 2.5, `${column}`)
    })
  }

  it('follows a bent spine row by row', () => {
    const columns = findRowMidlines(drawChest({ bend: 0.05, grain: 0.002 }))
    const errors = Array.from(columns, (column, y) => (column - spineColumn(256, 0.05, y)) ** 2).slice(60, 190)
    const error = Math.sqrt(errors.reduce((sum, square) => sum + square, 0) / errors.length)
    assert.ok(error < 4, `${error}`)
  })

  it('is fitted by a line, with weights or without', () => {
    const columns = Float32Array.from({ length: 20 }, (_, y) => 3 + 0.5 * y)
    const line = fitLine(columns)
    assert.ok(Math.abs(line.offset - 3) < 1e-5 && Math.abs(line.slope - 0.5) < 1e-6)
    const weights = new Float32Array(20).fill(1)
    columns[4] = 90
    weights[4] = 0
    assert.ok(Math.abs(fitLine(columns, weights).slope - 0.5) < 1e-6)
  })

  it('mirrors twice to what was there, where both sides have a partner', () => {
    const field = drawChest()
    const twice = mirrorAbout({ ...field, samples: mirrorAbout(field, 127.5) }, 127.5)
    assert.deepEqual(twice, field.samples)
  })
})

describe('edge deviation', () => {
  it('grows with the blur of a picture', () => {
    const { width, height, samples } = drawChest({ bits: 12, grain: 0 })
    const blurs = [0, 1, 2].map((deviation) => edgeDeviation(blurField({ width, height, samples }, deviation)))
    assert.ok(
      (blurs[0] as number) < (blurs[1] as number) && (blurs[1] as number) < (blurs[2] as number),
      blurs.join(' '),
    )
  })

  it('stays within its limits for a picture of one value', () => {
    assert.equal(edgeDeviation({ width: 64, height: 64, samples: new Float32Array(4096) }), 0.5)
  })
})

describe('places', () => {
  it('lie in dark lungs, to both sides', () => {
    const host = drawChest({ grain: 0.004 })
    const places = choosePlaces(host, createRandom(1), 6, 60)
    const soft = blurField(host, 2)
    assert.ok(places.every(({ x, y }) => (soft.samples[y * 256 + x] as number) < 0.5 * 255))
    assert.ok(places.some(({ x }) => x < 110) && places.some(({ x }) => x > 146))
  })
})
