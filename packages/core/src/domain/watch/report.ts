/**
 * Report: what the watchdog says of one picture: numbers, the places where they were measured, and how much it does not know.
 *
 * Advisory. It is kept apart from the verdict on provenance and never changes it. No figure in it is a chance that a picture is false.
 */

import type { WatchKind } from './body-part.ts'
import type { CueId, CueMeasurement } from './cue.ts'
import type { Agreement } from './findings/agreement.ts'
import type { RuleFinding } from './header-rules.ts'
import type { SampleScore } from './model/score-sample.ts'
import type { Abstention } from './model/stratum.ts'
import type { NormalPlane, Refusal } from './normal-plane.ts'

/**
 * `unusual`: stranger than all but a share of the true images of the stratum. `usual`: not so, which proves nothing. `abstained`: not calibrated for
 * such images. `refused`: no picture that can be measured.
 */
export type WatchOutcome = 'unusual' | 'usual' | 'abstained' | 'refused'

export interface WatchReport {
  readonly outcome: WatchOutcome
  /** Why it abstained or refused; null where it did neither. */
  readonly reason: Abstention | Refusal | null
  readonly kind: WatchKind
  /** The share of true images at which `unusual` begins: as asked for, or the smallest that the stratum can show. */
  readonly alpha: number
  /** Null where it abstained or refused. */
  readonly score: SampleScore | null
  readonly cues: readonly ReportedCue[]
  /** Header against pixels; empty for what is no DICOM. */
  readonly rules: readonly RuleFinding[]
  /** Beside what a diagnostic model found; null where none was asked, or nothing could be measured. */
  readonly agreement: Agreement | null
  /** In plain words. */
  readonly sentence: string
  /** What cannot be seen by it, in plain words. */
  readonly blindness: string
}

export interface ReportedCue {
  readonly id: CueId
  /** One of its measures is outside of what true images of the stratum show; null where there is nothing to compare with. */
  readonly isUnusual: boolean | null
  /** The smallest of its measures, two-sided, not corrected for their number. */
  readonly p: number | null
  readonly measures: readonly {
    readonly name: string
    readonly value: number
    readonly p: number | null
    readonly side: 'low' | 'high' | null
  }[]
  readonly absent: string | null
  readonly measurement: CueMeasurement
}

/** A report, and the plane that its shapes lie on. */
export interface Examined {
  readonly report: WatchReport
  readonly plane: NormalPlane | null
}
