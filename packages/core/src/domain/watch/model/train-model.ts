/**
 * Train model: from a table of true images and forgeries made of them to a model with its first stratum.
 *
 * Patients are split: of some the models learn, the others calibrate. Deterministic: same table, options and runtime,
 * same model, bit for bit; runtimes differ in the last bits of exponentials, which rounding mostly hides.
 */
import { createRandom } from '../../attack/random.ts'
import { fitBoosting } from './boosting.ts'
import {
  type FeatureTable,
  labelsOf,
  REAL,
  realsOf,
  type Sample,
  selectColumns,
  shuffledGroups,
} from './feature-table.ts'
import { fitLogistic } from './logistic.ts'
import { fitOneClass, type OneClassOptions } from './one-class.ts'
import { calibrateStratum, LEAST_PATIENTS, type StratumOptions } from './stratum.ts'
import { type CueMeasure, type Metric, MODEL_FORMAT, MODEL_VERSION, type WatchModel } from './watch-model.ts'

export interface TrainOptions {
  readonly name: string
  readonly seed: number
  /** Columns that the models look at; default all that are no cue measure. */
  readonly features?: readonly string[]
  readonly cues: readonly CueMeasure[]
  readonly dataManifestHash: string
  readonly codeHash: string
  readonly source: string
  /** Techniques that the supervised models are not shown: local ones, which they cannot see. */
  readonly unshown?: ReadonlySet<string>
  /** Share of patients that models learn from; the others calibrate. Default 0.6. */
  readonly learnShare?: number
  readonly stratum: Omit<StratumOptions, 'seed'>
  readonly oneClass?: OneClassOptions
  readonly metrics?: readonly Metric[]
}

/**
 * Learns and calibrates.
 * @throws {RangeError} where patients are too few, nothing is forged, or a column is missing
 */
export function trainWatchModel(table: FeatureTable, options: TrainOptions): WatchModel {
  const { seed, cues, unshown = new Set() } = options
  const features = options.features ?? featuresOf(table, cues)
  const { learned: own, held } = splitByPatient(table.samples, options)
  const learned = own.filter(({ label }) => !unshown.has(label))
  const models = fitModels({ names: table.names, samples: learned }, { features, seed, oneClass: options.oneClass })
  const reals = realsOf(learned)
  const parts = { featureNames: features, cues, ...models }
  return {
    format: MODEL_FORMAT,
    version: MODEL_VERSION,
    name: options.name,
    seed,
    ...parts,
    dataManifestHash: options.dataManifestHash,
    codeHash: options.codeHash,
    trainedOn: {
      images: reals.length,
      patients: new Set(reals.map(({ group }) => group)).size,
      forgeries: learned.length - reals.length,
      techniques: labelsOf(learned),
      source: options.source,
    },
    strata: [calibrateStratum(parts, { names: table.names, samples: held }, { ...options.stratum, seed })],
    metrics: options.metrics ?? [],
  }
}

export interface Split {
  readonly learned: readonly Sample[]
  readonly held: readonly Sample[]
}

/** Parts samples by patient: some to learn from, and at least {@link LEAST_PATIENTS} to calibrate with. */
export function splitByPatient(
  samples: readonly Sample[],
  { seed, learnShare = 0.6 }: Pick<TrainOptions, 'seed' | 'learnShare'>,
): Split {
  const groups = shuffledGroups(samples, createRandom(seed))
  const heldCount = Math.max(Math.round(groups.length * (1 - learnShare)), LEAST_PATIENTS)
  const learning = new Set(groups.slice(heldCount))
  return {
    learned: samples.filter(({ group }) => learning.has(group)),
    held: samples.filter(({ group }) => !learning.has(group)),
  }
}

const featuresOf = ({ names }: FeatureTable, cues: readonly CueMeasure[]): readonly string[] => {
  const measures = new Set(cues.map(({ name }) => name))
  return names.filter((name) => !measures.has(name))
}

export interface FitOptions {
  readonly features: readonly string[]
  readonly seed: number
  readonly oneClass?: OneClassOptions | undefined
}

/** The three models of a table, all patients used. */
export function fitModels(
  table: FeatureTable,
  { features, seed, oneClass = {} }: FitOptions,
): Pick<WatchModel, 'oneClass' | 'boosting' | 'logistic'> {
  const { samples } = selectColumns(table, features)
  const rows = samples.map(({ values }) => values)
  const kinds = kindsOf(samples)
  return {
    oneClass: fitOneClass(
      features,
      realsOf(samples).map(({ values }) => values),
      oneClass,
    ),
    boosting: fitBoosting(rows, kinds, { seed }),
    logistic: fitLogistic(rows, kinds),
  }
}

/** 0 for true images; techniques from 1 on, in the order of their names. */
export function kindsOf(samples: readonly Sample[]): Uint16Array {
  const labels = labelsOf(samples)
  return Uint16Array.from(samples, ({ label }) => (label === REAL ? 0 : labels.indexOf(label) + 1))
}
