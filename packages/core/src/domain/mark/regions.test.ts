import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRaster } from '../../formats/picture/raster.ts'
import { drawAltered, greyOf, middleWindow, renderPlanes } from './heat-map.ts'
import { regionsOf } from './regions.ts'
import { gridOf } from './tiles/grid.ts'

// 4 × 3 tiles of 32, the last ones larger.
const grid = gridOf({ width: 140, height: 100 }, 32)
const heldBut = (...lost: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: 12 }, (_, i) => (lost.includes(i) ? 0 : 1))

describe('regionsOf', () => {
  it('gathers tiles that touch, corners included', () => {
    assert.deepEqual(regionsOf(grid, heldBut(0, 5, 3)), [
      { left: 0, top: 0, right: 64, bottom: 64, tiles: 2 },
      { left: 96, top: 0, right: 140, bottom: 32, tiles: 1 },
    ])
  })

  it('does not reach around the edge, and finds nothing where everything holds', () => {
    assert.equal(regionsOf(grid, heldBut(3, 4)).length, 2)
    assert.deepEqual(regionsOf(grid, heldBut()), [])
  })

  it('takes in everything where nothing holds', () => {
    assert.deepEqual(regionsOf(grid, new Uint8Array(12)), [{ left: 0, top: 0, right: 140, bottom: 100, tiles: 12 }])
  })
})

describe('a heat map', () => {
  it('is red where tiles do not hold', () => {
    const picture = createRaster(140, 100, [100, 100, 100])
    const held = heldBut(5)
    drawAltered(picture, grid, held, regionsOf(grid, held))
    const at = (x: number, y: number) => [...picture.data.subarray(3 * (y * 140 + x), 3 * (y * 140 + x) + 3)]
    assert.deepEqual(at(5, 5), [100, 100, 100])
    const [red = 0, green = 0] = at(40, 40)
    assert.ok(red > 100 && green < 100)
  })

  it('shows grey through a window, and colour as it is', () => {
    const plane = { width: 2, height: 1, bits: 12, samples: Uint16Array.of(100, 300) }
    const shown = renderPlanes([plane], { windows: [{ low: 100, high: 300 }], isInverted: false })
    assert.deepEqual([...shown.data], [0, 0, 0, 255, 255, 255])
    const inverted = renderPlanes([plane], { windows: [{ low: 100, high: 300 }], isInverted: true })
    assert.deepEqual([...inverted.data], [255, 255, 255, 0, 0, 0])
    const [red, green, blue] = [10, 20, 30].map((v) => ({ width: 1, height: 1, bits: 8, samples: Uint16Array.of(v) }))
    const colour = renderPlanes([red, green, blue] as never, { windows: [], isInverted: false })
    assert.deepEqual([...colour.data], [10, 20, 30])
  })

  it('leaves the ends out where no window is known', () => {
    const samples = Uint16Array.from({ length: 1000 }, (_, i) => (i === 0 ? 4000 : 500 + (i % 100)))
    const plane = { width: 1000, height: 1, bits: 12, samples }
    assert.deepEqual(middleWindow(plane), { low: 500, high: 599 })
    assert.equal(greyOf(plane, { low: 500, high: 599 })[0], 255)
    const flat = { ...plane, samples: new Uint16Array(1000) }
    assert.deepEqual(middleWindow(flat), { low: 0, high: 1 })
  })
})
