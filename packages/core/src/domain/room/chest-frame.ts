/**
 * Chest frame: the measures that bones and organs of one chest share.
 *
 * Millimetres of the mean man, scaled by the body's frame; z = 0 at the seventh thoracic vertebra. Shapes and measures
 * after common anatomical figures, tuned by eye against radiographs.
 */
import type { Body } from './body.ts'
import type { Random } from './random.ts'
import type { Vector } from './vector.ts'

export const VERTEBRA_COUNT = 12
/** +1 is the patient's left. */
export type Side = -1 | 1
export const SIDES: readonly Side[] = [-1, 1]

export interface LungFrame {
  readonly side: Side
  readonly center: Vector
  readonly radii: Vector
  /** Sideways and backward lean per millimetre upwards: the apex lies further in and further back. */
  readonly leanX: number
  readonly leanY: number
}

/** Standing with the arms at the side, or on the back with the arms above the head. */
export type Posture = 'standing' | 'supine'

export interface ChestFrame {
  readonly body: Body
  readonly posture: Posture
  readonly lungs: readonly [LungFrame, LungFrame]
  /** Heights of the centres of T1 … T12. */
  readonly vertebrae: readonly number[]
  /** Top of the right and left dome of the diaphragm. */
  readonly domes: readonly [number, number]
  /** Where the spine runs at a height: x bends with scoliosis, y with kyphosis. */
  spineAt(z: number): Vector
  /** Half width and half depth of the rib cage, and its middle, at a height. */
  cageAt(side: Side, z: number): { readonly x: number; readonly y: number; readonly rx: number; readonly ry: number }
}

export function frameChest(body: Body, posture: Posture, random: Random): ChestFrame {
  const width = random.around(1, 0.025)
  const depth = random.around(1, 0.05)
  const rise = 8 + 14 * (1 - body.breath)
  const lung = (side: Side): LungFrame => ({
    side,
    center: [side * 63 * width, 2, -65],
    radii: [(side < 0 ? 79 : 77) * width + random.around(0, 1), 92 * depth, 199 + random.around(0, 3)],
    leanX: -side * 0.085,
    leanY: 0.13,
  })
  const lungs = [lung(-1), lung(1)] as const
  const vertebrae: number[] = []
  for (let i = 0, z = 128; i < VERTEBRA_COUNT; i++) {
    vertebrae.push(z)
    z -= 20.3 + 0.62 * i
  }
  return {
    body,
    posture,
    lungs,
    vertebrae,
    domes: [-92 + rise + random.around(0, 4), -106 + rise + random.around(0, 4)],
    spineAt: (z) => [body.scoliosisMm * Math.sin((z + 150) / 95), 55 + 14 * Math.cos(z / 115), z],
    cageAt: (side, z) => {
      const { center, radii, leanX, leanY } = lungs[side < 0 ? 0 : 1]
      const up = z - center[2]
      const share = Math.sqrt(Math.max(0.02, 1 - Math.min(1, Math.abs(up) / (radii[2] + 5)) ** 2))
      return {
        x: center[0] + leanX * up,
        y: center[1] + leanY * up,
        rx: radii[0] * share + 2.6,
        ry: radii[1] * share + 3.2,
      }
    },
  }
}
