import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRandom } from '../attack/random.ts'
import type { GreyView } from '../pixels/grey-view.ts'
import type { NormalPlane } from './normal-plane.ts'
import { normaliseView } from './normalise.ts'

function viewBy(width: number, height: number, rule: (x: number, y: number) => number, white = 255): GreyView {
  const samples = Float32Array.from({ length: width * height }, (_, i) => rule(i % width, Math.floor(i / width)))
  return { width, height, samples, white, window: null }
}

/** Slopes and waves with grain, 40 to 200. */
function scene(seed = 1): (x: number, y: number) => number {
  const random = createRandom(seed)
  return (x, y) => Math.round(120 + 60 * Math.sin(x / 37) * Math.cos(y / 29) + 3 * random.normal())
}

function planeOf(view: GreyView): NormalPlane {
  const plane = normaliseView(view)
  if (typeof plane === 'string') throw new RangeError(plane)
  return plane
}

describe('normalise', () => {
  it('spreads values over the whole range, whatever the window says', () => {
    const rule = scene()
    const plane = planeOf({ ...viewBy(300, 260, rule), window: { low: 0, high: 20 } })
    assert.deepEqual([plane.width, plane.height, plane.shrink], [300, 260, 1])
    assert.ok(Math.min(...plane.samples) < 6 && Math.max(...plane.samples) > 249)
  })

  it('gives the same plane for other bits, gains and offsets', () => {
    const eight = viewBy(256, 256, scene())
    const sixteen = { ...eight, white: 65535, samples: eight.samples.map((value) => 1000 + 64 * value) }
    assert.deepEqual(planeOf(sixteen).samples, planeOf(eight).samples)
  })

  it('cuts black, white and double borders', () => {
    const rule = scene()
    const inside = viewBy(240, 220, rule)
    for (const border of [() => 0, () => 255, (x: number) => (x < 10 ? 255 : 0)]) {
      const framed = viewBy(300, 280, (x, y) =>
        x >= 30 && x < 270 && y >= 40 && y < 260 ? (inside.samples[(y - 40) * 240 + x - 30] as number) : border(x),
      )
      const plane = planeOf(framed)
      assert.deepEqual(plane.crop, { left: 30, top: 40, right: 270, bottom: 260 })
      assert.deepEqual(plane.samples, planeOf(inside).samples)
    }
  })

  it('cuts a border although a letter is burned into it', () => {
    const rule = scene()
    const plane = planeOf(
      viewBy(600, 300, (x, y) => (x >= 100 ? rule(x, y) : x > 40 && x < 50 && y > 100 && y < 104 ? 255 : 0)),
    )
    assert.equal(plane.crop.left, 100)
  })

  it('shrinks by whole numbers and says which samples it used', () => {
    const plane = planeOf(viewBy(1301, 700, scene()))
    assert.equal(plane.shrink, 3)
    assert.deepEqual([plane.width, plane.height], [433, 233])
    assert.deepEqual(plane.crop, { left: 0, top: 0, right: 1299, bottom: 699 })
  })

  it('takes saturated fields and what is near them out, and leaves lone samples in', () => {
    const rule = scene()
    const isField = (x: number, y: number): boolean => (x - 150) ** 2 + (y - 150) ** 2 < 900
    const plane = planeOf(
      viewBy(300, 300, (x, y) => (isField(x, y) ? 255 : x % 97 === 0 && y % 97 === 0 ? 255 : rule(x, y))),
    )
    assert.equal(plane.usable[150 * 300 + 150], 0)
    assert.equal(plane.usable[150 * 300 + 181], 0)
    assert.equal(plane.usable[150 * 300 + 190], 1)
    assert.equal(plane.usable[97 * 300 + 97], 1)
  })

  it('is hardly changed by what is background', () => {
    const rule = scene(5)
    const plane = planeOf(viewBy(400, 300, (x, y) => (x + y < 150 ? 0 : rule(x, y))))
    const at = 250 * 400 + 200
    assert.equal(plane.usable[10 * 400 + 10], 0)
    assert.ok(
      Math.max(...plane.samples.subarray(at, at + 100)) - Math.min(...plane.samples.subarray(at, at + 100)) > 60,
    )
  })

  const refused: readonly (readonly [name: string, view: GreyView, refusal: string])[] = [
    ['black', viewBy(300, 300, () => 0), 'blank'],
    ['white', viewBy(300, 300, () => 255), 'blank'],
    ['one sample on black', viewBy(300, 300, (x, y) => (x === 7 && y === 9 ? 255 : 0)), 'blank'],
    ['tiny', viewBy(64, 64, scene()), 'too_small'],
    ['narrow', viewBy(1000, 150, scene()), 'too_small'],
    ['narrow once shrunk', viewBy(2000, 300, scene()), 'too_small'],
    [
      'small within a border',
      viewBy(400, 400, (x, y) => (x > 150 && x < 250 && y > 150 && y < 250 ? x + y / 3 : 0)),
      'too_small',
    ],
    ['two values', viewBy(300, 300, (x, y) => ((x ^ y) & 8 ? 200 : 50)), 'too_few_values'],
    [
      'mostly saturated',
      viewBy(400, 400, (x, y) => (x + y < 550 ? (((x >> 6) ^ (y >> 6)) & 1 ? 0 : 255) : (x * 7 + y * 3) % 251)),
      'too_few_values',
    ],
  ]
  for (const [name, view, refusal] of refused) {
    it(`refuses a picture that is ${name}`, () => assert.equal(normaliseView(view), refusal))
  }

  it('never throws and never gives a value out of range', () => {
    const random = createRandom(9)
    for (let round = 0; round < 40; round++) {
      const [width, height] = [1 + random.integer(400), 1 + random.integer(400)]
      const [level, spread] = [random.integer(60000), random.integer(3) === 0 ? 0 : random.integer(5000)]
      const plane = normaliseView(viewBy(width, height, () => level + spread * random.normal(), 65535))
      if (typeof plane === 'string') continue
      assert.ok(plane.samples.every((value) => value >= 0 && value <= 255))
    }
  })
})
