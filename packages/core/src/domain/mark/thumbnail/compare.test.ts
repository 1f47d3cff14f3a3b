import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Plane } from '../../pixels/plane.ts'
import type { ChipTransform } from '../chips/read-chips.ts'
import { CELL_STATES, compareThumbnail, type ThumbnailComparison } from './compare.ts'
import type { GreyPicture } from './place.ts'
import { makeThumbnail } from './thumbnail.ts'

const SIDE = 512

/** Hills and a few hard edges. @param edit  a change of each value */
function scene(phase = 0, edit = (value: number, _x: number, _y: number): number => value): GreyPicture {
  const samples = new Uint8Array(SIDE * SIDE)
  for (let y = 0, i = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++, i++) {
      const hills = 110 + 50 * Math.sin(x / 31 + phase) * Math.cos(y / 43) + 20 * Math.sin((x * y) / 9000 + phase)
      const bone = (x + 2 * y + 40 * phase) % 300 < 40 ? 35 : 0
      const grain = ((Math.imul(i, 2_654_435_761) >>> 24) - 128) / 32
      samples[i] = Math.max(0, Math.min(255, edit(hills + bone + grain, x, y)))
    }
  }
  return { width: SIDE, height: SIDE, samples }
}

const thumbnailOf = ({ width, height, samples }: GreyPicture) => {
  const plane: Plane = { width, height, bits: 8, samples: Uint16Array.from(samples) }
  return makeThumbnail([plane], [0, 255])
}

/** The part from (left, top), every second pixel of it the mean of four. */
function halve({ width, samples }: GreyPicture, left: number, top: number, side: number): GreyPicture {
  const at = (x: number, y: number): number => samples[y * width + x] as number
  const half = new Uint8Array((side / 2) ** 2)
  for (let i = 0; i < half.length; i++) {
    const [x, y] = [left + 2 * (i % (side / 2)), top + 2 * Math.floor(i / (side / 2))]
    half[i] = (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1) + 2) / 4
  }
  return { width: side / 2, height: side / 2, samples: half }
}

const placed = (left: number, top: number, scale = 1): ChipTransform => {
  return { left: left / SIDE, top: top / SIDE, across: scale / SIDE, down: scale / SIDE, angle: 0 }
}
const cellAt = ({ columns, states }: ThumbnailComparison, x: number, y: number): number | undefined =>
  states[Math.floor(y / 4) * columns + Math.floor(x / 4)]

const darken = (value: number, x: number, y: number): number =>
  x >= 200 && x < 216 && y >= 300 && y < 316 ? value - 40 : value

describe('comparison with a thumbnail', () => {
  const thumbnail = thumbnailOf(scene())

  it('finds nothing in the same picture', () => {
    const found = compareThumbnail(scene(), placed(0, 0), thumbnail)
    assert.equal(found.outcome, 'same')
    assert.equal(found.visible, 128 * 128)
    assert.deepEqual(found.regions, [])
  })

  it('finds what was altered, and where', () => {
    const found = compareThumbnail(scene(0, darken), placed(0, 0), thumbnail)
    assert.equal(found.outcome, 'differs')
    assert.deepEqual(found.regions, [{ left: 50, top: 75, right: 54, bottom: 79, cells: 16 }])
  })

  it('finds it in a part at half the size, though the place is not exact', () => {
    const part = halve(scene(0, darken), 60, 40, 400)
    const found = compareThumbnail(part, placed(61, 39, 2), thumbnail)
    assert.equal(found.outcome, 'differs')
    assert.equal(cellAt(found, 207, 307), CELL_STATES.differs)
    assert.equal(cellAt(found, 20, 20), CELL_STATES.unseen)
    const elsewhere = found.regions.filter(({ right, left }) => right < 48 || left > 56)
    assert.deepEqual(elsewhere, [])
  })

  it('sees through another window, gamma and inversion', () => {
    for (const tone of [
      (value: number) => 255 - value,
      (value: number) => 255 * (value / 255) ** 1.3,
      (value: number) => value * 0.6 + 40,
    ]) {
      const found = compareThumbnail(scene(0, tone), placed(0, 0), thumbnail)
      assert.equal(found.outcome, 'same')
      assert.equal(found.isInverted, tone(0) > tone(255))
      const altered = scene(0, (value, x, y) => tone(Math.max(0, darken(value, x, y))))
      assert.equal(cellAt(compareThumbnail(altered, placed(0, 0), thumbnail), 207, 307), CELL_STATES.differs)
    }
  })

  it('follows a picture that was turned', () => {
    const angle = 0.02
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
    const turned = scene()
    const { samples } = scene()
    for (let i = 0; i < samples.length; i++) {
      const [x, y] = [(i % SIDE) - 255.5, Math.floor(i / SIDE) - 255.5]
      const [fromX, fromY] = [Math.round(cos * x + sin * y + 255.5), Math.round(cos * y - sin * x + 255.5)]
      const isInside = fromX >= 0 && fromY >= 0 && fromX < SIDE && fromY < SIDE
      turned.samples[i] = isInside ? (samples[fromY * SIDE + fromX] as number) : 0
    }
    const inner = { ...turned, width: SIDE, height: SIDE }
    const found = compareThumbnail(inner, { ...placed(0, 0), angle }, thumbnail)
    const wrong = found.regions.reduce((sum, { cells }) => sum + cells, 0)
    assert.notEqual(found.outcome, 'unclear')
    // Samples of the nearest pixel make steps of the bones' edges; black corners are not of the image.
    assert.ok(wrong < found.visible / 50, `${wrong} of ${found.visible}`)
    assert.equal(cellAt(found, 256, 256), CELL_STATES.same)
  })

  it('says nothing of another image, or of too little', () => {
    const other = compareThumbnail(scene(2.1), placed(0, 0), thumbnail)
    assert.notEqual(other.outcome, 'same')
    const sliver = { width: SIDE, height: 8, samples: scene().samples.subarray(0, SIDE * 8) }
    assert.equal(compareThumbnail(sliver, placed(0, 0), thumbnail).outcome, 'unclear')
  })
})
