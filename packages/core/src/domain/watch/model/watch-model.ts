/**
 * Watch model: all that the watchdog has learned, as one value; docs/reference/watch-model.md is its file.
 *
 * Types alone. Learning is train-model.ts, the file model-file.ts, strata stratum.ts, and what it says of a picture
 * score-sample.ts.
 */
import type { BoostingModel } from './boosting.ts'
import type { LogisticModel } from './logistic.ts'
import type { OneClassModel } from './one-class.ts'

export const MODEL_FORMAT = 'fiducial-watch-model'
export const MODEL_VERSION = 1

export interface WatchModel {
  readonly format: typeof MODEL_FORMAT
  readonly version: typeof MODEL_VERSION
  readonly name: string
  /** A whole number of 32 bits without sign. */
  readonly seed: number
  /** Columns that the models look at, in order. */
  readonly featureNames: readonly string[]
  /** Measures of cues that strata have norms for, in order. */
  readonly cues: readonly CueMeasure[]
  /** SHA-256 of the list of training images, and of the code that measured and learned, as lower-case hexadecimal. */
  readonly dataManifestHash: string
  readonly codeHash: string
  readonly trainedOn: TrainingFacts
  readonly oneClass: OneClassModel
  readonly boosting: BoostingModel
  readonly logistic: LogisticModel
  readonly strata: readonly Stratum[]
  readonly metrics: readonly Metric[]
}

export interface CueMeasure {
  readonly name: string
  /** Which way is "too perfect". */
  readonly perfect: 'low' | 'high'
}

export interface TrainingFacts {
  /** True images, and patients they are of. */
  readonly images: number
  readonly patients: number
  /** Forgeries made of them. */
  readonly forgeries: number
  /** Techniques that boosting and logistic were shown. */
  readonly techniques: readonly string[]
  /** Data sets in words. */
  readonly source: string
}

/** A figure of the audit that goes with the model. */
export interface Metric {
  readonly name: string
  readonly value: number
  readonly low: number
  readonly high: number
  /** Images behind it. */
  readonly count: number
}

/** True images of one kind that scores are compared with: one device or site, and one view. */
export interface Stratum {
  /** Lower case, digits and hyphens. */
  readonly id: string
  readonly selector: Selector
  readonly limits: FactLimits
  /** One image of each patient: so many of both. */
  readonly patients: number
  /** Scores of the images, in one order for all three; rising in `oneClass`. */
  readonly oneClass: readonly number[]
  readonly boosting: readonly number[]
  readonly logistic: readonly number[]
  /** For each cue measure of the model the values that could be measured, rising. */
  readonly cues: readonly (readonly number[])[]
}

/** Header fields that an image has to show, letter by letter; an empty one is met by no image. */
export interface Selector {
  readonly modality?: string
  readonly manufacturer?: string
  readonly modelName?: string
  readonly stationName?: string
  readonly view?: string
  readonly bodyPart?: string
}

/** What the images of a stratum had: an image outside is not compared with them. */
export interface FactLimits {
  readonly rows: readonly [least: number, most: number]
  readonly columns: readonly [least: number, most: number]
  /** Bits that values take, rising. */
  readonly bits: readonly number[]
}

/** What is known of an image without looking at it. */
export interface ImageFacts extends Selector {
  readonly rows: number
  readonly columns: number
  readonly bits: number
}
