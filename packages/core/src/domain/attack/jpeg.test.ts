import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compressJpeg, quantisationSteps } from './jpeg.ts'
import { createPicture } from './picture.ts'
import { farthest, texture } from './testing/pictures.ts'

describe('JPEG', () => {
  it('scales table K.1 by quality', () => {
    assert.deepEqual([...quantisationSteps(50).subarray(0, 4)], [16, 11, 10, 16])
    assert.deepEqual([...quantisationSteps(75).subarray(0, 4)], [8, 6, 5, 8])
    assert.deepEqual([...quantisationSteps(10).subarray(0, 4)], [80, 55, 50, 80])
    assert.ok(quantisationSteps(1).every((step) => step === 255))
    assert.ok(quantisationSteps(100).every((step) => step === 1))
  })

  it('keeps a plain picture as it is', () => {
    const plain = createPicture(19, 23)
    plain.samples.fill(77)
    assert.equal(farthest(compressJpeg(plain, 90), plain), 0)
  })

  it('loses more at a lower quality', () => {
    const picture = texture(61, 45)
    const losses = [95, 75, 40, 10].map((quality) => meanLoss(picture.samples, compressJpeg(picture, quality).samples))
    assert.deepEqual(
      losses,
      losses.toSorted((a, b) => a - b),
    )
    assert.ok((losses[0] as number) < 2 && (losses[3] as number) > 4, losses.join())
  })

  it('changes at most one at quality 100', () => {
    const picture = texture(40, 40)
    assert.ok(farthest(compressJpeg(picture, 100), picture) <= 1)
  })

  it('takes a picture smaller than a block', () => {
    const { width, height } = compressJpeg(texture(1, 3), 60)
    assert.deepEqual([width, height], [1, 3])
  })
})

function meanLoss(before: Uint8Array, after: Uint8Array): number {
  return before.reduce((sum, value, i) => sum + Math.abs(value - (after[i] as number)), 0) / before.length
}
