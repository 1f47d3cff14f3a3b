/**
 * Smooth and grain: detail smoothed away where there are no edges, and grain of one level laid over everything.
 *
 * Source: He, Sun and Tang (2013), guided filter, the picture guiding itself. Real grain follows the dose behind each part; this one does not.
 */
import { defineTechnique } from '../define.ts'
import { boxMean, type Field } from '../field.ts'
import { makeGrain, measureFlatGrain, residualField } from '../grain.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'
import { keepEnds, toneRange } from '../tone-range.ts'

export const SMOOTH_GRAIN: Technique = defineTechnique({
  id: 'smooth-grain',
  title: 'The picture is smoothed between its edges and given even grain',
  reach: 'global',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 32,
  parameters: [
    { name: 'strength', low: 0.6, high: 1, usual: null, meaning: 'share of the smoothed picture' },
    {
      name: 'reach',
      low: 2,
      high: 5,
      usual: null,
      meaning: 'half the side of the square that is smoothed over, samples, rounded',
    },
    {
      name: 'edge',
      low: 0.015,
      high: 0.05,
      usual: null,
      meaning: 'deviation that counts as an edge, share of the tone range',
    },
    { name: 'grain', low: 0.7, high: 1.2, usual: null, meaning: "level of the new grain, in the host's own" },
  ],
  expected: GLOBAL_SIGHT,
  forge(host, random, { strength = 1, reach = 2, edge = 0.03, grain = 1 }) {
    const { low, high } = toneRange(host)
    const own = measureFlatGrain(residualField(host))
    const smooth = guide(host, Math.round(reach), (edge * (high - low)) ** 2)
    const noise = makeGrain(host.width, host.height, { ...own, level: grain * own.level }, random)
    const samples = host.samples.map(
      (value, i) => value + strength * ((smooth[i] as number) - value + (noise[i] as number)),
    )
    return { samples: keepEnds(samples, host), spot: null }
  },
})

/** @param variance  that of a neighbourhood which is kept by half */
export function guide(field: Field, reach: number, variance: number): Float32Array {
  const { width, height, samples } = field
  const mean = boxMean(field, reach).samples
  const square = boxMean({ width, height, samples: samples.map((value) => value * value) }, reach).samples
  const slope = new Float32Array(samples.length)
  const offset = new Float32Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const average = mean[i] as number
    const spread = Math.max(0, (square[i] as number) - average * average)
    slope[i] = spread / (spread + variance)
    offset[i] = average * (1 - (slope[i] as number))
  }
  const slopes = boxMean({ width, height, samples: slope }, reach).samples
  const offsets = boxMean({ width, height, samples: offset }, reach).samples
  return samples.map((value, i) => (slopes[i] as number) * value + (offsets[i] as number))
}
