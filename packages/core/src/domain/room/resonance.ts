/**
 * Resonance: slices of a head as a spin-echo sequence shows them.
 *
 * Signal of a tissue: ρ (1 − e^(−TR/T1)) e^(−TE/T2), with relaxation times at 1.5 tesla in round figures (after
 * Stanisz et al. 2005 and common tables). Then the receive coil's uneven sensitivity, the finite grid, and the noise of
 * a magnitude picture: the length of a signal with normal noise in both of its parts (Rician).
 */
import { blurField } from './field.ts'
import type { Head, HeadTissue } from './head.ts'
import { HEAD_TISSUES } from './head.ts'
import type { Random } from './random.ts'

/** Proton density against water, T1 and T2 in milliseconds. */
const RELAXATION = {
  air: { density: 0, t1: 1000, t2: 50 },
  skin: { density: 0.72, t1: 850, t2: 45 },
  fat: { density: 0.9, t1: 260, t2: 70 },
  bone: { density: 0.06, t1: 500, t2: 5 },
  marrow: { density: 0.62, t1: 420, t2: 50 },
  fluid: { density: 1, t1: 4000, t2: 1800 },
  grey: { density: 0.8, t1: 1120, t2: 95 },
  white: { density: 0.7, t1: 560, t2: 74 },
  muscle: { density: 0.76, t1: 950, t2: 44 },
  vitreous: { density: 0.98, t1: 3800, t2: 900 },
} as const satisfies Record<HeadTissue, { readonly density: number; readonly t1: number; readonly t2: number }>

/** Cuts through a slice, and points to a pixel's side. */
const CUTS = 2
const FINE = 2

export interface Sequence {
  readonly repetitionMs: number
  readonly echoMs: number
}

export interface ResonanceSetup extends Sequence {
  readonly size: number
  readonly pixelMm: number
  readonly z: number
  readonly thicknessMm: number
  /** Standard deviation of the noise in each part, in shares of the signal of fat. */
  readonly noise: number
  /** Unevenness of the coil, share of the mean. */
  readonly unevenness: number
}

/** Signal of a tissue, 0 … 1. */
export function signalOf(tissue: HeadTissue, { repetitionMs, echoMs }: Sequence): number {
  const { density, t1, t2 } = RELAXATION[tissue]
  return density * (1 - Math.exp(-repetitionMs / t1)) * Math.exp(-echoMs / t2)
}

/**
 * @param series  stream shared by the slices of a series
 * @param slice   stream of this slice alone
 * @returns size² magnitudes in shares of the signal of fat
 */
export function scanHead(head: Head, setup: ResonanceSetup, series: Random, slice: Random): Float32Array {
  const { size, pixelMm, unevenness } = setup
  const signals = Object.fromEntries(
    HEAD_TISSUES.map((tissue) => [tissue, signalOf(tissue, setup) / signalOf('fat', setup)]),
  ) as Record<HeadTissue, number>
  const image = new Float32Array(size * size)
  const middle = (size - 1) / 2
  for (let cut = 0; cut < CUTS; cut++) {
    const z = setup.z + ((cut + 0.5) / CUTS - 0.5) * setup.thicknessMm
    for (let v = 0; v < size * FINE; v++) {
      const y = ((v + 0.5) / FINE - 0.5 - middle) * pixelMm
      for (let u = 0; u < size * FINE; u++) {
        const x = ((u + 0.5) / FINE - 0.5 - middle) * pixelMm
        if (x * x + y * y > 115 * 115) continue
        const at = Math.floor(v / FINE) * size + Math.floor(u / FINE)
        image[at] = (image[at] as number) + signals[head(x, y, z)] / (CUTS * FINE * FINE)
      }
    }
  }
  const grid = blurField(image, { columns: size, rows: size }, 0.45)
  const coil = series.fork('coil')
  const [sx, sy, bend] = [coil.around(0, 0.5), coil.around(0, 0.5), coil.between(0.4, 1)]
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const [x, y] = [u / middle - 1, v / middle - 1]
      const sensitivity = 1 + unevenness * (sx * x + sy * y + bend * (x * x + y * y - 0.35))
      const at = v * size + u
      image[at] = Math.hypot(
        (grid[at] as number) * sensitivity + slice.normal(0, setup.noise),
        slice.normal(0, setup.noise),
      )
    }
  }
  return image
}
