import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cone, ellipsoid, mapped, moved, valueAt } from './quadric.ts'
import type { Vector } from './vector.ts'
import { add, lengthOf, multiply, normalize, rotation, scale, smoothCurve, transpose } from './vector.ts'

const near = (value: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(value - expected) <= tolerance, `${value}, expected ${expected}`)

describe('quadrics', () => {
  it('is zero on the surface of an ellipsoid, negative inside and positive outside, however it is turned', () => {
    const turn = rotation(20, -35, 70)
    const center: Vector = [3, -4, 5]
    const q = ellipsoid(center, [10, 20, 30], turn)
    for (const [own, radius] of [
      [[1, 0, 0], 10],
      [[0, 1, 0], 20],
      [[0, 0, 1], 30],
    ] as const) {
      const outward = multiply(turn, own)
      near(valueAt(q, add(center, scale(outward, radius))), 0, 1e-9)
      assert.ok(valueAt(q, add(center, scale(outward, radius * 0.99))) < 0)
      assert.ok(valueAt(q, add(center, scale(outward, radius * 1.01))) > 0)
    }
  })

  it('is a cone of the two radii given at the two ends', () => {
    const [from, to]: [Vector, Vector] = [
      [1, 2, 3],
      [5, 10, 11],
    ]
    const q = cone(from, to, 2, 6)
    const side = normalize([8, -4, 0])
    near(side[0] * 4 + side[1] * 8, 0)
    near(valueAt(q, add(from, scale(side, 2))), 0)
    near(valueAt(q, add(to, scale(side, 6))), 0)
    near(valueAt(q, add([3, 6, 7], scale(side, 4))), 0)
    assert.ok(valueAt(q, from) < 0)
  })

  it('squashes and moves', () => {
    const ball = ellipsoid([0, 0, 0], [1, 1, 1])
    const flat = mapped(ball, [
      [1, 0, 0],
      [0, 2, 0],
      [0, 0, 1],
    ])
    near(valueAt(flat, [0, 0.5, 0]), 0)
    near(valueAt(moved(flat, [7, 0, 0]), [8, 0, 0]), 0)
  })

  it('turns without stretching, and back', () => {
    const turn = rotation(10, 20, 30)
    const p: Vector = [1, -2, 3]
    near(lengthOf(multiply(turn, p)), lengthOf(p))
    const back = multiply(transpose(turn), multiply(turn, p))
    for (const [i, value] of back.entries()) near(value, p[i] as number)
    // Each angle turns its own axis' neighbours by the right hand.
    for (const [value, expected] of [
      [rotation(0, 0, 90)[1][0], 1],
      [rotation(90)[2][1], 1],
      [rotation(0, 90)[0][2], 1],
    ] as const)
      near(value, expected)
  })

  it('draws curves through their points', () => {
    const points: Vector[] = [
      [0, 0, 0],
      [1, 2, 0],
      [3, 1, 4],
    ]
    const curve = smoothCurve(points, 5)
    assert.equal(curve.length, 11)
    for (const [i, point] of points.entries())
      for (let axis = 0; axis < 3; axis++) near((curve[5 * i] as Vector)[axis] as number, point[axis] as number)
  })
})
