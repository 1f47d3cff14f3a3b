/**
 * Features: all numbers that the watchdog knows a picture by, in their fixed order.
 *
 * Source: docs/explanation/watchdog.md names the papers; each feature names its own. A model names the features it was made of, so that names
 * are for ever and the order may grow.
 */
import type { Feature, FeatureFamily } from './feature.ts'
import { BINARY_PATTERNS } from './features/binary-patterns.ts'
import { CO_OCCURRENCE } from './features/co-occurrence.ts'
import { CORRELATIONS } from './features/correlation.ts'
import { COSINE_BLOCKS } from './features/cosine-blocks.ts'
import { GRADIENT } from './features/gradient.ts'
import { HAAR } from './features/haar.ts'
import { MIRROR } from './features/mirror.ts'
import { NOISE } from './features/noise.ts'
import { PERIOD } from './features/period.ts'
import { RELIEF } from './features/relief.ts'
import { SPECTRUM } from './features/spectrum.ts'
import { studyPlane } from './features/study.ts'
import type { NormalPlane } from './normal-plane.ts'

/** Families in the order of their features. */
export const FAMILIES: readonly FeatureFamily[] = [
  SPECTRUM,
  NOISE,
  CORRELATIONS,
  CO_OCCURRENCE,
  BINARY_PATTERNS,
  HAAR,
  COSINE_BLOCKS,
  PERIOD,
  MIRROR,
  GRADIENT,
  RELIEF,
]

export const FEATURES: readonly Feature[] = FAMILIES.flatMap(({ features }) => features)

/**
 * Measures a plane. Cost: about 30 ms for 512² on one core, 15 MB.
 * @returns a value for each of {@link FEATURES}; finite and in its range
 */
export function extractFeatures(plane: NormalPlane): Float64Array {
  const values = new Float64Array(FEATURES.length)
  const study = studyPlane(plane)
  let at = 0
  for (const family of FAMILIES) {
    family.measure(study, values, at)
    at += family.features.length
  }
  for (let i = 0; i < values.length; i++) values[i] = keepInRange(values[i] as number, FEATURES[i] as Feature)
  return values
}

function keepInRange(value: number, { range: [low, high], middle }: Feature): number {
  return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : middle
}
