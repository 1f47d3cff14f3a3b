/**
 * Spine straightening: the rows of a chest are moved sideways until its midline is a straight line.
 *
 * The move fades out towards the lateral borders. Limits: rows in which no spine is to be seen, behind a heart for example, hardly move.
 */
import { defineTechnique } from '../define.ts'
import { cubicInRow } from '../field.ts'
import { findRowMidlines, fitLine } from '../midline.ts'
import { GLOBAL_SIGHT } from '../sight.ts'
import type { Technique } from '../technique.ts'

export const SPINE_STRAIGHTENING: Technique = defineTechnique({
  id: 'spine-straightening',
  title: 'The spine is made straight',
  reach: 'global',
  kinds: ['chest'],
  leastSide: 64,
  parameters: [{ name: 'strength', low: 0.7, high: 1, usual: null, meaning: 'share of the bend that is taken out' }],
  expected: GLOBAL_SIGHT,
  forge(host, _random, { strength = 1 }) {
    const { width, height } = host
    const midlines = findRowMidlines(host)
    const line = fitLine(midlines)
    const samples = new Float32Array(host.samples.length)
    for (let y = 0; y < height; y++) {
      const column = midlines[y] as number
      const straight = line.offset + line.slope * y
      const move = strength * (column - straight)
      for (let x = 0; x < width; x++) {
        const reach = x < straight ? straight : width - 1 - straight
        const away = Math.min(1, Math.abs(x - straight) / Math.max(1, reach))
        const fading = (1 - away * away) ** 2
        samples[y * width + x] = cubicInRow(host.samples, y * width, width, x + move * fading)
      }
    }
    return { samples, spot: null }
  },
})
