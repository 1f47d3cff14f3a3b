/**
 * Tomograph: axial slices through a phantom, in Hounsfield units.
 *
 * A slice paints the same pieces that the projector throws shadows of: on each row of a finer grid a piece is one run.
 * Several thin cuts make the partial volume of a thick slice. Then grain of tissues, kernel, noise of the scan.
 */
import type { Size } from './field.ts'
import { blurField, noiseField } from './field.ts'
import type { Mixture } from './materials.ts'
import { linearAttenuation, massAttenuation } from './materials.ts'
import type { Plane, Quadric } from './quadric.ts'
import type { Random } from './random.ts'
import { reconstructNoise } from './reconstruction.ts'
import type { Piece, Scene } from './shapes.ts'

/** Effective energy of a scan at 120 kV. */
const ENERGY_KEV = 70
/** Cuts through the thickness of a slice, and fine pixels to a pixel's side. */
const CUTS = 3
const FINE = 2
/** Quanta per ray, mAs and millimetre of slice. */
const QUANTA_PER_MAS_MM = 160
const VIEWS = 240

export interface SliceSetup {
  /** Pixels to a side. */
  readonly size: number
  readonly pixelMm: number
  /** Middle of the field, in patient millimetres. */
  readonly centerX: number
  readonly centerY: number
  /** Height of the middle of the slice. */
  readonly z: number
  readonly thicknessMm: number
  readonly currentTimeMas: number
  /** Size of the body against the phantom. */
  readonly bodyScale: number
  /** Top of the couch. */
  readonly tableY: number
}

/** Hounsfield value of a mixture. */
export function hounsfieldOf(mixture: Mixture): number {
  return 1000 * (linearAttenuation(mixture, ENERGY_KEV) / massAttenuation('water', ENERGY_KEV) - 1)
}

/**
 * Scans one slice.
 * @param series  stream shared by the slices of a series: what it draws stays the same from slice to slice
 * @param slice   stream of this slice alone
 * @returns size² Hounsfield values
 */
export function scanSlice(scene: Scene, setup: SliceSetup, series: Random, slice: Random): Float32Array {
  const { size, pixelMm } = setup
  const fine = size * FINE
  const sum = new Float32Array(fine * fine)
  for (let i = 0; i < CUTS; i++) {
    const z = setup.z + ((i + 0.5) / CUTS - 0.5) * setup.thicknessMm
    const cutMap = paintCut(scene, { ...setup, z })
    for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + (cutMap[at] as number) / CUTS
  }
  const image = bendDown(sum, setup, series)
  grainSlice(image, setup, series)
  layTable(image, setup)
  const soft = blurField(image, { columns: size, rows: size }, 0.55 / pixelMm)
  const openQuanta = QUANTA_PER_MAS_MM * setup.currentTimeMas * setup.thicknessMm
  const noise = reconstructNoise({ hounsfield: soft, size, pixelMm, openQuanta, views: VIEWS }, slice)
  for (let i = 0; i < soft.length; i++) soft[i] = (soft[i] as number) + (noise[i] as number)
  return soft
}

/** Where a fine grid lies, in phantom millimetres. */
interface Grid {
  readonly count: number
  readonly step: number
  readonly left: number
  readonly top: number
  readonly z: number
}

/** One infinitely thin cut, (size × {@link FINE})² values. */
export function paintCut(
  scene: Scene,
  {
    size,
    pixelMm,
    centerX,
    centerY,
    z,
    bodyScale,
  }: Pick<SliceSetup, 'size' | 'pixelMm' | 'centerX' | 'centerY' | 'z' | 'bodyScale'>,
): Float32Array {
  const count = size * FINE
  const step = pixelMm / FINE / bodyScale
  const start = -((count - 1) / 2) * step
  const grid: Grid = {
    count,
    step,
    left: centerX / bodyScale + start,
    top: centerY / bodyScale + start,
    z: z / bodyScale,
  }
  const map = new Float32Array(count * count).fill(-1000)
  for (const { solids } of scene.layers)
    for (const { piece, fill } of solids) paintPiece(map, grid, piece, hounsfieldOf(fill))
  for (const { piece, wall, core } of scene.details) {
    paintPiece(map, grid, piece, hounsfieldOf(wall))
    if (core !== undefined) paintPiece(map, grid, { ...piece, quadrics: [core.surface] }, hounsfieldOf(core.fill))
  }
  return map
}

function paintPiece(
  map: Float32Array,
  { count, step, left, top, z }: Grid,
  { quadrics, planes, low, high }: Piece,
  value: number,
): void {
  if (z < low[2] || z > high[2]) return
  const first = Math.max(0, Math.ceil((low[1] - top) / step))
  const last = Math.min(count - 1, Math.floor((high[1] - top) / step))
  for (let v = first; v <= last; v++) {
    const y = top + v * step
    let from = Math.max(low[0], left)
    let to = high[0]
    for (const q of quadrics) {
      const [near, far] = runOf(q, y, z)
      if (near > from) from = near
      if (far < to) to = far
    }
    for (const plane of planes) {
      const [near, far] = sideOf(plane, y, z)
      if (near > from) from = near
      if (far < to) to = far
    }
    if (from > to) continue
    const start = Math.max(0, Math.ceil((from - left) / step))
    const end = Math.min(count - 1, Math.floor((to - left) / step))
    if (start <= end) map.fill(value, v * count + start, v * count + end + 1)
  }
}

/** The x between which a row lies inside a quadric. */
function runOf({ a, b, c }: Quadric, y: number, z: number): readonly [number, number] {
  const square = a[0][0]
  const half = a[0][1] * y + a[0][2] * z + b[0]
  const rest = a[1][1] * y * y + 2 * a[1][2] * y * z + a[2][2] * z * z + 2 * (b[1] * y + b[2] * z) + c
  const root = half * half - square * rest
  if (root < 0 || square <= 1e-12) return square <= 1e-12 && rest < 0 ? [-Infinity, Infinity] : NOWHERE
  const spread = Math.sqrt(root)
  return [(-half - spread) / square, (-half + spread) / square]
}

function sideOf({ n, h }: Plane, y: number, z: number): readonly [number, number] {
  const rest = h - n[1] * y - n[2] * z
  if (n[0] > 1e-12) return [-Infinity, rest / n[0]]
  if (n[0] < -1e-12) return [rest / n[0], Infinity]
  return rest >= 0 ? [-Infinity, Infinity] : NOWHERE
}

const NOWHERE = [Infinity, -Infinity] as const

/** From the fine grid to pixels, through a smooth displacement: bodies are not made of ellipses. */
function bendDown(fine: Float32Array, { size, pixelMm }: SliceSetup, series: Random): Float32Array {
  const grid: Size = { columns: size, rows: size }
  const dx = noiseField(grid, series.fork('bend x'), 55 / pixelMm, 3, 0.4)
  const dy = noiseField(grid, series.fork('bend y'), 55 / pixelMm, 3, 0.4)
  const count = size * FINE
  const reach = (1.7 / pixelMm) * FINE
  const image = new Float32Array(size * size)
  const at = (x: number, y: number): number =>
    fine[Math.max(0, Math.min(count - 1, y)) * count + Math.max(0, Math.min(count - 1, x))] as number
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const i = v * size + u
      const x = Math.round(u * FINE + reach * (dx[i] as number))
      const y = Math.round(v * FINE + reach * (dy[i] as number))
      image[i] = (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4
    }
  }
  return image
}

/** Strands of fat between the bundles of muscle, and lung that is not quite even. */
function grainSlice(image: Float32Array, { size, pixelMm }: SliceSetup, series: Random): void {
  const grid: Size = { columns: size, rows: size }
  const bundles = noiseField(grid, series.fork('bundles'), 26 / pixelMm, 3, 0.5)
  const even = noiseField(grid, series.fork('even'), 12 / pixelMm, 4, 0.7)
  for (let i = 0; i < image.length; i++) {
    const value = image[i] as number
    if (value > 30 && value < 52) {
      const strand = Math.exp(-(((bundles[i] as number) / 0.09) ** 2))
      image[i] = value - 95 * strand + 5 * (even[i] as number)
    } else if (value < -600 && value > -950) image[i] = value + 16 * (even[i] as number)
    else if (value > -150 && value < -60) image[i] = value + 7 * (even[i] as number)
  }
}

/** A couch: a curved shell of carbon fibre around foam. */
function layTable(image: Float32Array, { size, pixelMm, centerX, centerY, tableY }: SliceSetup): void {
  for (let v = 0; v < size; v++) {
    const y = centerY + (v - (size - 1) / 2) * pixelMm
    for (let u = 0; u < size; u++) {
      const x = centerX + (u - (size - 1) / 2) * pixelMm
      const depth = y - (tableY - (x / 62) ** 2)
      const i = v * size + u
      if (Math.abs(x) > 215 || depth < 0 || depth > 28 || (image[i] as number) > -900) continue
      const isShell = depth < 2.2 || depth > 25.8 || Math.abs(x) > 212
      image[i] = isShell ? -140 : -955
    }
  }
}
