/**
 * Projector: how much of each tissue lies on the way from the focal spot to each pixel.
 *
 * A point source and a flat detector. Along a ray S + t d a quadric is a t² + 2 b t + c with a and b polynomials in the
 * pixel's column and row, and so is the discriminant: a silhouette is a conic, whose columns in a row are found by one
 * square root, and no ray is asked that does not hit. Lengths come out in t; one factor |d| per pixel makes millimetres.
 */
import { blurField, enlargeField } from './field.ts'
import type { Mixture } from './materials.ts'
import { CHANNELS } from './materials.ts'
import type { Plane, Quadric } from './quadric.ts'
import { valueAt } from './quadric.ts'
import { Ray } from './ray.ts'
import type { Detail, Layer, Piece, Scene } from './shapes.ts'
import type { Vector } from './vector.ts'
import { add, cross, dot, lengthOf, multiply, scale, subtract } from './vector.ts'

export interface Camera {
  /** Focal spot. */
  readonly source: Vector
  /** Centre of the first pixel. */
  readonly origin: Vector
  /** From a pixel to its neighbour in the next column, and in the next row. */
  readonly stepColumn: Vector
  readonly stepRow: Vector
  readonly columns: number
  readonly rows: number
}

/** One map per channel in g/cm², row-major. */
export type Thickness = Readonly<Record<(typeof CHANNELS)[number], Float32Array>>

/** A displacement in pixels of the place at which solids are asked: makes bodies of quadrics look grown. */
export interface Warp {
  readonly column: Float32Array
  readonly row: Float32Array
  /** Greatest displacement. */
  readonly reach: number
}

export interface ProjectOptions {
  /** Solids are projected once per block of `solidStride`² pixels and joined smoothly between. */
  readonly solidStride?: number
  /** For the grid of solids: ⌈columns / stride⌉ × ⌈rows / stride⌉. */
  readonly warp?: Warp
  /** Size of the body against the phantom's own millimetres. */
  readonly bodyScale?: number
}

/** Two maps of a row: where a piece begins and ends on each ray. */
interface Conic {
  /** a: 1, u, v, u², uv, v². */
  readonly a: Six
  /** b: 1, u, v. */
  readonly b: Vector
  /** Discriminant: 1, u, v, u², uv, v². */
  readonly d: Six
}
type Six = readonly [number, number, number, number, number, number]
/** n·d as 1, u, v, and h − n·S. */
type Cut = readonly [n0: number, nu: number, nv: number, h: number]
interface Window {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** Projects a whole scene. Cost: a few nanoseconds for each pixel under each piece. */
export function projectScene(
  scene: Scene,
  camera: Camera,
  { solidStride = 1, warp, bodyScale = 1 }: ProjectOptions = {},
): Thickness {
  const maps = CHANNELS.map(() => new Float32Array(camera.columns * camera.rows))
  const coarse = coarsen(camera, solidStride)
  const pixelMm = lengthOf(coarse.stepColumn)
  const layerMaps = projectLayers(scene.layers, coarse, warp)
  for (let i = 0; i < CHANNELS.length; i++) {
    const sum = new Float32Array(coarse.columns * coarse.rows)
    let isEmpty = true
    for (const [layer, { softnessMm }] of scene.layers.entries()) {
      const part = (layerMaps[layer] as Float32Array[])[i] as Float32Array
      if (!part.some((value) => value !== 0)) continue
      isEmpty = false
      const soft = blurField(part, coarse, softnessMm / pixelMm)
      for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + (soft[at] as number)
    }
    if (isEmpty) continue
    ;(maps[i] as Float32Array).set(solidStride === 1 ? sum : enlargeField(sum, coarse, camera, solidStride))
  }
  for (const detail of scene.details) projectDetail(detail, camera, maps)
  toMass(maps, camera, bodyScale)
  return Object.fromEntries(CHANNELS.map((channel, i) => [channel, maps[i]])) as unknown as Thickness
}

/** Length in millimetres of one ray inside a piece; for tests and for single questions. */
export function chordLength(piece: Piece, from: Vector, to: Vector): number {
  const d = subtract(to, from)
  let [start, end] = [0, 1]
  for (const q of piece.quadrics) {
    const a = dot(d, multiply(q.a, d))
    const b = dot(d, add(multiply(q.a, from), q.b))
    const root = b * b - a * valueAt(q, from)
    if (root <= 0) return 0
    start = Math.max(start, (-b - Math.sqrt(root)) / a)
    end = Math.min(end, (-b + Math.sqrt(root)) / a)
  }
  for (const { n, h } of piece.planes) {
    const along = dot(n, d)
    const at = (h - dot(n, from)) / along
    if (along > 0) end = Math.min(end, at)
    else if (along < 0) start = Math.max(start, at)
    else if (at < 0) return 0
  }
  return Math.max(0, end - start) * Math.sqrt(dot(d, d))
}

function coarsen(camera: Camera, stride: number): Camera {
  if (stride === 1) return camera
  const middle = (stride - 1) / 2
  return {
    source: camera.source,
    origin: add(camera.origin, add(scale(camera.stepColumn, middle), scale(camera.stepRow, middle))),
    stepColumn: scale(camera.stepColumn, stride),
    stepRow: scale(camera.stepRow, stride),
    columns: Math.ceil(camera.columns / stride),
    rows: Math.ceil(camera.rows / stride),
  }
}

function conicOf(q: Quadric, camera: Camera): Conic {
  const e = subtract(camera.origin, camera.source)
  const [u, v] = [camera.stepColumn, camera.stepRow]
  const [qe, qu, qv] = [multiply(q.a, e), multiply(q.a, u), multiply(q.a, v)]
  const w = add(multiply(q.a, camera.source), q.b)
  const c = valueAt(q, camera.source)
  const a: Six = [dot(e, qe), 2 * dot(e, qu), 2 * dot(e, qv), dot(u, qu), 2 * dot(u, qv), dot(v, qv)]
  const [b0, bu, bv] = [dot(w, e), dot(w, u), dot(w, v)]
  const d: Six = [
    b0 * b0 - c * a[0],
    2 * b0 * bu - c * a[1],
    2 * b0 * bv - c * a[2],
    bu * bu - c * a[3],
    2 * bu * bv - c * a[4],
    bv * bv - c * a[5],
  ]
  return { a, b: [b0, bu, bv], d }
}

function cutOf({ n, h }: Plane, camera: Camera): Cut {
  const e = subtract(camera.origin, camera.source)
  return [dot(n, e), dot(n, camera.stepColumn), dot(n, camera.stepRow), h - dot(n, camera.source)]
}

/** The pixels onto which a piece's box falls, grown by `margin`; empty if it lies outside. */
function windowOf({ low, high }: Piece, camera: Camera, margin: number): Window {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity]
  const columnLength = dot(camera.stepColumn, camera.stepColumn)
  const rowLength = dot(camera.stepRow, camera.stepRow)
  const e = subtract(camera.origin, camera.source)
  const normal = cross(camera.stepColumn, camera.stepRow)
  const distance = dot(normal, e)
  for (let corner = 0; corner < 8; corner++) {
    const point: Vector = [(corner & 1 ? high : low)[0], (corner & 2 ? high : low)[1], (corner & 4 ? high : low)[2]]
    const ray = subtract(point, camera.source)
    const onDetector = subtract(scale(ray, distance / dot(normal, ray)), e)
    const column = dot(onDetector, camera.stepColumn) / columnLength
    const row = dot(onDetector, camera.stepRow) / rowLength
    left = Math.min(left, column)
    right = Math.max(right, column)
    top = Math.min(top, row)
    bottom = Math.max(bottom, row)
  }
  return {
    left: Math.max(0, Math.floor(left - margin)),
    right: Math.min(camera.columns - 1, Math.ceil(right + margin)),
    top: Math.max(0, Math.floor(top - margin)),
    bottom: Math.min(camera.rows - 1, Math.ceil(bottom + margin)),
  }
}

function projectDetail({ piece, wall, core, base }: Detail, camera: Camera, maps: readonly Float32Array[]): void {
  const frame = windowOf(piece, camera, 1)
  if (frame.left > frame.right || frame.top > frame.bottom) return
  const [surface] = piece.quadrics
  if (surface === undefined || piece.quadrics.length > 1) throw new RangeError('a detail has exactly one outer surface')
  const outer = conicOf(surface, camera)
  const inner = core === undefined ? undefined : conicOf(core.surface, camera)
  const cuts = piece.planes.map((plane) => cutOf(plane, camera))
  const wallGain = gainsOf(wall, base)
  const coreGain = core === undefined ? [] : gainsOf(core.fill, wall)
  for (let v = frame.top; v <= frame.bottom; v++) {
    const [first, last] = columnsOf(outer, v, frame)
    if (first > last) continue
    const outerRow = rowOf(outer, v)
    const innerRow = inner === undefined ? undefined : rowOf(inner, v)
    for (let u = first; u <= last; u++) {
      const length = lengthIn(outerRow, cuts, u, v)
      if (length <= 0) continue
      const at = v * camera.columns + u
      for (let i = 0; i < wallGain.length; i++) addGain(wallGain[i] as Gain, maps, at, length)
      if (innerRow === undefined) continue
      const hollow = lengthIn(innerRow, cuts, u, v)
      if (hollow > 0) for (let i = 0; i < coreGain.length; i++) addGain(coreGain[i] as Gain, maps, at, hollow)
    }
  }
}

interface Gain {
  readonly map: number
  readonly gain: number
}

function addGain({ map, gain }: Gain, maps: readonly Float32Array[], at: number, length: number): void {
  const target = maps[map] as Float32Array
  target[at] = (target[at] as number) + gain * length
}

const gainsOf = (fill: Mixture, base: Mixture): Gain[] =>
  fill.map((density, map) => ({ map, gain: density - (base[map] as number) })).filter(({ gain }) => gain !== 0)

/** The columns of a row under a silhouette: all of the window where the conic does not bound them. */
function columnsOf({ d }: Conic, v: number, { left, right }: Window): readonly [number, number] {
  const square = d[3]
  const half = (d[1] + d[4] * v) / 2
  const constant = d[0] + v * (d[2] + d[5] * v)
  if (square >= 0) return [left, right]
  const root = half * half - square * constant
  if (root <= 0) return [0, -1]
  const spread = Math.sqrt(root) / -square
  const middle = half / -square
  return [Math.max(left, Math.ceil(middle - spread)), Math.min(right, Math.floor(middle + spread))]
}

/** A conic on one row: polynomials in u alone. */
interface RowConic {
  readonly a0: number
  readonly a1: number
  readonly a2: number
  readonly b0: number
  readonly b1: number
  readonly d0: number
  readonly d1: number
  readonly d2: number
}

function rowOf({ a, b, d }: Conic, v: number): RowConic {
  const [a0, au, av, auu, auv, avv] = a
  const [d0, du, dv, duu, duv, dvv] = d
  const [b0, bu, bv] = b
  return {
    a0: a0 + v * (av + avv * v),
    a1: au + auv * v,
    a2: auu,
    b0: b0 + bv * v,
    b1: bu,
    d0: d0 + v * (dv + dvv * v),
    d1: du + duv * v,
    d2: duu,
  }
}

function lengthIn(row: RowConic, cuts: readonly Cut[], u: number, v: number): number {
  const dd = row.d0 + u * (row.d1 + u * row.d2)
  if (dd <= 0) return 0
  const aa = row.a0 + u * (row.a1 + u * row.a2)
  if (aa <= 0) return 0
  const bb = row.b0 + u * row.b1
  const spread = Math.sqrt(dd)
  let start = (-bb - spread) / aa
  let end = (-bb + spread) / aa
  for (let i = 0; i < cuts.length; i++) {
    const cut = cuts[i] as Cut
    const along = cut[0] + cut[1] * u + cut[2] * v
    const at = cut[3] / along
    if (along > 0) {
      if (at < end) end = at
    } else if (along < 0) {
      if (at > start) start = at
    } else if (cut[3] < 0) return 0
  }
  return end - start
}

interface SolidPlan {
  readonly conics: readonly Conic[]
  readonly cuts: readonly Cut[]
  readonly frame: Window
  readonly fill: Mixture
  readonly layer: number
}

/** For each layer what it adds to or takes from the layers before it, one map per channel. */
function projectLayers(layers: readonly Layer[], camera: Camera, warp: Warp | undefined): Float32Array[][] {
  const plans = layers.flatMap(({ solids }, layer) =>
    solids.map(
      ({ piece, fill }): SolidPlan => ({
        conics: piece.quadrics.map((q) => conicOf(q, camera)),
        cuts: piece.planes.map((plane) => cutOf(plane, camera)),
        frame: windowOf(piece, camera, 1 + (warp?.reach ?? 0)),
        fill,
        layer,
      }),
    ),
  )
  const fills = plans.map(({ fill }) => fill)
  const maps = layers.map(() => CHANNELS.map(() => new Float32Array(camera.columns * camera.rows)))
  const flat = maps.flat()
  const ray = new Ray(fills, layers.length)
  for (let v = 0; v < camera.rows; v++) {
    const active = plans.map((_, i) => i).filter((i) => isRowOf((plans[i] as SolidPlan).frame, v))
    for (let u = 0; u < camera.columns; u++) {
      const at = v * camera.columns + u
      const x = warp === undefined ? u : u + (warp.column[at] as number)
      const y = warp === undefined ? v : v + (warp.row[at] as number)
      ray.clear()
      for (let k = 0; k < active.length; k++) {
        const i = active[k] as number
        const plan = plans[i] as SolidPlan
        if (u >= plan.frame.left && u <= plan.frame.right) paintSolid(plan, i, x, y, ray)
      }
      for (let i = 0; i < flat.length; i++) (flat[i] as Float32Array)[at] = ray.sums[i] as number
    }
  }
  return maps
}

const isRowOf = ({ top, bottom, left, right }: Window, v: number): boolean => top <= v && v <= bottom && left <= right

function paintSolid({ conics, cuts, layer }: SolidPlan, index: number, u: number, v: number, ray: Ray): void {
  let start = 0
  let end = 1
  for (let i = 0; i < conics.length; i++) {
    const { a, b, d } = conics[i] as Conic
    const [d0, du, dv, duu, duv, dvv] = d
    const dd = d0 + u * (du + duu * u + duv * v) + v * (dv + dvv * v)
    if (dd <= 0) return
    const [a0, au, av, auu, auv, avv] = a
    const aa = a0 + u * (au + auu * u + auv * v) + v * (av + avv * v)
    const bb = b[0] + b[1] * u + b[2] * v
    const spread = Math.sqrt(dd)
    const near = (-bb - spread) / aa
    const far = (-bb + spread) / aa
    if (near > start) start = near
    if (far < end) end = far
  }
  for (let i = 0; i < cuts.length; i++) {
    const cut = cuts[i] as Cut
    const along = cut[0] + cut[1] * u + cut[2] * v
    const at = cut[3] / along
    if (along > 0) {
      if (at < end) end = at
    } else if (along < 0) {
      if (at > start) start = at
    } else if (cut[3] < 0) return
  }
  if (end > start) ray.paint(start, end, index, layer)
}

/** From t × g/cm³ to g/cm²; rounding may have left a trace below zero. */
function toMass(maps: readonly Float32Array[], camera: Camera, bodyScale: number): void {
  const e = subtract(camera.origin, camera.source)
  const [u2, v2] = [dot(camera.stepColumn, camera.stepColumn), dot(camera.stepRow, camera.stepRow)]
  const [e2, eu, ev, uv] = [
    dot(e, e),
    dot(e, camera.stepColumn),
    dot(e, camera.stepRow),
    dot(camera.stepColumn, camera.stepRow),
  ]
  for (let v = 0; v < camera.rows; v++) {
    for (let u = 0; u < camera.columns; u++) {
      const millimetres = Math.sqrt(e2 + 2 * u * eu + 2 * v * ev + u * u * u2 + 2 * u * v * uv + v * v * v2)
      const at = v * camera.columns + u
      for (const map of maps) map[at] = Math.max(0, ((map[at] as number) * millimetres * bodyScale) / 10)
    }
  }
}
