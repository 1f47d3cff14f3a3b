import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TISSUES } from './materials.ts'
import type { Camera } from './projector.ts'
import { chordLength, projectScene } from './projector.ts'
import { valueAt } from './quadric.ts'
import { createRandom } from './random.ts'
import type { Scene } from './shapes.ts'
import { ball, cut, shell, tube, tubeDetails } from './shapes.ts'
import type { Vector } from './vector.ts'
import { add, mix, rotation, scale } from './vector.ts'

/** A detector of 81 × 61 pixels of 2 mm, 200 mm behind the origin; the focal spot 1000 mm in front of it. */
const camera: Camera = {
  source: [0, 800, 0],
  origin: [-80, -200, 60],
  stepColumn: [2, 0, 0],
  stepRow: [0, 0, -2],
  columns: 81,
  rows: 61,
}
const pixelAt = (u: number, v: number): Vector =>
  add(camera.origin, add(scale(camera.stepColumn, u), scale(camera.stepRow, v)))
const sceneOf = (parts: Partial<Scene>): Scene => ({ layers: [], details: [], ...parts })
const layerOf = (...solids: Scene['layers'][number]['solids']) => ({ softnessMm: 0, solids })
const near = (value: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${value}, expected ${expected} ± ${tolerance}`)

describe('projector', () => {
  it('measures a sphere by its chord', () => {
    const piece = ball([0, 0, 0], [30, 30, 30])
    for (const distance of [0, 10, 20, 29, 29.99, 30, 40]) {
      const expected = 2 * Math.sqrt(Math.max(0, 900 - distance * distance))
      near(chordLength(piece, [distance, 500, 0], [distance, -500, 0]), expected, 1e-6)
    }
  })

  it('throws the shadow of a sphere: thickness times density at every pixel', () => {
    const piece = ball([10, 20, -5], [25, 25, 25])
    const { soft } = projectScene(sceneOf({ layers: [layerOf({ piece, fill: [1, 0, 0, 0, 0] })] }), camera)
    let hits = 0
    for (let v = 0; v < camera.rows; v++) {
      for (let u = 0; u < camera.columns; u++) {
        const expected = chordLength(piece, camera.source, pixelAt(u, v)) / 10
        near(soft[v * camera.columns + u] as number, expected, 1e-4)
        if (expected > 0) hits++
      }
    }
    // Enlarged by 1000 / 780 on a detector at 200 mm: 32 mm radius on pixels of 2 mm.
    near(hits, Math.PI * ((25 * (1000 / 780)) / 2) ** 2, 30)
  })

  it('agrees with counting points along the ray, for every kind of piece', () => {
    const random = createRandom('pieces')
    const sections = [
      { at: [-30, -40, -20] as Vector, radius: 14 },
      { at: [0, 5, 10] as Vector, radius: 8 },
      { at: [35, 10, -15] as Vector, radius: 12 },
    ]
    const pieces = [
      ball([5, 0, 3], [30, 12, 20], rotation(30, 20, -50)),
      cut(ball([0, 0, 0], [30, 30, 30]), { n: [0, 0, 1], h: 8 }, { n: [0.6, 0.8, 0], h: 3 }),
      ...tube(sections).map(({ piece }) => piece),
      ...tube(sections, [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 0.5],
      ]).map(({ piece }) => piece),
    ]
    for (const piece of pieces) {
      for (let i = 0; i < 25; i++) {
        const target: Vector = [random.between(-40, 40), -200, random.between(-40, 40)]
        const count = 4000
        let inside = 0
        for (let k = 0; k < count; k++) {
          const p = mix(camera.source, target, 0.6 + (0.4 * (k + 0.5)) / count)
          const isInside =
            piece.quadrics.every((q) => valueAt(q, p) < 0) &&
            piece.planes.every(({ n, h }) => n[0] * p[0] + n[1] * p[1] + n[2] * p[2] < h)
          if (isInside) inside++
        }
        const length = Math.hypot(target[0], target[1] - 800, target[2])
        near(chordLength(piece, camera.source, target), (inside / count) * 0.4 * length, 0.4)
      }
    }
  })

  it('joins the pieces of a bent tube without gap or overlap', () => {
    const sections = [
      [-40, 0, -30],
      [-10, 10, 15],
      [20, -5, 20],
      [45, 0, -20],
    ].map((at) => ({ at: at as unknown as Vector, radius: 7 }))
    const details = tubeDetails(sections, { wall: [1, 0, 0, 0, 0], core: TISSUES.air, base: TISSUES.air })
    const { soft } = projectScene(sceneOf({ details }), camera)
    const pieces = tube(sections)
    for (const [u, v] of [
      [20, 40],
      [26, 24],
      [35, 22],
      [40, 20],
      [50, 21],
      [54, 27],
      [60, 35],
    ] as const) {
      const target = pixelAt(u, v)
      let inside = 0
      for (let k = 0; k < 6000; k++) {
        const p = mix(camera.source, target, (k + 0.5) / 6000)
        const holders = pieces.filter(
          ({ piece }) =>
            piece.quadrics.every((q) => valueAt(q, p) < 0) &&
            piece.planes.every(({ n, h }) => n[0] * p[0] + n[1] * p[1] + n[2] * p[2] < h),
        )
        assert.ok(holders.length <= 1, 'a point in two pieces')
        inside += holders.length
      }
      near(soft[v * camera.columns + u] as number, ((inside / 6000) * 1000) / 10, 0.06)
    }
  })

  it('lets a later solid push an earlier one aside, and air make a hole', () => {
    const body = ball([0, 0, 0], [50, 50, 50])
    const organ = ball([0, 0, 0], [20, 20, 20])
    const hole = ball([0, 5, 0], [8, 8, 8])
    const maps = projectScene(
      sceneOf({
        layers: [
          layerOf({ piece: body, fill: [1, 0, 0, 0, 0] }, { piece: organ, fill: [0, 2, 0, 0, 0] }),
          layerOf({ piece: hole, fill: TISSUES.air }),
        ],
      }),
      camera,
    )
    const middle = 30 * camera.columns + 40
    near(maps.soft[middle] as number, (100 - 40) / 10, 1e-4)
    near(maps.fat[middle] as number, (2 * (40 - 16)) / 10, 1e-4)
  })

  it('books overlapping solids once', () => {
    const random = createRandom('overlap')
    const solids = Array.from({ length: 12 }, () => ({
      piece: ball(
        [random.between(-20, 20), random.between(-20, 20), random.between(-20, 20)],
        [random.between(8, 30), random.between(8, 30), random.between(8, 30)],
      ),
      fill: [1, 0, 0, 0, 0] as const,
    }))
    const { soft } = projectScene(sceneOf({ layers: solids.map((solid) => layerOf(solid)) }), camera)
    for (const [u, v] of [
      [40, 30],
      [30, 25],
      [50, 38],
      [44, 20],
    ] as const) {
      const target = pixelAt(u, v)
      let inside = 0
      for (let k = 0; k < 20_000; k++) {
        const p = mix(camera.source, target, (k + 0.5) / 20_000)
        if (solids.some(({ piece }) => piece.quadrics.every((q) => valueAt(q, p) < 0))) inside++
      }
      const length = Math.hypot(...add(target, scale(camera.source, -1)))
      near(soft[v * camera.columns + u] as number, ((inside / 20_000) * length) / 10, 0.02)
    }
  })

  it('replaces the tissue around a detail by its wall and core', () => {
    const muscle = ball([0, 0, 0], [50, 50, 50])
    const bone = shell([0, 0, 0], [10, 10, 10], 2, { wall: TISSUES.cortical, core: TISSUES.air, base: TISSUES.muscle })
    const maps = projectScene(
      sceneOf({ layers: [layerOf({ piece: muscle, fill: TISSUES.muscle })], details: [bone] }),
      camera,
    )
    const middle = 30 * camera.columns + 40
    near(maps.bone[middle] as number, (1.92 * 4) / 10, 1e-4)
    near(maps.soft[middle] as number, (1.05 * 80) / 10, 1e-4)
  })

  it('is never negative', () => {
    const lost = tubeDetails(
      [
        { at: [-60, 0, 0], radius: 5 },
        { at: [60, 0, 0], radius: 5 },
      ],
      { wall: TISSUES.air, core: TISSUES.air, base: TISSUES.muscle },
    )
    const { soft } = projectScene(sceneOf({ details: lost }), camera)
    assert.ok(soft.every((value) => value >= 0))
  })

  it('scales with the body', () => {
    const scene = sceneOf({ layers: [layerOf({ piece: ball([0, 0, 0], [30, 30, 30]), fill: [1, 0, 0, 0, 0] })] })
    const middle = 30 * camera.columns + 40
    near(projectScene(scene, camera, { bodyScale: 1.5 }).soft[middle] as number, 9, 1e-4)
  })

  it('gives nearly the same picture on a coarser grid of solids', () => {
    const scene = sceneOf({ layers: [layerOf({ piece: ball([3, 0, 2], [50, 40, 45]), fill: [1, 0, 0, 0, 0] })] })
    const fine = projectScene(scene, camera).soft
    const coarse = projectScene(scene, camera, { solidStride: 2 }).soft
    for (const [u, v] of [
      [40, 30],
      [30, 20],
      [50, 40],
    ] as const)
      near(coarse[v * camera.columns + u] as number, fine[v * camera.columns + u] as number, 0.02)
  })
})
