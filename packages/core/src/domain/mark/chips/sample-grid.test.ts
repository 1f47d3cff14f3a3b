import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../../testing/seeded.ts'
import { sampleGrid } from './sample-grid.ts'

const random = seeded(17)

describe('sampleGrid', () => {
  it('gives the mean of whole pixels, and of parts', () => {
    const picture = { width: 3, height: 1, samples: Uint8Array.of(10, 20, 40) }
    const row = { first: 0.5, step: 1, count: 1 }
    assert.deepEqual([...sampleGrid(picture, { first: 0.5, step: 1, count: 3 }, row)], [10, 20, 40])
    assert.deepEqual([...sampleGrid(picture, { first: 1, step: 1, count: 2 }, row)], [15, 30])
  })

  it('gives the same for bytes, of small and of large pictures, as for floats', () => {
    for (const [width, height] of [
      [40, 30],
      [700, 500],
    ] as const) {
      const samples = Uint8Array.from({ length: width * height }, () => random(256))
      for (let round = 0; round < 20; round++) {
        const boxes = () => ({ first: random(100) / 7 - 5, step: (1 + random(400)) / 40, count: 1 + random(90) })
        const [across, down] = [boxes(), boxes()]
        const floats = { width, height, samples: Float32Array.from(samples) }
        const expected = sampleGrid(floats, across, down)
        const means = sampleGrid({ width, height, samples }, across, down)
        assert.ok(means.every((mean, i) => Math.abs(mean - (expected[i] as number)) < 1e-4))
      }
    }
  })
})
