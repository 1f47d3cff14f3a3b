/**
 * Binary patterns: which neighbours of a sample are as bright or brighter.
 *
 * Source: Ojala, Pietikäinen and Mäenpää 2002, uniform patterns that do not change under rotation (by quarters here, as neighbours are those of the
 * grid). Shares of all usable samples in every other row, as square roots, whose spread hardly depends on their size.
 */
import type { FeatureFamily } from '../feature.ts'
import { defineFeatures, SHARE } from './define.ts'
import type { Study } from './study.ts'

const PAPER = 'Ojala, Pietikäinen and Mäenpää 2002'
const BINS = 10
/** Brighter neighbours of a pattern with two changes at most around the circle; 9 for other patterns. */
const BIN_OF = Uint8Array.from({ length: 256 }, (_, pattern) => {
  let [ones, changes] = [0, 0]
  for (let bit = 0; bit < 8; bit++) {
    const own = (pattern >> bit) & 1
    ones += own
    changes += own ^ ((pattern >> ((bit + 1) & 7)) & 1)
  }
  return changes <= 2 ? ones : BINS - 1
})
const names = Array.from({ length: BINS }, (_, bin) => (bin < BINS - 1 ? `${bin}` : 'mixed'))

export const BINARY_PATTERNS: FeatureFamily = {
  features: ['near', 'far'].flatMap((reach) =>
    defineFeatures(
      'patterns',
      { paper: PAPER, ...SHARE },
      names.map((name) => `${reach}-${name}`),
    ),
  ),
  measure(study, into, at) {
    into.set(countPatterns(study, study.samples, 1), at)
    into.set(countPatterns(study, study.blurred, 2), at + BINS)
  },
}

/** @returns square roots of ten shares */
function countPatterns({ width, height, usable }: Study, samples: Float32Array, reach: number): Float64Array {
  const counts = new Float64Array(BINS)
  const up = reach * width
  for (let y = reach; y < height - reach; y += 2) {
    const to = y * width + width - reach
    for (let i = y * width + reach; i < to; i++) {
      if (usable[i] === 0) continue
      const own = samples[i] as number
      let pattern = 0
      if ((samples[i - up - reach] as number) >= own) pattern |= 1
      if ((samples[i - up] as number) >= own) pattern |= 2
      if ((samples[i - up + reach] as number) >= own) pattern |= 4
      if ((samples[i + reach] as number) >= own) pattern |= 8
      if ((samples[i + up + reach] as number) >= own) pattern |= 16
      if ((samples[i + up] as number) >= own) pattern |= 32
      if ((samples[i + up - reach] as number) >= own) pattern |= 64
      if ((samples[i - reach] as number) >= own) pattern |= 128
      const bin = BIN_OF[pattern] as number
      counts[bin] = (counts[bin] as number) + 1
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => (total === 0 ? 0.5 : Math.sqrt(count / total)))
}
