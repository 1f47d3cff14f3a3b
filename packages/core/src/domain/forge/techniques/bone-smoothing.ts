/**
 * Bone smoothing: what is bright and long, as ribs and cortex are, is averaged along its own direction.
 *
 * Edges across a bone stay, its structure does not. Limits: what is bright and long need not be bone.
 */
import { defineTechnique } from '../define.ts'
import { type Field, valueAt } from '../field.ts'
import { makeGrain, measureFlatGrain, residualField } from '../grain.ts'
import { findRidges } from '../ridges.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'
import { toneRange } from '../tone-range.ts'

/** Samples of a side for each sample of deviation at which ridges are looked for: a rib of a chest, the cortex of a limb. */
const SIDE_PER_DEVIATION = 128
/** Values averaged to each side, at most; a longer way is walked in longer steps. */
const MOST_STEPS = 10

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
    const noise = makeGrain(host.width, host.height, measureFlatGrain(residualField(host)), random)
    const way = {
      steps: Math.max(2, Math.min(MOST_STEPS, Math.round(reach * side))),
      stride: Math.max(1, (reach * side) / MOST_STEPS),
    }
    const samples = host.samples.slice()
    for (let i = 0; i < samples.length; i++) {
      const share = strength * (ridges.weight[i] as number)
      if (share === 0) continue
      const along = averageAlong(host, i, ridges.direction[i] as number, way)
      samples[i] = (samples[i] as number) + share * (along - (samples[i] as number) + grain * (noise[i] as number))
    }
    return { samples, spot: null }
  },
})

/** The mean over a straight piece with the sample in its middle, weighed as a triangle. */
function averageAlong(
  field: Field,
  index: number,
  direction: number,
  { steps, stride }: { readonly steps: number; readonly stride: number },
): number {
  const x = index % field.width
  const y = (index - x) / field.width
  const [dx, dy] = [stride * Math.cos(direction), stride * Math.sin(direction)]
  let sum = (field.samples[index] as number) * (steps + 1)
  for (let d = 1; d <= steps; d++) {
    sum += (steps + 1 - d) * (valueAt(field, x + d * dx, y + d * dy) + valueAt(field, x - d * dx, y - d * dy))
  }
  return sum / ((steps + 1) * (steps + 1))
}
