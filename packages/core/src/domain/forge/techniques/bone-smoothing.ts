/**
 * Bone smoothing: what is bright and long, as ribs and cortex are, is averaged along its own direction.
 *
 * Source: eigenvalues of the Hessian after a Gaussian, as Frangi and others (1998) find ridges. Edges across a bone stay, its structure does not.
 */
import { defineTechnique } from '../define.ts'
import { blurField, type Field, valueAt } from '../field.ts'
import { makeGrain, measureGrain, residualField } from '../grain.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'
import { toneRange } from '../tone-range.ts'

/** Samples of a side for each sample of deviation at which ridges are looked for: a rib of a chest, the cortex of a limb. */
const SIDE_PER_DEVIATION = 128
/** Curvature, tone ranges over squared deviations, from which and up to which bone is assumed. */
const CURVATURE = { from: 0.004, full: 0.02 }

export const BONE_SMOOTHING: Technique = defineTechnique({
  id: 'bone-smoothing',
  title: 'Bone is smoothed along its direction',
  reach: 'global',
  kinds: ['chest', 'limb'],
  leastSide: 64,
  parameters: [
    { name: 'strength', low: 0.5, high: 1, usual: null, meaning: 'share of the smoothed bone' },
    {
      name: 'reach',
      low: 0.008,
      high: 0.02,
      usual: null,
      meaning: 'length averaged to each side, share of the shorter side',
    },
    { name: 'grain', low: 0, high: 1, usual: null, meaning: 'share of the lost grain that is laid on again' },
  ],
  expected: GLOBAL_SIGHT,
  forge(host, random, { strength = 1, reach = 0.01, grain = 0 }) {
    const { low, high } = toneRange(host)
    const side = Math.min(host.width, host.height)
    const ridges = findRidges(host, Math.max(1, side / SIDE_PER_DEVIATION), high - low)
    const noise = makeGrain(host.width, host.height, measureGrain(residualField(host)), random)
    const steps = Math.max(2, Math.round(reach * side))
    const samples = host.samples.slice()
    for (let i = 0; i < samples.length; i++) {
      const share = strength * (ridges.weight[i] as number)
      if (share === 0) continue
      const along = averageAlong(host, i, ridges.direction[i] as number, steps)
      samples[i] = (samples[i] as number) + share * (along - (samples[i] as number) + grain * (noise[i] as number))
    }
    return { samples, spot: null }
  },
})

interface Ridges {
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

/** The mean over a straight piece with the sample in its middle, weighed as a triangle. */
function averageAlong(field: Field, index: number, direction: number, steps: number): number {
  const x = index % field.width
  const y = (index - x) / field.width
  const [dx, dy] = [Math.cos(direction), Math.sin(direction)]
  let sum = (field.samples[index] as number) * (steps + 1)
  for (let d = 1; d <= steps; d++) {
    sum += (steps + 1 - d) * (valueAt(field, x + d * dx, y + d * dy) + valueAt(field, x - d * dx, y - d * dy))
  }
  return sum / ((steps + 1) * (steps + 1))
}
