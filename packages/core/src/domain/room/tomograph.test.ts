import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TISSUES } from './materials.ts'
import { createRandom } from './random.ts'
import { reconstructNoise } from './reconstruction.ts'
import type { Scene } from './shapes.ts'
import { ball, cut, shell } from './shapes.ts'
import type { SliceSetup } from './tomograph.ts'
import { hounsfieldOf, paintCut, scanSlice } from './tomograph.ts'

const setup: SliceSetup = {
  size: 128,
  pixelMm: 2,
  centerX: 0,
  centerY: 0,
  z: 0,
  thicknessMm: 3,
  currentTimeMas: 150,
  bodyScale: 1,
  tableY: 500,
}
const body = ball([0, 0, 0], [90, 70, 200])
const scene: Scene = { layers: [{ softnessMm: 0, solids: [{ piece: body, fill: TISSUES.liver }] }], details: [] }

function statistics(
  map: Float32Array,
  left: number,
  top: number,
  side: number,
  columns = setup.size,
): { mean: number; deviation: number } {
  const values: number[] = []
  for (let v = top; v < top + side; v++)
    for (let u = left; u < left + side; u++) values.push(map[v * columns + u] as number)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

/** Hounsfield map of a disc of water. */
function disc(size: number, radius: number): Float32Array {
  const middle = (size - 1) / 2
  return Float32Array.from({ length: size * size }, (_, i) =>
    Math.hypot((i % size) - middle, Math.floor(i / size) - middle) < radius ? 0 : -1000,
  )
}

describe('tomograph', () => {
  it('paints a cut of the area of its ellipse', () => {
    const map = paintCut(scene, setup)
    const inside = map.reduce((sum, value) => sum + (value > -500 ? 1 : 0), 0)
    // Fine pixels of 1 mm.
    assert.ok(Math.abs(inside / (Math.PI * 90 * 70) - 1) < 0.01)
  })

  it('paints what a plane leaves, walls and cores', () => {
    const half = cut(ball([0, 0, 0], [40, 40, 40]), { n: [1, 0, 0], h: 0 })
    const bone = shell([60, 0, 0], [12, 12, 12], 3, {
      wall: TISSUES.cortical,
      core: TISSUES.spongy,
      base: TISSUES.muscle,
    })
    const map = paintCut(
      { layers: [{ softnessMm: 0, solids: [{ piece: half, fill: TISSUES.muscle }] }], details: [bone] },
      setup,
    )
    const at = (x: number, y: number): number => map[(128 + y) * 256 + 128 + x] as number
    assert.ok(at(-20, 0) > 0 && at(20, 0) === -1000)
    assert.ok(at(50, 0) > 1000)
    assert.ok(Math.abs(at(60, 0) - hounsfieldOf(TISSUES.spongy)) < 1)
  })

  it('shows a tissue at its Hounsfield value', () => {
    const slice = scanSlice(scene, setup, createRandom('series'), createRandom('slice'))
    const { mean } = statistics(slice, 54, 54, 20)
    assert.ok(Math.abs(mean - hounsfieldOf(TISSUES.liver)) < 4, `mean ${mean}`)
    assert.ok(Math.abs(statistics(slice, 60, 4, 8).mean + 1000) < 15)
  })

  it('has less noise for a thicker slice, by the root', () => {
    const noise = (thicknessMm: number): number =>
      statistics(scanSlice(scene, { ...setup, thicknessMm }, createRandom('series'), createRandom('slice')), 50, 50, 28)
        .deviation
    const ratio = noise(1.5) / noise(6)
    assert.ok(ratio > 1.7 && ratio < 2.3, `ratio ${ratio}`)
  })

  it('draws noise anew in each slice and nothing else', () => {
    const one = scanSlice(scene, setup, createRandom('series'), createRandom('slice 1'))
    const two = scanSlice(scene, setup, createRandom('series'), createRandom('slice 2'))
    assert.notDeepEqual(one, two)
    assert.deepEqual(one, scanSlice(scene, setup, createRandom('series'), createRandom('slice 1')))
    assert.ok(Math.abs(statistics(one, 50, 50, 28).mean - statistics(two, 50, 50, 28).mean) < 3)
  })
})

describe('reconstruction noise', () => {
  const size = 128
  const noise = reconstructNoise(
    { hounsfield: disc(size, 55), size, pixelMm: 2.5, openQuanta: 1e5, views: 120 },
    createRandom('noise'),
  )

  it('has no mean, and more in the middle of a disc than at its rim', () => {
    const middle = statistics(noise, 52, 52, 24, size)
    const rim = statistics(noise, 52, 12, 14, size)
    assert.ok(Math.abs(middle.mean) < middle.deviation / 3)
    assert.ok(middle.deviation > 1.15 * rim.deviation, `${middle.deviation} and ${rim.deviation}`)
  })

  it('is fine-grained: neighbours on a diagonal hardly agree, as behind a ramp filter', () => {
    let [product, square] = [0, 0]
    for (let v = 45; v < 83; v++) {
      for (let u = 45; u < 83; u++) {
        product += (noise[v * size + u] as number) * (noise[(v + 3) * size + u + 3] as number)
        square += (noise[v * size + u] as number) ** 2
      }
    }
    assert.ok(Math.abs(product / square) < 0.15, `correlation ${product / square}`)
  })

  it('is zero outside the circle of the scan', () => {
    assert.equal(noise[0], 0)
    assert.equal(noise[size * size - 1], 0)
  })

  it('falls with the root of the quanta', () => {
    const more = reconstructNoise(
      { hounsfield: disc(size, 55), size, pixelMm: 2.5, openQuanta: 4e5, views: 120 },
      createRandom('noise'),
    )
    const ratio = statistics(noise, 50, 50, 28, size).deviation / statistics(more, 50, 50, 28, size).deviation
    assert.ok(Math.abs(ratio - 2) < 0.02, `ratio ${ratio}`)
  })
})
