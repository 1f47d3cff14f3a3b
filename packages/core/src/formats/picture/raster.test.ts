import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { textWidth, traceText } from './font.ts'
import type { Colour, Raster } from './raster.ts'
import {
  composePanels,
  createRaster,
  drawFrame,
  drawText,
  fillBox,
  magnifyBox,
  outlineMask,
  paintPixel,
  pasteRaster,
  rasterOfGrey,
  shrinkRaster,
  tintMask,
} from './raster.ts'

const RED: Colour = [255, 0, 0]
const at = ({ width, data }: Raster, x: number, y: number): number[] => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
]
/** Places of pixels that are not black. */
const drawn = (raster: Raster): string[] => {
  const places: string[] = []
  for (let y = 0; y < raster.height; y++)
    for (let x = 0; x < raster.width; x++) if (at(raster, x, y).some((value) => value > 0)) places.push(`${x},${y}`)
  return places
}

describe('raster', () => {
  it('makes three equal channels of grey', () => {
    const raster = rasterOfGrey(Uint8Array.of(0, 7, 255, 9), 2, 2)
    assert.deepEqual(at(raster, 1, 0), [7, 7, 7])
    assert.throws(() => rasterOfGrey(new Uint8Array(3), 2, 2), RangeError)
  })

  it('mixes colours and leaves out what lies outside', () => {
    const raster = createRaster(2, 2, [100, 100, 100])
    paintPixel(raster, 0, 0, RED, 0.5)
    assert.deepEqual(at(raster, 0, 0), [178, 50, 50])
    for (const [x, y] of [
      [-1, 0],
      [0, -1],
      [2, 0],
      [0, 2],
    ] as const)
      paintPixel(raster, x, y, RED)
    assert.deepEqual(at(raster, 1, 1), [100, 100, 100])
    assert.deepEqual(at(raster, 1, 0), [100, 100, 100])
  })

  it('frames a box from outside', () => {
    const raster = createRaster(5, 5)
    drawFrame(raster, { left: 2, top: 2, right: 3, bottom: 3 }, RED, 1)
    assert.deepEqual(drawn(raster), ['1,1', '2,1', '3,1', '1,2', '3,2', '1,3', '2,3', '3,3'])
  })

  it('tints and outlines a mask', () => {
    const mask = new Uint8Array(25)
    for (const y of [1, 2, 3]) for (const x of [1, 2, 3]) mask[y * 5 + x] = 1
    const outlined = createRaster(5, 5)
    outlineMask(outlined, mask, RED)
    assert.equal(drawn(outlined).length, 8)
    assert.ok(!drawn(outlined).includes('2,2'))
    const tinted = createRaster(5, 5)
    tintMask(tinted, mask, RED, 1)
    assert.equal(drawn(tinted).length, 9)
  })

  it('pastes with parts outside on every side', () => {
    for (const [left, top, expected] of [
      [1, 1, 4],
      [-1, -1, 1],
      [2, 2, 1],
      [-5, 0, 0],
      [0, 9, 0],
    ] as const) {
      const target = createRaster(3, 3)
      pasteRaster(target, createRaster(2, 2, RED), left, top)
      assert.equal(drawn(target).length, expected, `${left},${top}`)
    }
  })

  it('shrinks to means and magnifies to blocks', () => {
    const raster = rasterOfGrey(Uint8Array.of(0, 100, 200, 100, 50, 50, 0, 0, 9, 9, 9, 9), 4, 3)
    const small = shrinkRaster(raster, 2)
    assert.deepEqual([small.width, small.height], [2, 1])
    assert.deepEqual([at(small, 0, 0)[0], at(small, 1, 0)[0]], [50, 75])
    const large = magnifyBox(raster, { left: 1, top: -1, right: 3, bottom: 1 }, 3)
    assert.deepEqual([large.width, large.height], [6, 6])
    assert.deepEqual([at(large, 0, 0)[0], at(large, 0, 3)[0], at(large, 3, 5)[0]], [0, 100, 200])
  })

  it('writes letters dot by dot', () => {
    const raster = createRaster(20, 20)
    drawText(raster, 'l', 2, 3, RED, 2)
    const places = drawn(raster)
    assert.equal(places.length, 11 * 4)
    assert.ok(places.includes('2,3') && places.includes('11,16') && !places.includes('11,3'))
  })

  it('sets panels side by side with their captions', () => {
    const panels = ['ONE', 'A CAPTION THAT IS FAR TOO LONG'].map((caption) => ({
      raster: createRaster(60, 40, RED),
      caption,
    }))
    const sheet = composePanels(panels)
    assert.deepEqual([sheet.width, sheet.height], [3 * 12 + 120, 40 + 36 + 14])
    assert.deepEqual(at(sheet, 12, 12), [255, 0, 0])
    assert.deepEqual(at(sheet, 131, 51), [255, 0, 0])
    assert.notDeepEqual(at(sheet, 72, 12), [255, 0, 0])
    // Nothing is written to the right of the last picture.
    const paper = at(sheet, 0, 0)
    for (let y = 0; y < sheet.height; y++)
      for (let x = 144; x < sheet.width; x++) assert.deepEqual(at(sheet, x, y), paper)
  })

  it('fills boxes partly outside', () => {
    const raster = createRaster(4, 4)
    fillBox(raster, { left: -2, top: 3, right: 2, bottom: 9 }, RED)
    assert.deepEqual(drawn(raster), ['0,3', '1,3'])
  })
})

describe('font', () => {
  const dotsOf = (text: string): string => {
    const dots: string[] = []
    traceText(text, (x, y) => dots.push(`${x},${y}`))
    return dots.join(' ')
  }

  it('draws every character apart from every other', () => {
    const characters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;-+=/()%!?'^_><#"]
    assert.equal(new Set(characters.map(dotsOf)).size, characters.length)
    for (const character of characters) {
      traceText(character, (x, y) => assert.ok(x >= 0 && x < 5 && y >= 0 && y < 7))
    }
  })

  it('spaces letters by one dot and draws a box for what it lacks', () => {
    assert.equal(textWidth(''), 0)
    assert.equal(textWidth('AB'), 11)
    assert.equal(dotsOf('é'), dotsOf('€'))
    assert.equal(dotsOf(' '), '')
  })
})
