/** Blur, median and local equalisation, against what OpenCV 5.0.0 makes of the same picture. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blurGaussian, filterMedian } from './blur.ts'
import { equaliseLocally } from './clahe.ts'
import { addNoise } from './noise.ts'
import { createPicture } from './picture.ts'
import { farthest, pictureOf, rowsOf, SMALL, texture } from './testing/pictures.ts'

const MEDIAN = [
  [10, 30, 90, 90, 90, 56, 60, 60],
  [5, 15, 35, 45, 45, 55, 60, 75],
  [5, 25, 35, 35, 34, 45, 65, 78],
  [15, 99, 35, 29, 29, 45, 59, 75],
  [9, 99, 19, 10, 13, 21, 39, 59],
  [2, 3, 5, 8, 13, 21, 34, 34],
]
const BLUR = pictureOf([
  [59, 83, 122, 132, 102, 70, 69, 73],
  [55, 77, 114, 117, 86, 63, 67, 73],
  [80, 91, 102, 83, 57, 54, 70, 79],
  [119, 123, 109, 65, 39, 47, 71, 82],
  [94, 101, 94, 54, 30, 37, 55, 63],
  [63, 73, 73, 45, 26, 31, 43, 49],
])
const CLAHE = pictureOf([
  [85, 234, 149, 196, 244, 26, 234, 149],
  [42, 42, 255, 255, 64, 85, 128, 212],
  [71, 110, 132, 144, 133, 132, 177, 194],
  [244, 234, 223, 26, 69, 80, 234, 244],
  [117, 174, 194, 121, 130, 152, 173, 198],
  [42, 64, 85, 80, 64, 80, 106, 149],
])

describe('filters', () => {
  it('gives the median of three by three', () => {
    assert.deepEqual(rowsOf(filterMedian(SMALL)), MEDIAN)
  })

  it('blurs, give or take one', () => {
    assert.ok(farthest(blurGaussian(SMALL, 1), BLUR) <= 1)
  })

  it('equalises locally, give or take one', () => {
    assert.ok(farthest(equaliseLocally(SMALL, 3, 2), CLAHE) <= 1)
  })

  it('blurs a picture that is narrower than the gaussian', () => {
    const thin = createPicture(1, 40)
    thin.samples.fill(9)
    assert.equal(farthest(blurGaussian(thin, 3), thin), 0)
  })

  it('adds noise of the deviation that is asked for', () => {
    const grey = createPicture(200, 200)
    grey.samples.fill(128)
    const noisy = addNoise(grey, 6, 3).samples
    const mean = noisy.reduce((sum, value) => sum + value, 0) / noisy.length
    const deviation = Math.sqrt(noisy.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noisy.length)
    assert.ok(Math.abs(mean - 128) < 0.2 && Math.abs(deviation - 6) < 0.15, `${mean} ${deviation}`)
  })

  it('keeps noise in range', () => {
    const noisy = addNoise(createPicture(50, 50), 40, 1).samples
    assert.ok(noisy.some((value) => value === 0))
    assert.ok(noisy.every((value) => value < 200))
  })

  it('draws other noise from another seed', () => {
    assert.ok(farthest(addNoise(texture(20, 20), 6, 1), addNoise(texture(20, 20), 6, 2)) > 0)
  })
})
