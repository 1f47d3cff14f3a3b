/**
 * Chest vessels: the trees of arteries and veins that give a lung its drawing.
 *
 * A tree grows from the hilum towards points scattered in the lung: the points are halved again and again along their
 * longest extent, and each half is served by a branch. Radii follow Murray's law: the cube of a parent's radius is the
 * sum of the cubes of its children's.
 */
import type { ChestFrame, LungFrame } from './chest-frame.ts'
import { domePiece, lungPiece } from './chest-organs.ts'
import { TISSUES } from './materials.ts'
import { valueAt } from './quadric.ts'
import type { Random } from './random.ts'
import type { Detail, Piece } from './shapes.ts'
import { tubeDetails } from './shapes.ts'
import type { Vector } from './vector.ts'
import { add, lengthOf, mix, scale, smoothCurve, subtract } from './vector.ts'

/** Radius of a vessel that serves one point. */
const TWIG_MM = 0.62
const MURRAY = 1 / 2.35
/** Most points one trunk serves. */
const TRUNK = 64

export function growVessels(frame: ChestFrame, random: Random): Detail[] {
  return frame.lungs.flatMap((lung) => {
    const lungShape = lungPiece(lung)
    const dome = domePiece(frame, lung.side)
    const isLung = (p: Vector): boolean =>
      isInside(lungShape, p, 0.9) && !isInside(dome, p, 1.04) && Math.abs(p[0]) > 36
    const hilum: Vector = [lung.side * 42, 22, lung.side < 0 ? 2 : 12]
    const atrium: Vector = [lung.side * 34, 22, -18]
    return [...growTree(hilum, 270, lung, isLung, random), ...growTree(atrium, 170, lung, isLung, random)]
  })
}

function growTree(
  root: Vector,
  count: number,
  lung: LungFrame,
  isLung: (p: Vector) => boolean,
  random: Random,
): Detail[] {
  const targets: Vector[] = []
  for (let tries = 0; targets.length < count && tries < count * 20; tries++) {
    const p = add(lung.center, [
      random.between(-1, 1) * lung.radii[0],
      random.between(-1, 1) * lung.radii[1],
      random.between(-0.6, 1) * lung.radii[2],
    ])
    if (isLung(p)) targets.push(p)
  }
  const details: Detail[] = []
  branch(root, [0, 0, 0], targets, random, details)
  return details
}

function branch(from: Vector, heading: Vector, targets: readonly Vector[], random: Random, details: Detail[]): void {
  if (targets.length === 0) return
  const [one, other] = halve(from, targets)
  if (targets.length > TRUNK) {
    // Still at the root: trunks leave it side by side.
    branch(from, heading, one, random, details)
    branch(from, heading, other, random, details)
    return
  }
  const middle = scale(targets.reduce(add, [0, 0, 0]), 1 / targets.length)
  const length = lengthOf(subtract(middle, from))
  const share = targets.length === 1 ? 1 : targets.length > 10 ? 0.36 : 0.45
  const jitter = targets.length === 1 ? 0 : length * 0.05
  const to = add(mix(from, middle, share), [
    random.normal(0, jitter),
    random.normal(0, jitter),
    random.normal(0, jitter),
  ])
  const radius = TWIG_MM * targets.length ** MURRAY
  const next = TWIG_MM * Math.max(0.4, targets.length / 2) ** MURRAY
  // Leave the parent in its direction, then bend.
  const bend = add(mix(from, to, 0.45), scale(heading, length * share * 0.2))
  const curve = smoothCurve([from, bend, to], 2)
  details.push(
    ...tubeDetails(
      curve.map((at, i) => ({ at, radius: radius + (next - radius) * (i / (curve.length - 1)) })),
      { wall: TISSUES.blood, core: TISSUES.blood, base: TISSUES.lung },
    ),
  )
  if (targets.length === 1) return
  const onward = subtract(to, bend)
  const direction = scale(onward, 1 / Math.max(1e-6, lengthOf(onward)))
  branch(to, direction, one, random, details)
  branch(to, direction, other, random, details)
}

/** Splits points in two equal halves that lie in different directions from a place. */
function halve(from: Vector, points: readonly Vector[]): [Vector[], Vector[]] {
  if (points.length < 2) return [[...points], []]
  const seen = points.map((at) => {
    const ray = subtract(at, from)
    return { at, way: scale(ray, 1 / Math.max(8, lengthOf(ray))) }
  })
  const spread = ([0, 1, 2] as const).map((axis) => {
    const mean = seen.reduce((sum, { way }) => sum + way[axis], 0) / seen.length
    return seen.reduce((sum, { way }) => sum + (way[axis] - mean) ** 2, 0)
  })
  const axis = spread.indexOf(Math.max(...spread)) as 0 | 1 | 2
  const sorted = seen.toSorted((p, q) => p.way[axis] - q.way[axis]).map(({ at }) => at)
  const middle = Math.ceil(sorted.length / 2)
  return [sorted.slice(0, middle), sorted.slice(middle)]
}

/** Whether a point lies in a piece shrunk or grown around its own surfaces by a factor. */
function isInside({ quadrics, planes }: Piece, p: Vector, factor: number): boolean {
  const limit = factor * factor - 1
  return (
    quadrics.every((q) => valueAt(q, p) < limit) &&
    planes.every(({ n, h }) => n[0] * p[0] + n[1] * p[1] + n[2] * p[2] < h)
  )
}
