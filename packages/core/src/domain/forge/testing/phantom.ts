/**
 * Phantoms: drawn pictures with known places, bends and grain, for tests of techniques. They look like nothing but their own description.
 */
import { createRandom } from '../../attack/random.ts'
import { blurField } from '../field.ts'
import type { Host, HostKind, VolumeHost } from '../technique.ts'

export interface PhantomOrder {
  readonly side?: number
  readonly bits?: number
  readonly kind?: HostKind
  readonly seed?: number
  /** How far the spine bends to one side, share of the width. */
  readonly bend?: number
  /** Brightness of one lung above the other's, share of white. */
  readonly uneven?: number
  /** Deviation of the grain, share of white. */
  readonly grain?: number
}

/** Column of the spine in a row of a chest phantom. */
export const spineColumn = (side: number, bend: number, y: number): number =>
  side / 2 + bend * side * (Math.sin((Math.PI * y) / side) - 2 / Math.PI)

/** Two dark lungs, a bright spine between them, bright ribs across, even grain. */
export function drawChest({
  side = 256,
  bits = 8,
  kind = 'chest',
  seed = 1,
  bend = 0,
  uneven = 0,
  grain = 0.008,
}: PhantomOrder = {}): Host {
  const white = 2 ** bits - 1
  const random = createRandom(seed)
  const clean = new Float32Array(side * side)
  for (let y = 0, i = 0; y < side; y++) {
    const spine = spineColumn(side, bend, y)
    for (let x = 0; x < side; x++, i++) {
      const [u, v] = [(x - side / 2) / side, (y - 0.45 * side) / side]
      let value = 0.62
      if (Math.hypot((Math.abs(u) - 0.2) / 0.15, v / 0.33) < 1) value = 0.3 + (u > 0 ? uneven : 0)
      if (Math.abs(u) > 0.08 && Math.abs(v - 0.5 * u * u + 0.02) % 0.11 < 0.022) value += 0.13
      if (Math.abs(x - spine) < 0.05 * side) value = 0.8
      clean[i] = value * white
    }
  }
  const soft = blurField({ width: side, height: side, samples: clean }, 1).samples
  const samples = soft.map((value) => Math.round(Math.min(white, Math.max(0, value + grain * white * random.normal()))))
  return { kind, width: side, height: side, samples, white, window: null, spacingMm: null }
}

/** A body with two lungs around which everything is bright, 12 bits; a small bright ball in one lung; grain of 20 steps. */
export function drawVolume(side = 96, slices = 16): VolumeHost {
  const random = createRandom(5)
  const views = Array.from({ length: slices }, (_, z) => {
    const samples = Float32Array.from({ length: side * side }, (_value, i) => {
      const [x, y] = [i % side, Math.floor(i / side)]
      const [u, v] = [(x - side / 2) / side, (y - side / 2) / side]
      let value = Math.hypot(u / 0.46, v / 0.4) < 1 ? 1060 : 30
      if (Math.hypot((Math.abs(u) - 0.2) / 0.16, v / 0.28) < 1) value = 200
      if (Math.hypot(x - 0.3 * side, y - side / 2, z - slices / 2) < 4) value = 900
      return Math.max(0, Math.round(value + 20 * random.normal()))
    })
    return { width: side, height: side, samples, white: 4095, window: null }
  })
  return { kind: 'ct', slices: views, spacingMm: 1, sliceSpacingMm: 1.5 }
}
