/**
 * Held out: scores of pictures by models that learned from other patients, fold by fold.
 *
 * In each fold the patients that are not held out are parted once more: some are learned from, the others calibrate. So every figure of the audit
 * comes from pictures, patients and, where it says so, techniques and sources that the model had never met.
 */
import { createRandom } from '../../attack/random.ts'
import { type FeatureTable, foldsOf, labelsOf, REAL, type Sample } from '../model/feature-table.ts'
import type { OneClassOptions } from '../model/one-class.ts'
import { type CueScore, type ScoringModel, scoreSample } from '../model/score-sample.ts'
import { calibrateStratum } from '../model/stratum.ts'
import { fitModels, splitByPatient } from '../model/train-model.ts'
import type { CueMeasure } from '../model/watch-model.ts'
import type { Method } from './audit-result.ts'

/** A score and p-value of one picture by one method; larger is stranger. */
export interface Outcome {
  readonly score: number
  readonly p: number
}

export interface Judged {
  readonly label: string
  readonly group: string
  readonly source: string
  readonly outcomes: Readonly<Record<Method, Outcome>>
}

export interface HeldOutOptions {
  readonly seed: number
  readonly folds: number
  readonly cues: readonly CueMeasure[]
  readonly features: readonly string[]
  /** Techniques that supervised models are not shown. */
  readonly local: ReadonlySet<string>
  readonly oneClass?: OneClassOptions | undefined
}

/** Every picture of the table, judged by the models of the fold that its patient is held out of. */
export function judgeSeen(table: FeatureTable, options: HeldOutOptions): readonly Judged[] {
  return foldsOf(table.samples, options.folds, createRandom(options.seed)).flatMap((held) => {
    const rest = table.samples.filter(({ group }) => !held.has(group))
    const judge = learn({ names: table.names, samples: rest }, options)
    return table.samples.filter(({ group }) => held.has(group)).map(judge)
  })
}

/** Forgeries of each global technique, and true images with them, judged by models that were not shown the technique. */
export function judgeUnseen(table: FeatureTable, options: HeldOutOptions): ReadonlyMap<string, readonly Judged[]> {
  const shown = labelsOf(table.samples).filter((label) => !options.local.has(label))
  const folds = foldsOf(table.samples, options.folds, createRandom(options.seed))
  const all = new Map<string, Judged[]>(shown.map((label) => [label, []]))
  if (shown.length < 2) return all
  for (const held of folds) {
    const rest = table.samples.filter(({ group }) => !held.has(group))
    for (const technique of shown) {
      const judge = learn(
        { names: table.names, samples: rest },
        { ...options, local: new Set([...options.local, technique]) },
      )
      const own = table.samples.filter(({ group, label }) => held.has(group) && (label === REAL || label === technique))
      all.get(technique)?.push(...own.map(judge))
    }
  }
  return all
}

/** Pictures of each source, judged by models that learned and calibrated on all other sources. */
export function judgeForeign(table: FeatureTable, options: HeldOutOptions): ReadonlyMap<string, readonly Judged[]> {
  const sources = [...new Set(table.samples.map(({ source }) => source))].sort()
  if (sources.length < 2) return new Map()
  return new Map(
    sources.map((source) => {
      const foreign = table.samples.filter((sample) => sample.source === source)
      // A patient may have pictures of two sources: those are not learned from.
      const known = new Set(foreign.map(({ group }) => group))
      const rest = table.samples.filter((sample) => sample.source !== source && !known.has(sample.group))
      return [source, foreign.map(learn({ names: table.names, samples: rest }, options))] as const
    }),
  )
}

/** Learns from a table, and gives back what judges a sample with the same columns. */
function learn(table: FeatureTable, options: HeldOutOptions): (sample: Sample) => Judged {
  const { learned, held } = splitByPatient(table.samples, options)
  const shown = learned.filter(({ label }) => !options.local.has(label))
  const models: ScoringModel = {
    featureNames: options.features,
    cues: options.cues,
    ...fitModels({ names: table.names, samples: shown }, options),
  }
  const limits = { rows: [1, 1], columns: [1, 1], bits: [8] } as const
  const stratum = calibrateStratum(
    models,
    { names: table.names, samples: held },
    { id: 'fold', selector: {}, limits, seed: options.seed },
  )
  const columns = options.features.map((name) => table.names.indexOf(name))
  const cueColumns = options.cues.map(({ name }) => table.names.indexOf(name))
  return ({ label, group, source, values }) => {
    const pick = (from: readonly number[]): Float64Array =>
      Float64Array.from(from, (column) => values[column] as number)
    const input = { values: pick(columns), cueValues: pick(cueColumns) }
    const { oneClass, boosting, logistic, combinedP, cues } = scoreSample(models, input, stratum)
    const outcomes = {
      'one-class': oneClass,
      boosting,
      logistic,
      cues: cueOutcome(cues),
      combined: outcomeOf(combinedP),
    }
    return { label, group, source, outcomes }
  }
}

const outcomeOf = (p: number): Outcome => ({ score: -Math.log(p), p })

/** The smallest p-value of the cues times how many there are: valid however they depend on each other (Bonferroni). */
function cueOutcome(cues: readonly CueScore[]): Outcome {
  const least = cues.reduce((smallest, { p }) => Math.min(smallest, p), 1)
  return { score: -Math.log(least), p: Math.min(1, least * Math.max(cues.length, 1)) }
}
