import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resizePicture, scalePicture } from './resize.ts'
import { farthest, pictureOf, rowsOf, SMALL, texture } from './testing/pictures.ts'

/** What Pillow 13.0.0 makes of the same picture. */
const PILLOW = {
  lanczos: [
    [56, 138, 162, 57, 78],
    [23, 103, 72, 36, 82],
    [181, 174, 3, 52, 113],
    [0, 56, 15, 21, 32],
  ],
  bilinear: [
    [55, 124, 148, 63, 81],
    [32, 97, 69, 48, 78],
    [153, 155, 23, 46, 102],
    [18, 54, 16, 24, 39],
  ],
  area: [
    [53, 143, 152, 17, 81],
    [10, 25, 40, 55, 70],
    [150, 215, 15, 30, 95],
    [2, 3, 7, 13, 28],
  ],
} as const

/** The same, made wider and then less high. */
const PILLOW_WIDER = [
  [0, 47, 97, 113, 142, 165, 104, 23, 62, 86, 62],
  [112, 105, 137, 165, 70, 20, 17, 39, 75, 100, 105],
  [38, 58, 110, 115, 25, 0, 24, 22, 38, 54, 57],
]

/** What OpenCV 5.0.0 makes of it with INTER_LINEAR. */
const OPENCV = pictureOf([
  [50, 93, 161, 19, 78],
  [6, 75, 63, 51, 72],
  [194, 220, 10, 33, 117],
  [10, 49, 11, 20, 37],
])

describe('resize', () => {
  for (const filter of ['lanczos', 'bilinear', 'area'] as const) {
    it(`gives the samples of Pillow (${filter})`, () => {
      assert.deepEqual(rowsOf(resizePicture(SMALL, { width: 5, height: 4 }, filter)), PILLOW[filter])
    })
  }

  it('makes one side larger and the other smaller', () => {
    assert.deepEqual(rowsOf(resizePicture(SMALL, { width: 11, height: 3 })), PILLOW_WIDER)
  })

  it('samples as OpenCV does, give or take one', () => {
    assert.ok(farthest(resizePicture(SMALL, { width: 5, height: 4 }, 'sampled'), OPENCV) <= 1)
  })

  it('changes nothing at the same size', () => {
    assert.equal(farthest(resizePicture(SMALL, SMALL), SMALL), 0)
  })

  it('never makes a side of nothing', () => {
    const { width, height } = scalePicture(texture(5, 900), 0.01)
    assert.deepEqual([width, height], [1, 9])
  })
})
