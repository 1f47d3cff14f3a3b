/** READ 00-READ-ME-NOW.txt in this folder. What is seen of the chips in flat places: nothing. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../../testing/seeded.ts'
import { embedChips } from './embed-chips.ts'

describe('chips in a flat place', () => {
  const width = 512
  const random = seeded(3)
  // A smooth slope with faint noise on the left, strong noise on the right.
  const samples = Uint8Array.from({ length: width * width }, (_, i) => {
    const x = i % width
    const deviation = x < width / 2 ? 0.6 : 6
    const noise = ((random(1000) + random(1000) + random(1000)) / 1500 - 1) * 1.7 * deviation
    return Math.round(150 + (60 * i) / (width * width) + noise)
  })
  const plane = { width, height: width, bits: 8, samples: Uint16Array.from(samples) }
  const options = {
    key: new Uint8Array(32),
    id: new Uint8Array(8),
    views: [],
    limits: { minStoredPsnr: 55, minDisplayPsnr: 48 },
  }

  it('change samples by one at most, and half of them at most', () => {
    const marked = embedChips([plane], options)?.planes[0]?.samples ?? plane.samples
    let most = 0
    for (let cell = 0; cell < 64 * 128; cell++) {
      const left = (cell % 64) * 4
      const top = Math.floor(cell / 64) * 4
      let sum = 0
      for (let y = top; y < top + 4; y++) {
        for (let x = left; x < left + 4; x++) {
          const by = (marked[y * width + x] as number) - (plane.samples[y * width + x] as number)
          assert.ok(Math.abs(by) <= 1, `${by} at ${x}, ${y}`)
          sum += by
        }
      }
      most = Math.max(most, Math.abs(sum) / 16)
    }
    assert.ok(most <= 0.6, `a mean change of ${most}`)
  })
})
