import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Body } from './body.ts'
import { drawBody } from './body.ts'
import type { Chest } from './chest.ts'
import { growChest } from './chest.ts'
import { ribLine } from './chest-bones.ts'
import { SIDES } from './chest-frame.ts'
import { domePiece, lungPiece } from './chest-organs.ts'
import type { Camera, Thickness } from './projector.ts'
import { projectScene } from './projector.ts'
import { valueAt } from './quadric.ts'
import { createRandom } from './random.ts'
import type { Vector } from './vector.ts'

const bodyOf = (seed: string, changes: Partial<Body> = {}): Body => ({ ...drawBody(createRandom(seed)), ...changes })
const chestOf = (seed: string, changes: Partial<Body> = {}): Chest =>
  growChest(bodyOf(seed, changes), 'standing', createRandom(seed))

/** 2 mm pixels, 172 × 220 of them; column 86 and row 110 look at the origin. */
const camera: Camera = {
  source: [0, 1660, 0],
  origin: [-172, -140, 220],
  stepColumn: [2, 0, 0],
  stepRow: [0, 0, -2],
  columns: 172,
  rows: 220,
}
const project = (chest: Chest): Thickness => projectScene(chest.scene, camera)
/** Mean over a box in phantom millimetres, as the detector sees the middle plane. */
function meanIn(map: Float32Array, [x0, x1]: readonly [number, number], [z0, z1]: readonly [number, number]): number {
  let [sum, count] = [0, 0]
  for (let z = z0; z <= z1; z += 2) {
    for (let x = x0; x <= x1; x += 2) {
      sum += map[(110 - Math.round((z * 1.084) / 2)) * camera.columns + 86 + Math.round((x * 1.084) / 2)] as number
      count++
    }
  }
  return sum / count
}
const chests = ['one', 'two', 'three'].map((seed) => ({ seed, chest: chestOf(seed) }))

describe('chest', () => {
  for (const { seed, chest } of chests) {
    const maps = project(chest)
    it(`has lungs of air beside a dense middle and above a dense belly (${seed})`, () => {
      const right = meanIn(maps.soft, [-95, -60], [0, 60])
      const left = meanIn(maps.soft, [60, 95], [20, 60])
      const middle = meanIn(maps.soft, [-15, 15], [0, 60])
      const belly = meanIn(maps.soft, [-90, 90], [-180, -150])
      assert.ok(right < 0.5 * middle && left < 0.5 * middle, `${right} ${left} ${middle}`)
      assert.ok(belly > 2 * right)
      assert.ok(meanIn(maps.lung, [-95, -60], [0, 60]) > 2)
      assert.ok(meanIn(maps.lung, [-90, 90], [-180, -150]) < 0.3)
    })

    it(`has its heart on the patient's left (${seed})`, () => {
      const base = Math.min(...chest.frame.domes)
      const heights: readonly [number, number] = [base + 14, base + 44]
      const left = meanIn(maps.soft, [30, 75], heights)
      const right = meanIn(maps.soft, [-75, -30], heights)
      assert.ok(left > 1.25 * right, `left ${left}, right ${right}`)
    })

    it(`has the right dome of the diaphragm above the left one (${seed})`, () => {
      // Deviations of the two are smaller than the difference of their means.
      const [right, left] = chest.frame.domes
      assert.ok(right > left - 4)
      const at = (x: number, z: number): number => meanIn(maps.soft, [x - 6, x + 6], [z - 4, z + 4])
      assert.ok(at(-66, right - 20) > at(-66, right + 20) + 4)
      assert.ok(at(66, left - 24) > at(66, left + 24) + 1)
    })

    it(`has air in the windpipe (${seed})`, () => {
      const lean = chest.frame.spineAt(60)[0] * 0.5
      assert.ok(
        meanIn(maps.soft, [lean - 3, lean + 3], [120, 140]) < meanIn(maps.soft, [lean + 16, lean + 20], [120, 140]),
      )
    })
  }

  it('has twelve ribs a side that fall from the back over the side to the front', () => {
    const { frame } = chestOf('ribs')
    for (const side of SIDES) {
      for (let index = 0; index < 12; index++) {
        const line = ribLine(frame, side, index)
        const [head, end] = [line[0] as Vector, line.at(-1) as Vector]
        const widest = line.reduce((best, p) => (side * p[0] > side * best[0] ? p : best))
        assert.ok(side * head[0] > 0 && side * widest[0] > side * head[0] + 15)
        assert.ok(head[2] - end[2] > 3 && head[2] > end[2])
        if (index > 0 && index < 10) {
          assert.ok(head[2] - widest[2] > 12, 'the back part falls')
          assert.ok(widest[2] - end[2] > 12, 'the front part falls on')
          assert.ok(end[1] < widest[1], 'ends in front')
        }
      }
    }
    const heads = Array.from({ length: 12 }, (_, index) => (ribLine(frame, 1, index)[0] as Vector)[2])
    assert.deepEqual(
      heads,
      heads.toSorted((a, b) => b - a),
    )
    assert.throws(() => ribLine(frame, 1, 12))
  })

  it('keeps ribs outside the lungs they surround', () => {
    const { frame } = chestOf('cage')
    for (const side of SIDES) {
      const surface = lungPiece(frame.lungs[side < 0 ? 0 : 1]).quadrics[0]
      assert.ok(surface !== undefined)
      for (let index = 1; index < 11; index++) {
        for (const p of ribLine(frame, side, index).slice(2)) assert.ok(valueAt(surface, p) > 0)
      }
    }
  })

  it('leaves a sharp angle of lung between dome and ribs', () => {
    const { frame } = chestOf('angle')
    for (const side of SIDES) {
      const lung = frame.lungs[side < 0 ? 0 : 1]
      const dome = domePiece(frame, side).quadrics[0]
      const wall = lungPiece(lung).quadrics[0]
      assert.ok(dome !== undefined && wall !== undefined)
      const top = frame.domes[side < 0 ? 0 : 1]
      const widthAt = (z: number): number => {
        let free = 0
        for (let x = 0; x < 160; x += 0.5)
          if (
            valueAt(wall, [side * x, 0, z]) < 0 &&
            valueAt(dome, [side * x, 0, z]) > 0 &&
            x > Math.abs(lung.center[0])
          )
            free++
        return free / 2
      }
      assert.ok(widthAt(top - 12) > widthAt(top - 30) && widthAt(top - 30) > widthAt(top - 50))
      assert.ok(widthAt(top - 50) < 20)
    }
  })

  it('bends the spine as far as the body says', () => {
    const { frame } = chestOf('bend', { scoliosisMm: 8 })
    const bends = Array.from({ length: 300 }, (_, i) => Math.abs(frame.spineAt(i - 150)[0]))
    assert.ok(Math.abs(Math.max(...bends) - 8) < 0.1)
  })

  it('has breasts, wide hearts and thick fat where the body has', () => {
    const fat = (changes: Partial<Body>): number =>
      project(chestOf('same', { fatMm: 10, ...changes })).fat.reduce((sum, value) => sum + value, 0)
    assert.ok(fat({ sex: 'F' }) > 1.02 * fat({ sex: 'M' }))
    assert.ok(fat({ fatMm: 20 }) > 1.3 * fat({ fatMm: 10 }))
    const heart = (heartRatio: number): number =>
      meanIn(project(chestOf('same', { heartRatio })).soft, [50, 90], [-80, -40])
    assert.ok(heart(0.52) > heart(0.4) + 0.5)
  })

  it('thins the bones of the old', () => {
    const bone = (age: number): number => project(chestOf('same', { age })).bone.reduce((sum, value) => sum + value, 0)
    assert.ok(bone(82) < 0.97 * bone(30))
  })

  it('takes the arms out of the way of a scanner', () => {
    const width = (posture: 'standing' | 'supine'): number => {
      const { scene } = growChest(bodyOf('arms'), posture, createRandom('arms'))
      return Math.max(...scene.layers.flatMap(({ solids }) => solids.map(({ piece }) => piece.high[0])))
    }
    assert.ok(width('supine') < width('standing') - 20)
  })
})
