import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRaster } from '../../formats/picture/raster.ts'
import type { CueId } from './cue.ts'
import { measureCues } from './cues.ts'
import { drawCues, mapShape } from './overlay.ts'
import { chestPlane } from './testing/chest-plane.ts'

const PLACE = { crop: { left: 100, top: 50, right: 868, bottom: 818 }, shrink: 2 }
const plane = { ...chestPlane({}), ...PLACE }
const draw = (outside: readonly CueId[]): Uint8Array => {
  const raster = createRaster(900, 900)
  drawCues(raster, plane, { measurements: measureCues(plane, 'chest'), outside: new Set(outside) })
  return raster.data
}
const countAmber = (data: Uint8Array): number => {
  let count = 0
  for (let i = 0; i < data.length; i += 3) if (data[i] === 255 && data[i + 1] === 176 && data[i + 2] === 32) count++
  return count
}

describe('overlay', () => {
  it('maps boxes and lines to the picture', () => {
    const box = mapShape({ kind: 'box', left: 1, top: 2, right: 3, bottom: 4 }, PLACE)
    assert.deepEqual(box, { kind: 'box', left: 102, top: 54, right: 106, bottom: 58 })
    const line = mapShape({ kind: 'line', points: Float32Array.of(0, 0, 10, 20) }, PLACE)
    assert.deepEqual(line, { kind: 'line', points: Float32Array.of(100, 50, 120, 90) })
  })

  it('draws amber for what is outside of the norm alone', () => {
    assert.equal(countAmber(draw([])), 0)
    assert.ok(countAmber(draw(['spine-straightness'])) > 100)
    assert.ok(countAmber(draw(['spine-straightness', 'lung-symmetry'])) > countAmber(draw(['spine-straightness'])))
  })

  it('draws what lies partly outside of the picture', () => {
    const raster = createRaster(60, 60)
    drawCues(raster, plane, { measurements: measureCues(plane, 'chest'), outside: new Set() })
    assert.equal(raster.data.length, 60 * 60 * 3)
  })
})
