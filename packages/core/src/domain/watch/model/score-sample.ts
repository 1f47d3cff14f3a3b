/**
 * Score sample: what the watchdog says of one picture, beside the true images of its stratum.
 *
 * No figure here is a chance that the picture is forged: that depends on how frequent forgeries are, which nobody knows.
 */

import { sortedOf } from '../statistics/rank.ts'
import { scoreBoosting } from './boosting.ts'
import { combinedPValue, conformalPValue, smallestPValue, twoSidedPValue } from './conformal.ts'
import { scoreLogistic } from './logistic.ts'
import { normalScores } from './normal-scores.ts'
import { scoreOneClass } from './one-class.ts'
import { rounded } from './rounding.ts'
import type { Stratum, WatchModel } from './watch-model.ts'

/** A score, and the share of true images of the stratum that score as high, the picture counted in. */
export interface ModelScore {
  readonly score: number
  readonly p: number
}

export interface CueScore {
  readonly measure: string
  readonly value: number
  /** Of departures to either side. */
  readonly p: number
  /** Where the value lies beside the middle true image; `perfect` where that is the side of "too perfect". */
  readonly direction: 'low' | 'high'
  readonly isPerfectSide: boolean
  /** True images that had the measure. */
  readonly count: number
}

/** A feature far from true images. */
export interface UnusualFeature {
  readonly name: string
  /** Normal deviates, sign included. */
  readonly deviation: number
}

export interface SampleScore {
  readonly stratum: string
  /** Images that it is compared with, one of each patient. */
  readonly count: number
  /** No p-value can be smaller. */
  readonly smallestP: number
  readonly oneClass: ModelScore
  readonly boosting: ModelScore
  /** Reported for comparison; takes no part in `combinedP`. */
  readonly logistic: ModelScore
  /** Of one-class and boosting together: the figure that alarms go by. */
  readonly combinedP: number
  readonly cues: readonly CueScore[]
  /** The furthest first. */
  readonly unusual: readonly UnusualFeature[]
}

/** The parts of a model that score. */
export type ScoringModel = Pick<WatchModel, 'featureNames' | 'cues' | 'oneClass' | 'boosting' | 'logistic'>

export interface SampleInput {
  /** One for each of the model's features. */
  readonly values: ArrayLike<number>
  /** One for each of the model's cue measures; NaN where it was not measured. */
  readonly cueValues: ArrayLike<number>
}

const UNUSUAL_LISTED = 5

/**
 * Compares a picture with the true images of a stratum; which stratum is for {@link matchStratum} to say.
 * Cost: two passes over the trees and the covariance, and a sort of the stratum's scores.
 * @throws {RangeError} if there are not as many values as features, or cue values as cue measures
 */
export function scoreSample(model: ScoringModel, { values, cueValues }: SampleInput, stratum: Stratum): SampleScore {
  if (values.length !== model.featureNames.length) throw new RangeError('values do not belong to the features')
  if (cueValues.length !== model.cues.length) throw new RangeError('values do not belong to the cue measures')
  const oneClass = rounded(scoreOneClass(model.oneClass, values))
  const boosting = rounded(scoreBoosting(model.boosting, values))
  const logistic = rounded(scoreLogistic(model.logistic, values))
  return {
    stratum: stratum.id,
    count: stratum.patients,
    smallestP: smallestPValue(stratum.patients),
    oneClass: { score: oneClass, p: conformalPValue(stratum.oneClass, oneClass) },
    boosting: { score: boosting, p: conformalPValue(sortedOf(stratum.boosting), boosting) },
    logistic: { score: logistic, p: conformalPValue(sortedOf(stratum.logistic), logistic) },
    combinedP: combinedPValue(stratum.oneClass, stratum.boosting, [oneClass, boosting]),
    cues: cueScores(model, cueValues, stratum),
    unusual: unusualFeatures(model, values),
  }
}

function cueScores({ cues }: ScoringModel, values: ArrayLike<number>, stratum: Stratum): readonly CueScore[] {
  return cues.flatMap(({ name, perfect }, i) => {
    const known = stratum.cues[i] ?? []
    const value = rounded(values[i] as number)
    if (Number.isNaN(value) || known.length === 0) return []
    const direction = value < (known[known.length >>> 1] as number) ? 'low' : 'high'
    const p = twoSidedPValue(known, value)
    return [{ measure: name, value, p, direction, isPerfectSide: direction === perfect, count: known.length }]
  })
}

function unusualFeatures(
  { featureNames, oneClass }: ScoringModel,
  values: ArrayLike<number>,
): readonly UnusualFeature[] {
  const scores = normalScores(oneClass.tables, values)
  return featureNames
    .map((name, i) => ({ name, deviation: rounded(scores[i] as number) }))
    .sort((a, b) => Math.abs(b.deviation) - Math.abs(a.deviation))
    .slice(0, UNUSUAL_LISTED)
}
