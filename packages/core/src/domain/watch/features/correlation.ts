/**
 * Correlation: how far grain resembles itself a few samples on.
 *
 * Source: Popescu and Farid 2005 (resampled samples depend on neighbours); Corvi et al. 2023 (autocorrelation of residuals of generators). Means over
 * patches of a layer; of rows and columns together, and how much they differ.
 */
import type { FeatureFamily } from '../feature.ts'
import { CORRELATION, defineFeatures, SIZE } from './define.ts'
import { createGrainPatch, type GrainPatch, readGrainPatch } from './grain-patch.ts'
import { spreadOf } from './moments.ts'
import { PATCH, type Study } from './study.ts'

const PAPER = 'Popescu and Farid 2005; Corvi et al. 2023'
/** Right and down. */
type Lag = readonly [x: number, y: number]
/** Lags that mirror each other: along rows and along columns, or along both diagonals. */
type Pair = readonly [Lag, Lag]

const beside = (distance: number): Pair => [
  [distance, 0],
  [0, distance],
]
const diagonal = (distance: number): Pair => [
  [distance, distance],
  [-distance, distance],
]
const KNIGHT: Pair = [
  [2, 1],
  [-1, 2],
]
const FINE = [beside(1), beside(2), beside(3), beside(4), diagonal(1), KNIGHT, beside(7), beside(8), beside(9)]
const MIDDLE = [beside(2), beside(4), beside(6), diagonal(2)]

export const CORRELATIONS: FeatureFamily = {
  features: [
    ...defineFeatures('correlation', { paper: PAPER, ...CORRELATION }, [
      'fine-1',
      'fine-2',
      'fine-3',
      'fine-4',
      'fine-diagonal',
      'fine-knight',
      'fine-block',
      'fine-across-1',
      'middle-2',
      'middle-4',
      'middle-6',
      'middle-diagonal',
      'middle-across',
    ]),
    ...defineFeatures('correlation', { paper: PAPER, ...SIZE }, ['fine-1-spread', 'middle-2-spread']),
  ],
  measure(study, into, at) {
    const fine = correlate(study, study.fine, FINE)
    const middle = correlate(study, study.middle, MIDDLE)
    const both = ({ means }: Correlated, i: number): number =>
      ((means[2 * i] as number) + (means[2 * i + 1] as number)) / 2
    const across = ({ means }: Correlated, i: number): number =>
      ((means[2 * i] as number) - (means[2 * i + 1] as number)) / 2
    into.set(
      [
        ...[0, 1, 2, 3, 4, 5].map((i) => both(fine, i)),
        both(fine, 7) - (both(fine, 6) + both(fine, 8)) / 2,
        across(fine, 0),
        ...[0, 1, 2, 3].map((i) => both(middle, i)),
        across(middle, 0),
        fine.spread,
        middle.spread,
      ],
      at,
    )
  },
}

interface Correlated {
  /** One mean for each lag, both of a pair in turn. */
  readonly means: Float64Array
  /** Of the first lag over patches. */
  readonly spread: number
}

function correlate({ width, blackPatches }: Study, layer: Float32Array, pairs: readonly Pair[]): Correlated {
  const lags = pairs.flat()
  const patch = createGrainPatch()
  const means = new Float64Array(lags.length)
  const firsts: number[] = []
  for (const from of blackPatches) {
    if (!readGrainPatch(layer, from, width, patch)) continue
    const power = powerOf(patch)
    for (let i = 0; i < lags.length; i++) {
      const value = correlateAt(patch, lags[i] as Lag, power)
      means[i] = (means[i] as number) + value
      if (i === 0) firsts.push(value)
    }
  }
  return { means: means.map((sum) => sum / Math.max(1, firsts.length)), spread: spreadOf(firsts) }
}

/** Mean of products over the mean of squares. */
function correlateAt({ values }: GrainPatch, [x, y]: Lag, power: number): number {
  const [left, right] = [Math.max(0, -x), PATCH - Math.max(0, x)]
  let products = 0
  for (let row = 0; row < PATCH - y; row++) {
    const to = row * PATCH + right
    const step = y * PATCH + x
    for (let i = row * PATCH + left; i < to; i++) products += (values[i] as number) * (values[i + step] as number)
  }
  return products / ((right - left) * (PATCH - y)) / power
}

function powerOf({ values }: GrainPatch): number {
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i] as number) * (values[i] as number)
  return squares / values.length
}
