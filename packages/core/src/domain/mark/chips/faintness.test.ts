import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../../testing/seeded.ts'
import { embedChips } from './embed-chips.ts'

describe('chips', () => {
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

  it('change samples of a flat place by one at most, and elsewhere by no more than the noise there', () => {
    const marked = embedChips([plane], options)?.planes[0]
    assert.ok(marked !== undefined)
    const most = { flat: 0, noisy: 0 }
    for (const [i, sample] of marked.samples.entries()) {
      const where = i % width < width / 2 ? 'flat' : 'noisy'
      most[where] = Math.max(most[where], Math.abs(sample - (plane.samples[i] as number)))
    }
    assert.ok(most.flat <= 1 && most.noisy <= 6, JSON.stringify(most))
  })
})
