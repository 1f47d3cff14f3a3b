import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layMarkers } from './lead-marker.ts'

const size = { columns: 100, rows: 80 }
const mapOf = (text: string, leftMm = 20): Float32Array =>
  layMarkers(size, 0.5, [{ text, leftMm, topMm: 10, heightMm: 14 }])
const isLead = (map: Float32Array, x: number, y: number): boolean => (map[y * size.columns + x] as number) < 0.1

describe('lead marker', () => {
  it('lays an L: a stroke down, a stroke to the right, nothing between', () => {
    const map = mapOf('L')
    // A dot is 2 mm or 4 pixels; the letter starts at column 40, row 20.
    assert.ok(isLead(map, 42, 22) && isLead(map, 42, 35) && isLead(map, 42, 46))
    assert.ok(isLead(map, 50, 46) && isLead(map, 58, 46))
    assert.equal(map[30 * size.columns + 54], 1)
    assert.equal(map[10 * size.columns + 42], 1)
  })

  it('tells L from R', () => {
    assert.ok(isLead(mapOf('R'), 50, 22))
    assert.ok(!isLead(mapOf('L'), 50, 22))
  })

  it('moves a marker that would not fit to the left and stops nothing without markers', () => {
    const map = mapOf('R', 500)
    assert.ok(map.some((value) => value < 0.1))
    assert.ok(layMarkers(size, 0.5, []).every((value) => value === 1))
  })
})
