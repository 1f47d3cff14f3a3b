/**
 * Diffusion: noise is laid over the picture, and a small network takes it away step by step: a small diffusion round trip.
 *
 * Source: Meng et al. (2022), SDEdit; Song, Meng and Ermon (2021) for steps without new noise. Network: networks/denoiser.ts.
 * Limits: its network has about a ten-thousandth of the weights of the models that people know; it re-draws detail, not anatomy.
 */
import type { Random } from '../../attack/random.ts'
import { defineTechnique } from '../define.ts'
import type { Field } from '../field.ts'
import { loadDenoiser, SIGMA } from '../networks/denoiser.ts'
import { showView, takeShown } from '../networks/shown.ts'
import { runTiled } from '../networks/tiled.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'

export const DIFFUSION: Technique = defineTechnique({
  id: 'diffusion',
  title: 'Noise is laid over the picture and taken away by a small diffusion model',
  reach: 'global',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 32,
  parameters: [
    {
      name: 'noise',
      low: 0.04,
      high: 0.2,
      usual: null,
      meaning: 'deviation of the noise, where 2 is from black to white',
    },
    {
      name: 'grain',
      low: 0.6,
      high: 1,
      usual: null,
      meaning: 'share of the noise that each step keeps; below 1 it gets smoother',
    },
    { name: 'steps', low: 1, high: 16, usual: 8, meaning: 'steps in which it is taken away, rounded' },
  ],
  expected: GLOBAL_SIGHT,
  forge(host, random, { noise = 0.1, grain = 0.8, steps = 8 }) {
    return { samples: takeShown(host, regenerate(showView(host), random, { noise, grain, steps })), spot: null }
  },
})

export interface RoundTrip {
  /** Deviation of the noise, from 0.02 to 0.8, where the picture goes from −1 to 1. */
  readonly noise: number
  /** Share of the noise that each step keeps beside what it should, 0 to 1: a small network leaves too much of it. */
  readonly grain: number
  /** At least 1. */
  readonly steps: number
}

/** A picture from −1 to 1 with noise laid over it and taken away again. Cost: about a seventh of a second a step for 512 × 512 samples. */
export function regenerate(shown: Field, random: Random, { noise, grain, steps }: RoundTrip): Field {
  const denoise = loadDenoiser()
  let current: Field = { ...shown, samples: shown.samples.map((value) => value + noise * random.normal()) }
  const levels = levelsOf(noise, Math.max(1, Math.round(steps)))
  for (const [i, level] of levels.entries()) {
    const clean = runTiled(current, (maps) => denoise(maps, level))
    const share = (grain * (levels[i + 1] ?? 0)) / level
    const samples = clean.samples.map((value, at) => value + share * ((current.samples[at] as number) - value))
    current = { ...clean, samples }
  }
  return current
}

/** From `noise` down to the least that the network knows, each step by the same factor. */
function levelsOf(noise: number, steps: number): readonly number[] {
  const low = Math.min(noise, SIGMA.low)
  const factor = steps === 1 ? 1 : (low / noise) ** (1 / (steps - 1))
  return Array.from({ length: steps }, (_, i) => noise * factor ** i)
}
