/**
 * Audit models: puts the way models are learned to the test, on pictures that they never met.
 *
 * Source: docs/explanation/watchdog.md, section "How it is audited". Seen and unseen techniques, foreign sources, probes for shortcuts, and what
 * common changes of a picture do to alarms. Cost: one training for each fold and for each technique in each fold.
 */
import { createRandom, type Random } from '../../attack/random.ts'
import { fitBoosting, scoreBoosting } from '../model/boosting.ts'
import { type FeatureTable, foldsOf, labelsOf, REAL, realsOf } from '../model/feature-table.ts'
import { kindsOf } from '../model/train-model.ts'
import { alarmValue, wilsonInterval } from '../statistics/proportion.ts'
import { spearmanOf } from '../statistics/rank.ts'
import { bootstrapArea, bootstrapMeanArea, type Comparison, rocCurve, type Scored } from '../statistics/roc.ts'
import {
  type AlarmRate,
  AUDIT_FORMAT,
  type AuditResult,
  type Curve,
  type FamilyArea,
  type FlipRate,
  METHODS,
  type MeanArea,
  type Method,
  type Probe,
  type Setting,
  type SourceArea,
  type Worth,
} from './audit-result.ts'
import { type HeldOutOptions, type Judged, judgeForeign, judgeSeen, judgeUnseen } from './held-out.ts'

export interface AuditOptions extends HeldOutOptions {
  readonly model: AuditResult['model']
  readonly source: string
  /** Default 0.05. */
  readonly alpha?: number
  /** Bootstrap replicates of each area; default 400. */
  readonly draws?: number
  /** Tables of nothing but header fields, or of nothing but sizes. */
  readonly probes?: readonly { readonly name: string; readonly table: FeatureTable }[]
  readonly flips?: readonly FlipPair[]
  readonly notes?: readonly string[]
}

/** One picture before and after a change that means nothing. */
export interface FlipPair {
  /** Such as `jpeg 75`. */
  readonly change: string
  readonly before: { readonly score: number; readonly p: number }
  readonly after: { readonly score: number; readonly p: number }
}

const PREVALENCES = [0.5, 0.1, 0.01, 0.001]
const NOMINAL = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

/**
 * Audits training on a table of true images and forgeries of several techniques.
 * @throws {RangeError} where a fold leaves too few patients to calibrate, or a column is missing
 */
export function auditModels(table: FeatureTable, options: AuditOptions): AuditResult {
  const { alpha = 0.05 } = options
  const random = createRandom(options.seed)
  const seen = judgeSeen(table, options)
  const unseen = judgeUnseen(table, options)
  const foreign = judgeForeign(table, options)
  const isReal = ({ label }: Judged): boolean => label === REAL
  const reals = seen.filter(isReal)
  const areaOf = areaMeter({ options, random, alpha })
  const areas = [
    ...labelsOf(table.samples).flatMap((technique) => areaOf(reals, seen, { technique, setting: 'seen' })),
    ...[...unseen].flatMap(([technique, judged]) =>
      areaOf(judged.filter(isReal), judged, { technique, setting: 'unseen' }),
    ),
  ]
  const alarms = [
    ...METHODS.map((method) => alarmRate(reals, { method, group: 'held-out', alpha })),
    ...[...foreign].flatMap(([source, judged]) =>
      METHODS.map((method) => alarmRate(judged.filter(isReal), { method, group: source, alpha })),
    ),
  ]
  return {
    format: AUDIT_FORMAT,
    version: 1,
    model: options.model,
    data: factsOf(table, options),
    alpha,
    areas,
    means: meansOf({ seen, unseen, reals }, { options, random }),
    alarms,
    sources: sourceAreas(foreign, { options, random }),
    probes: (options.probes ?? []).map(({ name, table: columns }) => probeArea(name, columns, options)),
    flips: flipRates(options.flips ?? [], alpha),
    curves: curvesOf(reals, seen, options.local),
    calibration: METHODS.flatMap((method) =>
      NOMINAL.map((nominal) => ({ method, nominal, observed: shareUpTo(reals, method, nominal) })),
    ),
    worth: worthOf(areas, alarms, alpha),
    notes: options.notes ?? [],
  }
}

const factsOf = ({ samples }: FeatureTable, { source, folds, features }: AuditOptions): AuditResult['data'] => ({
  source,
  reals: realsOf(samples).length,
  patients: new Set(samples.map(({ group }) => group)).size,
  forgeries: samples.length - realsOf(samples).length,
  features: features.length,
  folds,
})

interface Meter {
  readonly options: AuditOptions
  readonly random: Random
  readonly alpha: number
}

type Subject = Pick<FamilyArea, 'technique' | 'setting'>

const areaMeter =
  ({ options, random, alpha }: Meter) =>
  (reals: readonly Judged[], all: readonly Judged[], { technique, setting }: Subject): readonly FamilyArea[] => {
    const forged = all.filter(({ label }) => label === technique)
    return METHODS.map((method) => {
      const area = bootstrapArea(scoresOf(reals, method), scoresOf(forged, method), { random, ...drawsOf(options) })
      const hits = forged.filter(({ outcomes }) => outcomes[method].p <= alpha).length
      return {
        technique,
        isLocal: options.local.has(technique),
        method,
        setting,
        ...area,
        detected: forged.length === 0 ? 0 : hits / forged.length,
        detectedInterval: wilsonInterval(hits, forged.length),
      }
    })
  }

interface JudgedParts {
  readonly seen: readonly Judged[]
  readonly unseen: ReadonlyMap<string, readonly Judged[]>
  readonly reals: readonly Judged[]
}

/** Over global techniques: of models that were shown them, and of those that were not. */
function meansOf({ seen, unseen, reals }: JudgedParts, { options, random }: Omit<Meter, 'alpha'>): readonly MeanArea[] {
  const global = [...unseen.keys()].filter((technique) =>
    unseen.get(technique)?.some(({ label }) => label === technique),
  )
  if (global.length === 0) return []
  return METHODS.flatMap((method) => {
    const compare = (negatives: readonly Judged[], all: readonly Judged[], technique: string): Comparison => ({
      negatives: scoresOf(negatives, method),
      positives: scoresOf(
        all.filter(({ label }) => label === technique),
        method,
      ),
    })
    const settings = {
      seen: global.map((technique) => compare(reals, seen, technique)),
      unseen: global.map((technique) => {
        const judged = unseen.get(technique) ?? []
        return compare(
          judged.filter(({ label }) => label === REAL),
          judged,
          technique,
        )
      }),
    }
    return (['seen', 'unseen'] as const).map((setting) => ({
      method,
      setting,
      ...bootstrapMeanArea(settings[setting], { random, ...drawsOf(options) }),
    }))
  })
}

const drawsOf = ({ draws }: AuditOptions): { readonly draws?: number } => (draws === undefined ? {} : { draws })

const scoresOf = (judged: readonly Judged[], method: Method): readonly Scored[] =>
  judged.map(({ outcomes, group }) => ({ score: outcomes[method].score, group }))

/** Counted in images; the interval is that of as many patients, the first image of each. */
function alarmRate(
  reals: readonly Judged[],
  { method, group, alpha }: { readonly method: Method; readonly group: string; readonly alpha: number },
): AlarmRate {
  const alarms = reals.filter(({ outcomes }) => outcomes[method].p <= alpha).length
  const rate = reals.length === 0 ? 0 : alarms / reals.length
  const patients = new Set(reals.map((one) => one.group)).size
  return { method, group, alarms, count: reals.length, rate, ...wilsonInterval(rate * patients, patients) }
}

function sourceAreas(
  foreign: ReadonlyMap<string, readonly Judged[]>,
  { options, random }: Omit<Meter, 'alpha'>,
): readonly SourceArea[] {
  return [...foreign].flatMap(([source, judged]) => {
    const reals = judged.filter(({ label }) => label === REAL)
    const forged = judged.filter(({ label }) => label !== REAL && !options.local.has(label))
    if (forged.length === 0) return []
    return METHODS.map((method) => ({
      method,
      source,
      ...bootstrapArea(scoresOf(reals, method), scoresOf(forged, method), { random, ...drawsOf(options) }),
    }))
  })
}

/** How well trees tell true from forged by columns that must not tell: header fields alone, or sizes alone. */
export function probeArea(
  name: string,
  table: FeatureTable,
  { seed, folds, draws }: Pick<AuditOptions, 'seed' | 'folds' | 'draws'>,
): Probe {
  const [negatives, positives]: [Scored[], Scored[]] = [[], []]
  for (const held of foldsOf(table.samples, folds, createRandom(seed))) {
    const learned = table.samples.filter(({ group }) => !held.has(group))
    const model = fitBoosting(
      learned.map(({ values }) => values),
      kindsOf(learned),
      { seed, trees: 60, columnShare: 1 },
    )
    for (const { group, label, values } of table.samples) {
      if (held.has(group)) (label === REAL ? negatives : positives).push({ score: scoreBoosting(model, values), group })
    }
  }
  const random = createRandom(seed)
  return { name, ...bootstrapArea(negatives, positives, { random, ...(draws === undefined ? {} : { draws }) }) }
}

/** How often a change that means nothing raises an alarm or takes one away. */
export function flipRates(pairs: readonly FlipPair[], alpha: number): readonly FlipRate[] {
  const changes = [...new Set(pairs.map(({ change }) => change))]
  return changes.map((change) => {
    const own = pairs.filter((pair) => pair.change === change)
    const flips = own.filter(({ before, after }) => before.p <= alpha !== after.p <= alpha).length
    const correlation = spearmanOf(
      own.map(({ before }) => before.score),
      own.map(({ after }) => after.score),
    )
    return {
      change,
      flips,
      count: own.length,
      rate: flips / own.length,
      correlation,
      ...wilsonInterval(flips, own.length),
    }
  })
}

/** Curves of one-class and boosting for each technique, and of all global ones together under the name `all`. */
function curvesOf(reals: readonly Judged[], seen: readonly Judged[], local: ReadonlySet<string>): readonly Curve[] {
  const forged = seen.filter(({ label }) => label !== REAL)
  const groups: readonly (readonly [string, readonly Judged[]])[] = [
    ['all', forged.filter(({ label }) => !local.has(label))],
    ...labelsOf(seen).map((technique) => [technique, forged.filter(({ label }) => label === technique)] as const),
  ]
  return groups.flatMap(([technique, own]) =>
    (['one-class', 'boosting'] as const).map((method) => ({
      technique,
      method,
      points: rocCurve(numbersOf(reals, method), numbersOf(own, method), 41),
    })),
  )
}

const numbersOf = (judged: readonly Judged[], method: Method): readonly number[] =>
  judged.map(({ outcomes }) => outcomes[method].score)

const shareUpTo = (reals: readonly Judged[], method: Method, nominal: number): number =>
  reals.filter(({ outcomes }) => outcomes[method].p <= nominal).length / Math.max(reals.length, 1)

/** Of the combined score, over global techniques that were left out: the mean of them as if each were as frequent. */
function worthOf(areas: readonly FamilyArea[], alarms: readonly AlarmRate[], alpha: number): readonly Worth[] {
  const settings: readonly Setting[] = areas.some(({ setting }) => setting === 'unseen') ? ['unseen'] : ['seen']
  const own = areas.filter(
    ({ method, setting, isLocal }) => method === 'combined' && settings.includes(setting) && !isLocal,
  )
  if (own.length === 0) return []
  const sensitivity = own.reduce((sum, { detected }) => sum + detected, 0) / own.length
  // Few true images may show fewer false alarms than the level by luck alone, which would make alarms look better than they are.
  const measured = alarms.find(({ method, group }) => method === 'combined' && group === 'held-out')?.rate ?? 0
  const falseAlarms = Math.max(measured, alpha)
  return PREVALENCES.map((prevalence) => ({
    prevalence,
    sensitivity,
    falseAlarms,
    ...alarmValue(sensitivity, falseAlarms, prevalence),
  }))
}
