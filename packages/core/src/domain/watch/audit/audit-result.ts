/**
 * Audit result: what a model, and the way it was learned, is worth, in figures that each carry their interval.
 *
 * Plain data: the JSON that goes with a model, and what audit-report.ts shows.
 */
import type { AlarmValue, Interval } from '../statistics/proportion.ts'
import type { Area, RocPoint } from '../statistics/roc.ts'

export const AUDIT_FORMAT = 'fiducial-watch-audit'

/** Ways of scoring that are compared. `cues` is the smallest two-sided p-value of the cues; `combined` that of one-class and boosting. */
export const METHODS = ['one-class', 'boosting', 'logistic', 'cues', 'combined'] as const
export type Method = (typeof METHODS)[number]

/** `seen`: images of other patients forged by the same techniques were learned. `unseen`: the technique was left out. */
export type Setting = 'seen' | 'unseen'

export interface AuditResult {
  readonly format: typeof AUDIT_FORMAT
  readonly version: 1
  readonly model: {
    readonly name: string
    readonly dataManifestHash: string
    readonly codeHash: string
    readonly seed: number
  }
  readonly data: AuditData
  /** False alarms are counted at this p-value. */
  readonly alpha: number
  readonly areas: readonly FamilyArea[]
  readonly means: readonly MeanArea[]
  readonly alarms: readonly AlarmRate[]
  readonly sources: readonly SourceArea[]
  readonly probes: readonly Probe[]
  readonly flips: readonly FlipRate[]
  readonly curves: readonly Curve[]
  /** Shares of held-out true images with a p-value of at most `nominal`. */
  readonly calibration: readonly CalibrationPoint[]
  readonly worth: readonly Worth[]
  /** Sentences on how it was done, and what was chosen after looking. */
  readonly notes: readonly string[]
}

export interface AuditData {
  readonly source: string
  readonly reals: number
  readonly patients: number
  readonly forgeries: number
  readonly features: number
  readonly folds: number
}

export interface FamilyArea extends Area {
  readonly technique: string
  /** Local techniques change a part of the picture. */
  readonly isLocal: boolean
  readonly method: Method
  readonly setting: Setting
  /** Share of its forgeries with an alarm at {@link AuditResult.alpha}. */
  readonly detected: number
  readonly detectedInterval: Interval
}

/** Over all global techniques that move the numbers of a picture, each counting alike. */
export interface MeanArea extends Area {
  readonly method: Method
  readonly setting: Setting
}

/** False alarms among true images that nothing was learned from. */
export interface AlarmRate extends Interval {
  readonly method: Method
  /** `held-out`: other patients of the same sources. Otherwise the source that was left out of learning and calibration. */
  readonly group: string
  readonly alarms: number
  readonly count: number
  readonly rate: number
}

/** All global techniques together, on a source that nothing was learned from. */
export interface SourceArea extends Area {
  readonly method: Method
  readonly source: string
}

/** How well something tells true from forged that must not: header fields, or the size alone. Near ½ is good. */
export interface Probe extends Area {
  readonly name: string
}

/** What pictures go through after which an alarm should be what it was. */
export interface FlipRate extends Interval {
  readonly change: string
  readonly flips: number
  readonly count: number
  readonly rate: number
  /** Of the scores before and after. */
  readonly correlation: number
}

export interface Curve {
  readonly technique: string
  readonly method: Method
  readonly points: readonly RocPoint[]
}

export interface CalibrationPoint {
  readonly method: Method
  readonly nominal: number
  readonly observed: number
}

/** What an alarm is worth at a prevalence. */
export interface Worth extends AlarmValue {
  readonly prevalence: number
  readonly sensitivity: number
  /** The level asked for, or the measured rate where that is larger. */
  readonly falseAlarms: number
}
