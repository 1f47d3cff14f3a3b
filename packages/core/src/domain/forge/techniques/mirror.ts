/**
 * Mirror: the two halves of a chest made more alike than they are.
 *
 * The picture is blended with its mirror image about the estimated midline; a vignette leaves markers and arms at the border alone. Grain that the
 * blend evens out is laid on again. Limits: a strong blend shows a second heart.
 */
import { defineTechnique } from '../define.ts'
import { makeGrain, mapGrain, measureFlatGrain, measureGrain, residualField } from '../grain.ts'
import { findMidline, mirrorAbout } from '../midline.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'
import { keepEnds } from '../tone-range.ts'

export const MIRROR: Technique = defineTechnique({
  id: 'mirror',
  title: 'The chest is blended with its mirror image',
  reach: 'global',
  kinds: ['chest'],
  leastSide: 64,
  parameters: [
    {
      name: 'strength',
      low: 0.35,
      high: 0.8,
      usual: null,
      meaning: '0 leaves the picture, 1 makes both sides the same',
    },
  ],
  expected: GLOBAL_SIGHT,
  forge(host, random, { strength = 0.5 }) {
    const { width, height } = host
    // Half steps keep the mirror image free of interpolation, which would give it away by its grain.
    const midline = Math.round(2 * findMidline(host)) / 2
    const mirrored = mirrorAbout(host, midline)
    const residual = residualField(host)
    const levels = mapGrain(residual)
    const flat = measureFlatGrain(residual).level
    const grain = makeGrain(width, height, { ...measureGrain(residual), level: 1 }, random)
    const reach = Math.min(midline, width - 1 - midline)
    const samples = host.samples.slice()
    for (let y = 0, i = 0; y < height; y++) {
      const down = fade(Math.abs((2 * y) / (height - 1) - 1))
      for (let x = 0; x < width; x++, i++) {
        const share = (strength / 2) * down * fade(Math.abs(x - midline) / reach)
        if (share === 0) continue
        const value = samples[i] as number
        // Two grains of one level, blended, leave less of it.
        const lost = Math.sqrt(1 - share * share - (1 - share) * (1 - share))
        samples[i] =
          value +
          share * ((mirrored[i] as number) - value) +
          lost * Math.min(flat, levels[i] as number) * (grain[i] as number)
      }
    }
    return { samples: keepEnds(samples, host), spot: null }
  },
})

/** 1 up to .8 of the way to the border, then down to 0 at .97. */
function fade(way: number): number {
  const t = Math.min(1, Math.max(0, (0.97 - way) / 0.17))
  return t * t * (3 - 2 * t)
}
