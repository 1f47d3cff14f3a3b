/**
 * Ridges: what is bright and longer than wide, as ribs and cortex are.
 *
 * Source: eigenvalues of the Hessian after a Gaussian, as Frangi and others (1998) use them.
 */
import { blurField, type Field } from './field.ts'

/** Curvature, tone ranges over squared deviations, from which and up to which bone is assumed. */
const CURVATURE = { from: 0.004, full: 0.02 }

export interface Ridges {
  /** 0 to 1: how far a sample lies on a bright ridge. */
  readonly weight: Float32Array
  /** Of the ridge, radians from the row. */
  readonly direction: Float32Array
}

/** @param tones  the tone range, steps */
export function findRidges(field: Field, deviation: number, tones: number): Ridges {
  const { width, height, samples } = blurField(field, deviation)
  const weight = new Float32Array(samples.length)
  const direction = new Float32Array(samples.length)
  const gain = (deviation * deviation) / tones
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x
      const at = (by: number): number => samples[i + by] as number
      const xx = at(-1) - 2 * at(0) + at(1)
      const yy = at(-width) - 2 * at(0) + at(width)
      const xy = (at(-width - 1) + at(width + 1) - at(1 - width) - at(width - 1)) / 4
      const half = Math.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
      const across = (xx + yy) / 2 - half
      const bent = -across * gain
      // Longer than wide: the curvature along it is well below that across.
      if (bent <= CURVATURE.from || across + 2 * half < across / -4 - half) continue
      const t = Math.min(1, (bent - CURVATURE.from) / (CURVATURE.full - CURVATURE.from))
      weight[i] = t * t * (3 - 2 * t)
      direction[i] = 0.5 * Math.atan2(2 * xy, xx - yy)
    }
  }
  return { weight: blurField({ width, height, samples: weight }, deviation / 2).samples, direction }
}
