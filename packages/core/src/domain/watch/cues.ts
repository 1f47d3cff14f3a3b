/**
 * Cues: all of them, and their numbers in the order in which models name them.
 *
 * The order of {@link CUES} and of their measures is stable; new ones are added at the end of their cue.
 */
import type { WatchKind } from './body-part.ts'
import type { Cue, CueId, CueMeasurement } from './cue.ts'
import { boneSmoothness } from './cues/bone-smoothness.ts'
import { fractureCleanliness } from './cues/fracture-cleanliness.ts'
import { grainUniformity } from './cues/grain-uniformity.ts'
import { lungSymmetry } from './cues/lung-symmetry.ts'
import { spineStraightness } from './cues/spine-straightness.ts'
import type { NormalPlane, SourceBox } from './normal-plane.ts'

export const CUES: readonly Cue[] = [
  lungSymmetry,
  spineStraightness,
  boneSmoothness,
  grainUniformity,
  fractureCleanliness,
]

/** Names of all measures, in the order of {@link cueValues}. */
export const CUE_MEASURES: readonly string[] = CUES.flatMap(({ measures }) => measures.map(({ name }) => name))

/**
 * Every cue on one plane, in the order of {@link CUES}.
 * @param findings  boxes that a diagnostic model marked, in samples of the plane
 */
export function measureCues(
  plane: NormalPlane,
  kind: WatchKind,
  findings: readonly SourceBox[] = [],
): readonly CueMeasurement[] {
  return CUES.map((cue) => cue.measure(plane, kind, findings))
}

export interface CueValues {
  /** One value for each of {@link CUE_MEASURES}; 0 where it was not measured. Never NaN. */
  readonly values: Float64Array
  /** 1 where the value was measured. */
  readonly measured: Uint8Array
}

/** The numbers of measurements of any order; a cue that is missing counts as not measured. */
export function cueValues(measurements: readonly CueMeasurement[]): CueValues {
  const values = new Float64Array(CUE_MEASURES.length)
  const measured = new Uint8Array(CUE_MEASURES.length)
  const found = new Map<CueId, CueMeasurement>(measurements.map((measurement) => [measurement.id, measurement]))
  let at = 0
  for (const { id, measures } of CUES) {
    const numbers = found.get(id)?.values ?? null
    for (let i = 0; i < measures.length; i++, at++) {
      const value = numbers?.[i]
      if (value === undefined || !Number.isFinite(value)) continue
      values[at] = value
      measured[at] = 1
    }
  }
  return { values, measured }
}
