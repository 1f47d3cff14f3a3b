/**
 * Quadric: surfaces of second degree, of which every organ and bone of the room is cut.
 *
 * A ray meets a quadric in at most two points, found by one square root: what makes an analytic phantom fast. The value
 * at p is p·Ap + 2 b·p + c, negative inside. Ellipsoids, cylinders and cones are all of this kind, and stay so under any
 * linear map.
 */
import type { Matrix, Vector } from './vector.ts'
import { add, dot, multiply, normalize, scale, subtract, transpose } from './vector.ts'

export interface Quadric {
  readonly a: Matrix
  readonly b: Vector
  readonly c: number
}

/** The half space n·p ≤ h. */
export interface Plane {
  readonly n: Vector
  readonly h: number
}

export const valueAt = (q: Quadric, p: Vector): number => dot(p, multiply(q.a, p)) + 2 * dot(q.b, p) + q.c

/**
 * An ellipsoid; `turn` maps its own axes to the patient's. A radius of Infinity makes an elliptic cylinder.
 * @param radii  millimetres along its own axes
 */
export function ellipsoid(center: Vector, radii: Vector, turn?: Matrix): Quadric {
  const own: Quadric = {
    a: [
      [radii[0] ** -2, 0, 0],
      [0, radii[1] ** -2, 0],
      [0, 0, radii[2] ** -2],
    ],
    b: [0, 0, 0],
    c: -1,
  }
  const turned = turn === undefined ? own : mapped(own, transpose(turn))
  return moved(turned, center)
}

/** A cone around the line from `from` to `to`, of radius `radiusFrom` at the one and `radiusTo` at the other. */
export function cone(from: Vector, to: Vector, radiusFrom: number, radiusTo: number): Quadric {
  const along = subtract(to, from)
  const length = Math.sqrt(dot(along, along))
  const n = normalize(along)
  const slope = (radiusTo - radiusFrom) / length
  const k = 1 + slope * slope
  const row = (i: 0 | 1 | 2): Vector => add([i === 0 ? 1 : 0, i === 1 ? 1 : 0, i === 2 ? 1 : 0], scale(n, -k * n[i]))
  // Around `from`: |p|² − s² − (r + slope s)² with s = n·p.
  return moved({ a: [row(0), row(1), row(2)], b: scale(n, -slope * radiusFrom), c: -radiusFrom * radiusFrom }, from)
}

/** The set of all p for which `map` p lies inside: with a squashing map, a round tube becomes a flat one. */
export function mapped(q: Quadric, map: Matrix): Quadric {
  const across = transpose(map)
  const columns = [0, 1, 2].map((i) => multiply(across, multiply(q.a, across[i] as Vector))) as [Vector, Vector, Vector]
  return { a: transpose(columns), b: multiply(across, q.b), c: q.c }
}

/** The same surface, `offset` further. */
export function moved(q: Quadric, offset: Vector): Quadric {
  const shift = multiply(q.a, offset)
  return { a: q.a, b: subtract(q.b, shift), c: q.c - 2 * dot(q.b, offset) + dot(offset, shift) }
}
