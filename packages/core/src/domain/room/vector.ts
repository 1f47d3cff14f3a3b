/**
 * Vector: points and directions in the patient's own axes, in millimetres.
 *
 * Source: PS3.3 section C.7.6.2.1.1: x grows towards the patient's left, y towards the back, z towards the head.
 */

export type Vector = readonly [x: number, y: number, z: number]
/** Three rows. */
export type Matrix = readonly [Vector, Vector, Vector]

export const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
export const subtract = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
export const scale = (a: Vector, factor: number): Vector => [a[0] * factor, a[1] * factor, a[2] * factor]
export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
export const lengthOf = (a: Vector): number => Math.sqrt(dot(a, a))
export const normalize = (a: Vector): Vector => scale(a, 1 / lengthOf(a))
/** The point a fraction of the way from `a` to `b`. */
export const mix = (a: Vector, b: Vector, fraction: number): Vector => add(a, scale(subtract(b, a), fraction))
export const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
]
export const multiply = (m: Matrix, a: Vector): Vector => [dot(m[0], a), dot(m[1], a), dot(m[2], a)]
export const transpose = (m: Matrix): Matrix => [
  [m[0][0], m[1][0], m[2][0]],
  [m[0][1], m[1][1], m[2][1]],
  [m[0][2], m[1][2], m[2][2]],
]

const DEGREE = Math.PI / 180

/** Turns by `degrees` around the x axis, then y, then z. */
export function rotation(degreesX: number, degreesY = 0, degreesZ = 0): Matrix {
  const [cx, sx] = [Math.cos(degreesX * DEGREE), Math.sin(degreesX * DEGREE)]
  const [cy, sy] = [Math.cos(degreesY * DEGREE), Math.sin(degreesY * DEGREE)]
  const [cz, sz] = [Math.cos(degreesZ * DEGREE), Math.sin(degreesZ * DEGREE)]
  return [
    [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
    [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
    [-sy, sx * cy, cx * cy],
  ]
}

/**
 * A smooth curve through points (Catmull–Rom), sampled evenly in its parameter.
 * @returns `pieces` × (points − 1) + 1 points; the first and last are those given
 */
export function smoothCurve(points: readonly Vector[], pieces: number): Vector[] {
  const at = (index: number): Vector => points[Math.max(0, Math.min(points.length - 1, index))] as Vector
  const curve: Vector[] = []
  for (let i = 0; i + 1 < points.length; i++) {
    for (let j = 0; j < pieces; j++) curve.push(blendCubic(at(i - 1), at(i), at(i + 1), at(i + 2), j / pieces))
  }
  curve.push(at(points.length - 1))
  return curve
}

function blendCubic(before: Vector, from: Vector, to: Vector, after: Vector, t: number): Vector {
  const along = (axis: 0 | 1 | 2): number => {
    const [p, q, r, s] = [before[axis], from[axis], to[axis], after[axis]]
    return 0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t + (3 * q - p - 3 * r + s) * t * t * t)
  }
  return [along(0), along(1), along(2)]
}
