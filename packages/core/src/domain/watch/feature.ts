/** Feature: one named number about a normal plane. The list of all is features.ts. */
import type { Study } from './features/study.ts'

export interface Feature {
  /** Lower case, dots between family and detail: `spectrum.slope`. Stable: models name it. */
  readonly name: string
  /** Where the idea is from: authors, year, or the section of docs/explanation/watchdog.md. */
  readonly paper: string
  /** Values that it can have; infinite ends allowed. Never NaN. */
  readonly range: readonly [low: number, high: number]
  /** Its value where it cannot be measured. */
  readonly middle: number
}

/** Features that are measured together, as they share their work. */
export interface FeatureFamily {
  readonly features: readonly Feature[]
  /** Writes as many values as there are features into `into` from `at`. What cannot be measured is the middle value. */
  measure(study: Study, into: Float64Array, at: number): void
}
