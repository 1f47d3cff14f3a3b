/**
 * Noise: how much grain there is, how it is spread, and what it goes with.
 *
 * Source: Immerkær 1996 (noise in patches); Foi et al. 2008 (noise of sensors grows with intensity); Lyu et al. 2014 (kurtosis of noise). Two layers
 * of the study, patch by patch; grain of a sensor follows the dose, while grain that is put on or made up is even or follows edges.
 */
import type { FeatureFamily } from '../feature.ts'
import { quantileOf, sortedOf } from '../statistics/rank.ts'
import { CORRELATION, defineFeatures, REAL, SIZE } from './define.ts'
import { fitLine, logOf, medianOf, spreadOf } from './moments.ts'
import { PATCH, type Study } from './study.ts'

const PAPER = 'Immerkær 1996; Foi et al. 2008; Lyu et al. 2014'
const layerNames = (layer: string): readonly string[] =>
  ['level', 'floor', 'kurtosis', 'patch-kurtosis', 'skew'].map((name) => `${layer}-${name}`)

export const NOISE: FeatureFamily = {
  features: [
    ...defineFeatures('noise', { paper: PAPER, ...REAL }, [
      ...layerNames('fine'),
      ...layerNames('middle'),
      'fine-to-middle',
      'middle-to-coarse',
    ]),
    ...defineFeatures('noise', { paper: PAPER, ...SIZE }, [
      'fine-spread',
      'middle-spread',
      'ratio-spread',
      'fine-left',
      'middle-left',
      'lone-patches',
    ]),
    ...defineFeatures('noise', { paper: PAPER, ...CORRELATION }, [
      'fine-with-light',
      'middle-with-light',
      'fine-with-structure',
      'middle-with-structure',
      'fine-with-middle',
      'left-with-light',
    ]),
    ...defineFeatures('noise', { paper: PAPER, ...REAL }, [
      'fine-by-light',
      'fine-by-structure',
      'middle-by-structure',
    ]),
  ],
  measure(study, into, at) {
    const fine = measureLayer(study, study.fine)
    const middle = measureLayer(study, study.middle)
    const coarse = measureLayer(study, study.coarse)
    const light = lightOf(study)
    const ratio = fine.levels.map((level, i) => level - (middle.levels[i] as number))
    const byCoarse = fitLine(coarse.levels, fine.levels)
    const middleByCoarse = fitLine(coarse.levels, middle.levels)
    const fineByLight = fitLine(light, fine.levels)
    const fineLeft = fine.levels.map(
      (level, i) => level - byCoarse.offset - byCoarse.slope * (coarse.levels[i] as number),
    )
    const middleLeft = middle.levels.map(
      (level, i) => level - middleByCoarse.offset - middleByCoarse.slope * (coarse.levels[i] as number),
    )
    into.set(
      [
        ...fine.summary,
        ...middle.summary,
        medianOf(ratio),
        medianOf(middle.levels) - medianOf(coarse.levels),
        spreadOf(fine.levels),
        spreadOf(middle.levels),
        spreadOf(ratio),
        spreadOf(fineLeft),
        spreadOf(middleLeft),
        tailOf(fineLeft),
        fineByLight.correlation,
        fitLine(light, middle.levels).correlation,
        byCoarse.correlation,
        middleByCoarse.correlation,
        fitLine(middle.levels, fine.levels).correlation,
        fitLine(light, fineLeft).correlation,
        100 * fineByLight.slope,
        byCoarse.slope,
        middleByCoarse.slope,
      ],
      at,
    )
  },
}

interface Layer {
  /** Logarithm of the variance in each patch. */
  readonly levels: Float64Array
  /** The five numbers of {@link layerNames}. */
  readonly summary: readonly number[]
}

function measureLayer({ width, patches }: Study, layer: Float32Array): Layer {
  const levels = new Float64Array(patches.length)
  const kurtoses = new Float64Array(patches.length)
  let [third, fourth] = [0, 0]
  for (let patch = 0; patch < patches.length; patch++) {
    const { variance, skew, kurtosis } = momentsOf(layer, patches[patch] as number, width)
    levels[patch] = logOf(variance)
    kurtoses[patch] = Math.log(kurtosis / 3)
    third += skew / patches.length
    fourth += kurtosis / patches.length
  }
  const floor = patches.length === 0 ? 0 : quantileOf(sortedOf(levels), 0.1)
  return {
    levels,
    summary: [medianOf(levels), floor - medianOf(levels), Math.log(Math.max(1, fourth) / 3), medianOf(kurtoses), third],
  }
}

interface Moments {
  readonly variance: number
  readonly skew: number
  readonly kurtosis: number
}

/** About zero, as layers have no level. Of a blank patch: those of a normal distribution without variance. */
function momentsOf(layer: Float32Array, from: number, width: number): Moments {
  let [second, third, fourth] = [0, 0, 0]
  for (let row = 0; row < PATCH; row++) {
    const start = from + row * width
    for (let i = start; i < start + PATCH; i++) {
      const value = layer[i] as number
      const square = value * value
      second += square
      third += square * value
      fourth += square * square
    }
  }
  const count = PATCH * PATCH
  const variance = second / count
  if (!(variance > 1e-6)) return { variance: 0, skew: 0, kurtosis: 3 }
  return {
    variance,
    skew: third / count / (variance * Math.sqrt(variance)),
    kurtosis: fourth / count / (variance * variance),
  }
}

/** Mean grey value of each patch. */
function lightOf({ width, patches, smooth }: Study): Float64Array {
  return Float64Array.from(patches, (from) => {
    let sum = 0
    for (let row = 0; row < PATCH; row++) {
      const start = from + row * width
      for (let i = start; i < start + PATCH; i++) sum += smooth[i] as number
    }
    return sum / (PATCH * PATCH)
  })
}

/** How far the outermost twentieths lie apart, in spreads; 0 without a spread. */
function tailOf(values: Float64Array): number {
  const spread = spreadOf(values)
  if (!(spread > 1e-9)) return 0
  const sorted = sortedOf(values)
  return (quantileOf(sorted, 0.95) - quantileOf(sorted, 0.05)) / spread
}
