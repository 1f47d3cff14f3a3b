/**
 * Laterality flip: left and right of the whole picture exchanged, so that the wrong side is treated.
 *
 * Every value and all of the grain is real: nothing about the picture by itself is wrong. Markers that are burnt in are mirrored too.
 */
import { defineTechnique } from '../define.ts'
import type { Technique } from '../technique.ts'

export const LATERALITY_FLIP: Technique = defineTechnique({
  id: 'laterality-flip',
  title: 'Left and right are exchanged',
  reach: 'global',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  leastSide: 2,
  parameters: [],
  expected: { signature: 'sees', mark: 'sees', header: 'blind', watchdog: 'blind', reader: 'may' },
  forge({ width, height, samples }) {
    const flipped = new Float32Array(samples.length)
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) flipped[i] = samples[y * width + width - 1 - x] as number
    }
    return { samples: flipped, spot: null }
  },
})
