/** Crops, turns, flips, screenshots, prints: where things go. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { areaAfterCrop, cropPicture, cropSides } from './crop.ts'
import { createPicture } from './picture.ts'
import { OFFICE, printAndScan } from './print-scan.ts'
import { flipSideways, flipUpsideDown, rotatePicture, straighten, turnQuarters, warpPicture } from './rotate.ts'
import { captureScreen, captureWindow } from './screenshot.ts'
import { farthest, pictureOf, rowsOf, SMALL, texture } from './testing/pictures.ts'
import { applyGamma, applyWindow, invertPicture } from './tone.ts'

const CORNER = pictureOf([
  [1, 2, 3],
  [4, 5, 6],
])

describe('crop', () => {
  it('cuts out an area', () => {
    assert.deepEqual(rowsOf(cropPicture(SMALL, { left: 2, top: 1, width: 3, height: 2 })), [
      [255, 255, 12],
      [25, 35, 45],
    ])
  })

  it('refuses an area that does not lie in the picture', () => {
    for (const area of [
      { left: -1, top: 0, width: 2, height: 2 },
      { left: 7, top: 0, width: 2, height: 2 },
      { left: 0, top: 0, width: 0, height: 2 },
    ]) {
      assert.throws(() => cropPicture(SMALL, area), RangeError)
    }
  })

  it('shortens each side by the share, at places that the seed decides', () => {
    const picture = createPicture(200, 100)
    const areas = Array.from({ length: 50 }, (_, seed) => areaAfterCrop(picture, 0.25, seed))
    assert.ok(areas.every(({ width, height }) => width === 150 && height === 75))
    assert.ok(areas.every(({ left, top }) => left >= 0 && left <= 50 && top >= 0 && top <= 25))
    assert.ok(new Set(areas.map(({ left }) => left)).size > 10)
    assert.deepEqual(cropSides(picture, 1, 1).samples.length, 1)
  })
})

describe('turns and flips', () => {
  it('mirror and turn without loss', () => {
    assert.deepEqual(rowsOf(flipSideways(CORNER)), [
      [3, 2, 1],
      [6, 5, 4],
    ])
    assert.deepEqual(rowsOf(flipUpsideDown(CORNER)), [
      [4, 5, 6],
      [1, 2, 3],
    ])
    assert.deepEqual(rowsOf(turnQuarters(CORNER, 1)), [
      [3, 6],
      [2, 5],
      [1, 4],
    ])
    assert.deepEqual(turnQuarters(turnQuarters(CORNER, 1), -1), CORNER)
    assert.deepEqual(turnQuarters(CORNER, 4), CORNER)
  })

  it('leave a picture as it is when they turn by nothing', () => {
    assert.equal(farthest(rotatePicture(SMALL, 0), SMALL), 0)
  })

  it('turn by a quarter as the turn without loss', () => {
    const square = texture(31, 31)
    assert.ok(farthest(rotatePicture(square, 90), turnQuarters(square, 1)) <= 255)
    const inner = { left: 2, top: 2, width: 27, height: 27 }
    assert.ok(farthest(cropPicture(rotatePicture(square, 90), inner), cropPicture(turnQuarters(square, 1), inner)) <= 1)
  })

  it('straighten without black corners', () => {
    const white = createPicture(120, 80)
    white.samples.fill(255)
    for (const degrees of [1, -2, 10]) {
      const { samples, width, height } = straighten(white, degrees)
      assert.ok(samples.every((value) => value === 255))
      assert.ok(width / height > 1.4 && width / height < 1.6, `${width} ${height}`)
    }
  })

  it('shift with black from outside', () => {
    const shifted = warpPicture(CORNER, { a: 1, b: 0, c: 1, d: 0, e: 1, f: 0 })
    assert.deepEqual(rowsOf(shifted), [
      [2, 3, 0],
      [5, 6, 0],
    ])
  })
})

describe('tone', () => {
  it('maps each level alone', () => {
    const ramp = pictureOf([[0, 64, 128, 255]])
    assert.deepEqual(rowsOf(invertPicture(ramp)), [[255, 191, 127, 0]])
    assert.deepEqual(rowsOf(applyWindow(ramp, 1.25, -40)), [[0, 40, 120, 255]])
    assert.deepEqual(rowsOf(applyGamma(ramp, 0.8)), [[0, 84, 147, 255]])
  })
})

describe('screens and prints', () => {
  it('fit a picture between black bars, with text over it', () => {
    const shot = captureScreen(texture(100, 50), { width: 64, height: 64 }, 'L')
    assert.deepEqual([shot.width, shot.height], [64, 64])
    assert.ok(shot.samples.subarray(0, 64 * 15).every((value) => value === 0))
    assert.ok(shot.samples.subarray(64 * 24, 64 * 40).some((value) => value === 255))
  })

  it('cut a window a little narrower than the picture, and smaller', () => {
    const { width, height } = captureWindow(texture(300, 200), 1)
    assert.deepEqual([width, height], [Math.round(288 * 0.83), Math.round(192 * 0.83)])
  })

  it('print repeatably, and darker', () => {
    const picture = texture(90, 70)
    const printed = printAndScan(picture, 4)
    assert.deepEqual(printAndScan(picture, 4), printed)
    assert.notDeepEqual(printAndScan(picture, 5), printed)
    assert.ok(mean(printed.samples) < mean(picture.samples))
  })

  it('print without loss when nothing is lossy', () => {
    const ideal = { ...OFFICE, blur: 0.01, dotGain: 1, turn: 0, scale: 0, shift: 0, shade: 0, noise: 0, quality: 100 }
    const picture = texture(40, 40)
    assert.ok(farthest(printAndScan(picture, 1, ideal), picture) <= 1)
  })
})

function mean(samples: Uint8Array): number {
  return samples.reduce((sum, value) => sum + value, 0) / samples.length
}
