import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Plane } from '../../pixels/plane.ts'
import { embedChips } from './embed-chips.ts'
import { chipSideLength } from './geometry.ts'
import { removeChips } from './paint.ts'
import type { ChipLimits } from './plan-cells.ts'
import { readChips } from './read-chips.ts'

const key = new Uint8Array(32).fill(7)
const id = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const limits: ChipLimits = { minStoredPsnr: 50, minDisplayPsnr: 48 }

/** Smooth shapes under noise of two grey levels, from a seed. */
function picture(width: number, height: number, bits = 8, seed = 1): Plane {
  let state = seed
  const chance = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const unit = 2 ** (bits - 8)
  const samples = Uint16Array.from({ length: width * height }, (_, i) => {
    const x = i % width
    const y = (i - x) / width
    const shape = 128 + 50 * Math.sin((3 * x) / width + seed) + 40 * Math.cos((5 * y) / height)
    return Math.round(unit * (shape + 4 * (chance() + chance() - 1)))
  })
  return { width, height, bits, samples }
}

const shown = ({ width, height, bits, samples }: Plane) => ({
  width,
  height,
  samples: Uint8Array.from(samples, (value) => value >> (bits - 8)),
})

function cut(
  plane: Plane,
  { left, top, width, height }: { left: number; top: number; width: number; height: number },
): Plane {
  const samples = Uint16Array.from({ length: width * height }, (_, i) => {
    const x = i % width
    return plane.samples[(top + (i - x) / width) * plane.width + left + x] as number
  })
  return { width, height, bits: plane.bits, samples }
}

function embed(planes: readonly Plane[]) {
  const chipped = embedChips(planes, { key, id, views: [], limits })
  assert.ok(chipped !== undefined)
  return chipped
}

describe('chips', () => {
  for (const bits of [8, 12, 16]) {
    it(`carry an id in a picture of ${bits} bits, within the limits, and come off bit for bit`, () => {
      const plane = picture(512, 300, bits)
      const { planes, side, report } = embed([plane])
      assert.deepEqual(readChips(shown(planes[0] as Plane), key)?.id, id)
      assert.deepEqual(removeChips(planes, { key, side }), [plane])
      assert.equal(side.length, chipSideLength(plane))
      assert.ok(report.storedPsnr >= limits.minStoredPsnr && report.maxChange > 0)
      assert.ok(report.displayPsnrs.every((psnr) => psnr >= limits.minDisplayPsnr))
      assert.ok(report.addedPowers.every((power) => power > 0))
    })
  }
  it('change the components of a colour frame alike, and come off', () => {
    const frame = [picture(400, 400, 8, 1), picture(400, 400, 8, 2), picture(400, 400, 8, 3)]
    const { planes, side } = embed(frame)
    const changes = planes.map(({ samples }, c) =>
      samples.map((value, i) => value - ((frame[c] as Plane).samples[i] as number)),
    )
    assert.deepEqual(changes[1], changes[0])
    assert.deepEqual(changes[2], changes[0])
    assert.deepEqual(removeChips(planes, { key, side }), frame)
  })
  it('survive a crop, and say where it was', () => {
    const { planes } = embed([picture(512, 512)])
    const reading = readChips(shown(cut(planes[0] as Plane, { left: 60, top: 41, width: 400, height: 390 })), key)
    assert.deepEqual(reading?.id, id)
    assert.ok(Math.abs((reading?.transform.left ?? 0) - 60 / 512) < 0.003)
    assert.ok(Math.abs((reading?.transform.top ?? 0) - 41 / 512) < 0.003)
  })
  it('are read from a negative, which is told', () => {
    const { width, height, samples } = shown(embed([picture(400, 400)]).planes[0] as Plane)
    const reading = readChips({ width, height, samples: samples.map((value) => 255 - value) }, key)
    assert.deepEqual([reading?.id, reading?.isInverted], [id, true])
  })
  it('say nothing to another key', () => {
    const { planes } = embed([picture(400, 400)])
    assert.equal(readChips(shown(planes[0] as Plane), new Uint8Array(32).fill(8)), undefined)
  })
  it('are not found in pictures without any', () => {
    for (let seed = 1; seed <= 40; seed++) {
      assert.equal(readChips(shown(picture(128, 96, 8, seed)), key, { isSearching: seed < 3 }), undefined)
    }
  })
  it('are not offered where there is no room', () => {
    const flat = (value: number): Plane => ({ ...picture(300, 300), samples: new Uint16Array(90_000).fill(value) })
    assert.equal(embedChips([flat(0)], { key, id, views: [], limits }), undefined)
    assert.equal(embedChips([flat(255)], { key, id, views: [], limits }), undefined)
    assert.equal(embedChips([picture(249, 400)], { key, id, views: [], limits }), undefined)
    assert.equal(chipSideLength({ width: 249, height: 400, bits: 8 }), 0)
  })
  it('are not read from tiny or constant pictures', () => {
    assert.equal(readChips({ width: 1, height: 1, samples: Uint8Array.of(3) }, key), undefined)
    assert.equal(readChips({ width: 64, height: 64, samples: new Uint8Array(4096) }, key), undefined)
  })
  it('refuse components of different shapes, and keys and ids of other lengths', () => {
    const plane = picture(300, 300)
    const options = { key, id, views: [], limits }
    assert.throws(() => embedChips([plane, plane], options), RangeError)
    assert.throws(() => embedChips([plane, picture(300, 301), plane], options), RangeError)
    assert.throws(() => embedChips([plane], { ...options, id: new Uint8Array(7) }), RangeError)
    assert.throws(() => removeChips([plane], { key, side: new Uint8Array(3) }), RangeError)
  })
})
