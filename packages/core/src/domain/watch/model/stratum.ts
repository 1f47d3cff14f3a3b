/**
 * Stratum: which true images a picture may be compared with, and none where there are none.
 *
 * A threshold that gave 5 % false alarms on one group of patients gave 23 % on another; so a picture of a device that
 * was not calibrated gets no p-value at all.
 */
import { createRandom } from '../../attack/random.ts'
import { sortedOf } from '../statistics/rank.ts'
import { scoreBoosting } from './boosting.ts'
import { smallestPValue } from './conformal.ts'
import { type FeatureTable, onePerGroup, realsOf, selectColumns, shuffled } from './feature-table.ts'
import { scoreLogistic } from './logistic.ts'
import { scoreOneClass } from './one-class.ts'
import { rounded } from './rounding.ts'
import type { FactLimits, ImageFacts, Selector, Stratum, WatchModel } from './watch-model.ts'

/** With fewer patients the combined p-value cannot reach 5 % for an image that one model alone finds strange. */
export const LEAST_PATIENTS = 39
/** Of more patients so many are drawn: a file stays small, and p-values stay valid. */
export const MOST_PATIENTS = 2000

export interface StratumOptions {
  readonly id: string
  readonly selector: Selector
  readonly limits: FactLimits
  readonly seed: number
}

/**
 * Compares true images of a site or device with a model, so that others of the same kind can be told from them.
 *
 * @param table  true images that the model has not learned from; forgeries in it are passed over, and of each patient
 *               one image is drawn
 * @throws {RangeError} for fewer than {@link LEAST_PATIENTS} patients, or a table that lacks a column
 */
export function calibrateStratum(
  model: Pick<WatchModel, 'featureNames' | 'cues' | 'oneClass' | 'boosting' | 'logistic'>,
  table: FeatureTable,
  { id, selector, limits, seed }: StratumOptions,
): Stratum {
  const random = createRandom(seed)
  const drawn = shuffled(onePerGroup(realsOf(table.samples), random), random).slice(0, MOST_PATIENTS)
  if (drawn.length < LEAST_PATIENTS) throw new RangeError(`${drawn.length} patients, ${LEAST_PATIENTS} are needed`)
  const features = selectColumns({ names: table.names, samples: drawn }, model.featureNames).samples
  const cues = selectColumns(
    { names: table.names, samples: drawn },
    model.cues.map(({ name }) => name),
  ).samples
  const scores = features
    .map(({ values }) => ({
      oneClass: rounded(scoreOneClass(model.oneClass, values)),
      boosting: rounded(scoreBoosting(model.boosting, values)),
      logistic: rounded(scoreLogistic(model.logistic, values)),
    }))
    .sort((a, b) => a.oneClass - b.oneClass || a.boosting - b.boosting || a.logistic - b.logistic)
  return {
    id,
    selector,
    limits,
    patients: drawn.length,
    oneClass: scores.map(({ oneClass }) => oneClass),
    boosting: scores.map(({ boosting }) => boosting),
    logistic: scores.map(({ logistic }) => logistic),
    cues: model.cues.map((_, i) => measuredOf(cues.map(({ values }) => values[i] as number))),
  }
}

const measuredOf = (values: readonly number[]): readonly number[] =>
  Array.from(sortedOf(values.filter((value) => !Number.isNaN(value)).map(rounded)))

/** The smallest p-value that a stratum can give. */
export const smallestOf = ({ patients }: Stratum): number => smallestPValue(patients)

/** Why a picture is compared with nothing. */
export type Abstention = 'no_stratum' | 'size_not_calibrated' | 'bits_not_calibrated'

export type Match =
  | { readonly stratum: Stratum; readonly abstention: null }
  /** `stratum` is the one that would have been, where only size or bits do not fit. */
  | { readonly stratum: Stratum | null; readonly abstention: Abstention }

/**
 * The stratum of an image: of those whose selector it meets, the one that asks for most; the first of several.
 * An empty selector is met by none: such strata are chosen by name alone.
 */
export function matchStratum({ strata }: Pick<WatchModel, 'strata'>, facts: ImageFacts): Match {
  let best: Stratum | null = null
  for (const stratum of strata) {
    const asked = Object.entries(stratum.selector)
    const isMet = asked.length > 0 && asked.every(([name, value]) => facts[name as keyof Selector] === value)
    if (isMet && asked.length > Object.keys(best?.selector ?? {}).length) best = stratum
  }
  return best === null ? { stratum: null, abstention: 'no_stratum' } : fitStratum(best, facts)
}

/** Whether an image has the size and bits that a stratum, however it was chosen, was calibrated for. */
export function fitStratum(
  stratum: Stratum,
  { rows, columns, bits }: Pick<ImageFacts, 'rows' | 'columns' | 'bits'>,
): Match {
  const { limits } = stratum
  if (!isWithin(rows, limits.rows) || !isWithin(columns, limits.columns)) {
    return { stratum, abstention: 'size_not_calibrated' }
  }
  if (!limits.bits.includes(bits)) return { stratum, abstention: 'bits_not_calibrated' }
  return { stratum, abstention: null }
}

const isWithin = (value: number, [least, most]: readonly [number, number]): boolean => value >= least && value <= most
