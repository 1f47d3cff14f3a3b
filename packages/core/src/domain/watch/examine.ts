/**
 * Examine: one picture against a model: measured, matched with a stratum, scored, and put into words.
 *
 * Source: docs/explanation/watchdog.md. Pure: a picture, its facts and a model in, a report out; the same in every runtime.
 */
import type { GreyView } from '../pixels/grey-view.ts'
import type { WatchKind } from './body-part.ts'
import type { CueId, CueMeasurement } from './cue.ts'
import { CUES } from './cues.ts'
import { type Agreement, compareWithCues } from './findings/agreement.ts'
import type { Finding } from './findings/finding.ts'
import type { RuleFinding } from './header-rules.ts'
import { kindOf } from './image-facts.ts'
import { MEASURE_NAMES, type Measured, measureView } from './measure-view.ts'
import { type CueScore, type SampleScore, scoreSample } from './model/score-sample.ts'
import { type Abstention, fitStratum, type Match, matchStratum } from './model/stratum.ts'
import type { ImageFacts, WatchModel } from './model/watch-model.ts'
import type { Refusal } from './normal-plane.ts'
import type { Examined, ReportedCue, WatchReport } from './report.ts'

export interface ExamineOrder {
  readonly view: GreyView | 'colour'
  readonly facts: ImageFacts
  readonly model: WatchModel
  /** What the picture shows; by its facts where it is absent. */
  readonly kind?: WatchKind
  /** Id of the stratum to compare with; by its facts where it is absent. */
  readonly stratum?: string
  /** Share of true images that are called unusual; default {@link USUAL_ALPHA}, and never less than the stratum can show. */
  readonly alpha?: number
  /** What a diagnostic model found in the frame. */
  readonly findings?: readonly Finding[]
  /** What header and pixels were found to say of each other. */
  readonly rules?: readonly RuleFinding[]
}

export const USUAL_ALPHA = 0.01

const BLINDNESS =
  'It does not see small changes such as a nodule or a fracture put in or taken out, nor a patient’s name exchanged; what it calls usual may be false.'

/** @throws {RangeError} for a stratum that the model does not have */
export function examinePicture(order: ExamineOrder): Examined {
  const { view, facts, model, alpha = USUAL_ALPHA, findings, rules = [] } = order
  const kind = order.kind ?? kindOf(facts)
  const measured = view === 'colour' ? 'colour' : measureView(view, kind, findings)
  const about = { kind, alpha, rules, blindness: BLINDNESS }
  if (typeof measured === 'string') {
    const sentence = `It was not looked at: ${REFUSALS[measured]}.`
    return {
      report: { ...about, outcome: 'refused', reason: measured, score: null, cues: [], agreement: null, sentence },
      plane: null,
    }
  }
  const match = findStratum(order)
  const score = match.abstention === null && match.stratum !== null ? scoreOf(measured, model, match.stratum) : null
  const { plane } = measured
  const cues = reportCues(measured.cues, score)
  const agreement =
    findings === undefined ? null : agreementOf(findings, { measured, cues, isCalibrated: score !== null })
  const asked = { ...about, alpha: score === null ? alpha : Math.max(alpha, score.smallestP) }
  return { report: { ...asked, ...concludeOf(score, match, asked.alpha), score, cues, agreement }, plane }
}

function agreementOf(
  findings: readonly Finding[],
  {
    measured,
    cues,
    isCalibrated,
  }: { readonly measured: Measured; readonly cues: readonly ReportedCue[]; readonly isCalibrated: boolean },
): Agreement {
  const judgement = { outside: unusualCues(cues), isCalibrated }
  return compareWithCues(findings, { plane: measured.plane, measurements: measured.cues, judgement })
}

/** Cues outside of what true images of the stratum show. */
export const unusualCues = (cues: readonly ReportedCue[]): ReadonlySet<CueId> =>
  new Set(cues.flatMap(({ id, isUnusual }) => (isUnusual === true ? [id] : [])))

function findStratum({ model, facts, stratum }: ExamineOrder): Match {
  if (stratum === undefined) return matchStratum(model, facts)
  const named = model.strata.find(({ id }) => id === stratum)
  if (named === undefined) throw new RangeError(`the model has no stratum ${stratum}`)
  return fitStratum(named, facts)
}

function scoreOf({ values }: Measured, model: WatchModel, stratum: NonNullable<Match['stratum']>): SampleScore {
  const measureOf = (name: string): number => values[MEASURE_NAMES.indexOf(name)] ?? Number.NaN
  return scoreSample(
    model,
    { values: model.featureNames.map(measureOf), cueValues: model.cues.map(({ name }) => measureOf(name)) },
    stratum,
  )
}

function concludeOf(
  score: SampleScore | null,
  { abstention }: Match,
  alpha: number,
): Pick<WatchReport, 'outcome' | 'reason' | 'sentence'> {
  if (score === null) {
    const reason = abstention ?? 'no_stratum'
    return { outcome: 'abstained', reason, sentence: `No judgement: ${ABSTENTIONS[reason]}.` }
  }
  const p = formatP(score.combinedP)
  const among = `the ${score.count} true images of stratum ${score.stratum}`
  if (score.combinedP <= alpha)
    return {
      outcome: 'unusual',
      reason: null,
      sentence: `Unusual among ${among} (p = ${p}): worth a second look, no proof of anything.`,
    }
  return {
    outcome: 'usual',
    reason: null,
    sentence: `Nothing unusual among ${among} (p = ${p}), which is no proof that it is true.`,
  }
}

const REFUSALS: Readonly<Record<Refusal, string>> = {
  colour: 'it is a picture in colour',
  too_small: 'it has too few samples a side',
  blank: 'it shows one value',
  too_few_values: 'most of it is saturated, or it has too few different values',
}

const ABSTENTIONS: Readonly<Record<Abstention, string>> = {
  no_stratum: 'the model is not calibrated for images of this device, site and view',
  size_not_calibrated: 'the model is not calibrated for images of this size',
  bits_not_calibrated: 'the model is not calibrated for images of this depth',
}

/**
 * A measure is unusual where it lies outside of what 99 % of the true images show, or outside all of them where they are fewer. With some
 * thirty measures one true image in five or so has one of those: a cue points at a place, and decides nothing.
 */
const MEASURE_ALPHA = 0.01
const LEAST_USEFUL_ALPHA = 0.05

const isOutside = ({ p, count }: CueScore): boolean =>
  p <= Math.min(LEAST_USEFUL_ALPHA, Math.max(MEASURE_ALPHA, 2 / (count + 1)))

function reportCues(measurements: readonly CueMeasurement[], score: SampleScore | null): readonly ReportedCue[] {
  const scores = new Map<string, CueScore>(score?.cues.map((cue) => [cue.measure, cue]) ?? [])
  return measurements.map((measurement) => {
    const { id, values, absent } = measurement
    const measures = (CUES.find((cue) => cue.id === id)?.measures ?? []).flatMap(({ name }, i) => {
      const value = values?.[i]
      if (value === undefined) return []
      const known = scores.get(name)
      return [{ name, value, p: known?.p ?? null, side: known?.direction ?? null }]
    })
    const known = measures.flatMap(({ name }) => scores.get(name) ?? [])
    const p = known.length === 0 ? null : known.reduce((least, one) => Math.min(least, one.p), 1)
    return { id, isUnusual: p === null ? null : known.some(isOutside), p, measures, absent, measurement }
  })
}

/** Two digits that count. */
export const formatP = (p: number): string => (p >= 0.1 ? p.toFixed(2) : p.toPrecision(1 + (p < 0.01 ? 0 : 1)))
