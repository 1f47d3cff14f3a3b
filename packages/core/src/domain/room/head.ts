/**
 * Head: which tissue is where in one head, for the magnetic resonance scanner.
 *
 * Skin, fat, skull and brain lie in shells under an egg-shaped surface. The cortex is folded along the zero surfaces of
 * smooth noise; ventricles, deep grey matter, cerebellum, eyes and air spaces are ellipsoids. Millimetres in the
 * patient's axes; the origin lies between the ventricles.
 */
import type { Body } from './body.ts'
import type { Lattice } from './lattice.ts'
import { drawLattice } from './lattice.ts'
import type { Random } from './random.ts'
import type { Vector } from './vector.ts'

export const HEAD_TISSUES = [
  'air',
  'skin',
  'fat',
  'bone',
  'marrow',
  'fluid',
  'grey',
  'white',
  'muscle',
  'vitreous',
] as const
export type HeadTissue = (typeof HEAD_TISSUES)[number]

/** The tissue at a point. */
export type Head = (x: number, y: number, z: number) => HeadTissue

/** Half axes of the brain: 138 × 168 × 132 mm in the mean man. */
const BRAIN: Vector = [69, 84, 68]

interface Folds {
  readonly coarse: Lattice
  readonly fine: Lattice
  readonly bend: Lattice
}

interface Blob {
  readonly center: Vector
  readonly radii: Vector
  readonly tissue: HeadTissue
}

export function growHead(body: Body, random: Random): Head {
  const size = body.frame ** 0.5 * random.around(1, 0.015)
  const atrophy = Math.max(0, body.age - 45) / 40
  const folds = {
    coarse: drawLattice(random.fork('coarse')),
    fine: drawLattice(random.fork('fine')),
    bend: drawLattice(random.fork('bend')),
  }
  const deep = placeDeep(atrophy, random.fork('deep'))
  const face = placeFace()
  const scalp = 4 + body.fatMm * 0.12
  return (px, py, pz) => {
    const [x, y, z] = [px / size, py / size, pz / size]
    const wave = 1.6 * folds.bend.at(x / 40, y / 40, z / 40)
    const depth = depthUnder(x, y, z) + wave
    const shell = shellAt(depth, scalp, y, z)
    const inFace = z < -14 && y < -40 ? findBlob(face, x, y, z) : undefined
    if (inFace !== undefined && depth > -16) return inFace
    if (shell !== undefined) return shell
    return findBlob(deep, x, y, z, folds) ?? foldBrain(x, y, z, depth, atrophy, folds)
  }
}

/** Millimetres under the surface of the brain; negative outside. The egg is narrower in front and flat below. */
function depthUnder(x: number, y: number, z: number): number {
  const rx = BRAIN[0] * (1 + 0.1 * Math.min(1, Math.max(-1, y / BRAIN[1])))
  const squeeze = z < 0 ? 1 + (z / 150) ** 2 : 1
  const radius = Math.sqrt(((x * squeeze) / rx) ** 2 + (y / BRAIN[1]) ** 2 + (z / BRAIN[2]) ** 2)
  return (1 - radius) * Math.sqrt((x * x + y * y + z * z) / (radius * radius + 1e-9) + 1e-9)
}

function shellAt(depth: number, scalp: number, y: number, z: number): HeadTissue | undefined {
  if (depth > 2.2) return undefined
  if (depth > 0) return 'fluid'
  // The back and the front of the skull are thicker than its sides.
  const skull = 6 + 1.3 * (y / 90) ** 4
  if (depth > -1.7) return 'bone'
  if (depth > 1.7 - skull) return 'marrow'
  if (depth > -skull) return 'bone'
  if (depth > -skull - scalp) return 'fat'
  if (depth > -skull - scalp - (z < -20 ? 4 : 2.4)) return 'skin'
  return 'air'
}

function foldBrain(
  x: number,
  y: number,
  z: number,
  depth: number,
  atrophy: number,
  { coarse, fine, bend }: Folds,
): HeadTissue {
  const tentorium = -22 - 0.12 * (y - 20)
  if (y > 8 && z < tentorium && z > tentorium - 1.6) return 'fluid'
  if (z < tentorium && y > 14) return foldCerebellum(x, y, z, depth, fine)
  // The cleft between the hemispheres, above and around the great commissure.
  const sway = 1.4 * bend.at(y / 30 + 9, z / 30, 4)
  const away = Math.abs(x - sway)
  const isCleft = z > 30 - (y * y) / 400 || y < -46 || y > 52
  if (isCleft && away < 0.8 + 0.7 * atrophy) return 'fluid'
  const fold = foldDistance(x, y, z, coarse, bend)
  // Furrows run about 20 mm deep and close downwards.
  const reach = 24 + 9 * bend.at(x / 24 + 50, y / 24, z / 24) - depth
  if (reach > 0 && fold < (0.5 + 0.75 * atrophy) * Math.min(1, reach / 12)) return 'fluid'
  const ribbon = 2.9 - 0.5 * atrophy
  if (depth < 2.2 + ribbon) return 'grey'
  if (isCleft && away < 1.4 + ribbon) return 'grey'
  return reach > -3 && fold < ribbon ? 'grey' : 'white'
}

/** Distance to the nearest furrow: noise divided by its slope, for two families of furrows that meet each other. */
function foldDistance(x: number, y: number, z: number, coarse: Lattice, bend: Lattice): number {
  const shift = 7 * bend.at(x / 22, y / 22 + 20, z / 26)
  const sway = 7 * bend.at(x / 22 + 40, y / 22, z / 26)
  const main = (dx: number, dy: number, dz: number): number =>
    coarse.at((x + shift + dx) / 13.5, (y + sway + dy) / 13.5, (z + dz) / 19)
  const side = (dx: number, dy: number, dz: number): number =>
    coarse.at((x - sway + dx) / 17 + 31, (y + shift + dy) / 17 + 13, (z + dz) / 21)
  return Math.min(distanceToZero(main), distanceToZero(side))
}

function distanceToZero(value: (dx: number, dy: number, dz: number) => number): number {
  const here = value(0, 0, 0)
  const slope = Math.hypot(value(1, 0, 0) - here, value(0, 1, 0) - here, value(0, 0, 1) - here)
  return Math.abs(here) / Math.max(0.03, slope)
}

/** Leaves a few millimetres apart around a white core. */
function foldCerebellum(x: number, y: number, z: number, depth: number, fine: Lattice): HeadTissue {
  if (Math.abs(x) < 9 && y < 26) return 'white'
  const core = ((Math.abs(x) - 22) / 17) ** 2 + ((y - 38) / 13) ** 2 + ((z + 38) / 12) ** 2
  const wave = Math.sin((Math.hypot(x * 0.55, y - 8, (z + 34) * 1.3) + 3.5 * fine.at(x / 12, y / 12, z / 12)) * 1.25)
  if (depth < 3) return wave > 0.8 ? 'fluid' : 'grey'
  if (core < 1) return 'white'
  return wave > 0.95 ? 'fluid' : wave < -0.3 ? 'white' : 'grey'
}

function findBlob(blobs: readonly Blob[], x: number, y: number, z: number, folds?: Folds): HeadTissue | undefined {
  const wave = folds === undefined ? 0 : 0.12 * folds.fine.at(x / 9, y / 9, z / 9)
  for (const { center, radii, tissue } of blobs) {
    const [dx, dy, dz] = [(x - center[0]) / radii[0], (y - center[1]) / radii[1], (z - center[2]) / radii[2]]
    if (dx * dx + dy * dy + dz * dz < 1 + wave) return tissue
  }
  return undefined
}

function placeDeep(atrophy: number, random: Random): Blob[] {
  const wide = (1 + 0.55 * atrophy) * random.around(1, 0.1)
  const blobs: Blob[] = []
  const both = (center: Vector, radii: Vector, tissue: HeadTissue): void => {
    for (const side of [-1, 1])
      blobs.push({
        center: [side * center[0] + random.around(0, 0.3), center[1] + random.around(0, 0.5), center[2]],
        radii,
        tissue,
      })
  }
  // Fluid first: what stands first wins.
  both([8.5, -24, 10], [4.2 * wide, 12, 8], 'fluid')
  both([11, -4, 18], [5 * wide, 20, 5.5 * wide], 'fluid')
  both([17, 24, 13], [5.5 * wide, 13, 7], 'fluid')
  both([22, 44, 6], [4 * wide, 13, 5], 'fluid')
  both([31, 8, -16], [2.6 * wide, 14, 3.4], 'fluid')
  blobs.push({ center: [0, 2, 0], radii: [1.8 * wide, 12, 9], tissue: 'fluid' })
  blobs.push({ center: [0, 24, -32], radii: [7 * wide, 6, 7], tissue: 'fluid' })
  blobs.push({ center: [0, -11, -18], radii: [13, 8, 6.5], tissue: 'fluid' })
  both([17, 12, -15], [2.6, 11, 5], 'fluid')
  both([13.5, -18, 9], [5.5, 12, 9], 'grey')
  both([26, -4, 3], [6, 17, 10], 'grey')
  both([19, -1, 1], [4.4, 10, 7], 'white')
  both([10.5, 10, 6], [8.4, 13, 8.5], 'grey')
  both([40, -3, 2], [3, 16, 11], 'grey')
  blobs.push({ center: [0, 12, -32], radii: [13, 12, 20], tissue: 'white' })
  return blobs
}

function placeFace(): Blob[] {
  const blobs: Blob[] = []
  const both = (center: Vector, radii: Vector, tissue: HeadTissue): void => {
    for (const side of [-1, 1]) blobs.push({ center: [side * center[0], center[1], center[2]], radii, tissue })
  }
  both([31, -82, -31], [4.5, 4, 4.5], 'muscle')
  both([31, -76, -31], [11.8, 12, 11.8], 'vitreous')
  both([22, -56, -31], [2, 14, 2], 'white')
  both([39, -58, -31], [2.4, 16, 5], 'muscle')
  both([21, -58, -31], [2.4, 16, 5], 'muscle')
  both([31, -64, -30], [18, 24, 13.5], 'fat')
  both([8, -62, -36], [6, 22, 13], 'air')
  blobs.push({ center: [0, -86, -22], radii: [14, 7, 9], tissue: 'air' })
  blobs.push({ center: [0, -66, -36], radii: [17, 30, 17], tissue: 'skin' })
  return blobs
}
