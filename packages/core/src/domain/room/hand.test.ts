import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawBody } from './body.ts'
import { growHand } from './hand.ts'
import type { Camera } from './projector.ts'
import { projectScene } from './projector.ts'
import { createRandom } from './random.ts'

/** 0.5 mm pixels; column 200 and row 300 look at the wrist. */
const camera: Camera = {
  source: [0, 1034, 0],
  origin: [-100, -16, 150],
  stepColumn: [0.5, 0, 0],
  stepRow: [0, 0, -0.5],
  columns: 400,
  rows: 400,
}
const body = { ...drawBody(createRandom('hand')), age: 30 }
const maps = projectScene(growHand(body, createRandom('hand')), camera)

/** Stretches of a row, `mm` above the wrist, in which a map is over a limit. */
function runsAt(map: Float32Array, mm: number, limit: number, shortest = 2): { start: number; end: number }[] {
  const row = Math.round(300 - mm / 0.5)
  const runs: { start: number; end: number }[] = []
  let start = -1
  for (let u = 0; u <= camera.columns; u++) {
    const isOver = u < camera.columns && (map[row * camera.columns + u] as number) > limit
    if (isOver && start < 0) start = u
    if (!isOver && start >= 0) {
      if (u - start >= shortest) runs.push({ start, end: u })
      start = -1
    }
  }
  return runs
}

describe('hand', () => {
  it('has four metacarpals side by side, and the thumb apart on its own side', () => {
    const bones = runsAt(maps.bone, 50, 0.05, 3)
    const merged = bones.filter((run, i) => i === 0 || run.start - (bones[i - 1] as { end: number }).end > 8)
    assert.ok(merged.length >= 4, `${merged.length} bones`)
    const thumb = runsAt(maps.bone, 55, 0.05, 3).at(-1)
    assert.ok(thumb !== undefined && thumb.start > 240, 'the thumb lies where x grows')
  })

  it('has three separate fingers at the height of the middle phalanges', () => {
    const fingers = runsAt(maps.soft, 138, 0.3, 8)
    assert.ok(fingers.length >= 3, `${fingers.length} fingers`)
  })

  it('has bones in every finger that lie inside the flesh', () => {
    for (let i = 0; i < maps.bone.length; i += 3) {
      if ((maps.bone[i] as number) > 0.05) assert.ok((maps.soft[i] as number) + (maps.fat[i] as number) > 0.15)
    }
  })

  it('has shafts with a wall: dense at both edges, lighter in the middle', () => {
    const [bone] = runsAt(maps.bone, 116, 0.02, 8)
    assert.ok(bone !== undefined)
    const row = Math.round(300 - 116 / 0.5) * camera.columns
    const at = (share: number): number =>
      maps.bone[row + Math.round(bone.start + share * (bone.end - bone.start))] as number
    assert.ok(Math.max(at(0.12), at(0.2)) > at(0.5) && Math.max(at(0.88), at(0.8)) > at(0.5))
  })

  it('loses wall with age', () => {
    const sum = (age: number): number =>
      projectScene(growHand({ ...body, age }, createRandom('hand')), camera).bone.reduce(
        (total, value) => total + value,
        0,
      )
    assert.ok(sum(82) < 0.92 * sum(30))
  })

  it('is another hand for another seed', () => {
    assert.notDeepEqual(projectScene(growHand(body, createRandom('other')), camera).bone, maps.bone)
  })
})
