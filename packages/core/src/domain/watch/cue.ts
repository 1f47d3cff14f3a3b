/**
 * Cue: a trait of the picture that a person can be shown, with the place where it was measured.
 *
 * Source: Radiology, March 2026, "tells" of synthetic radiographs; docs/explanation/watchdog.md. A cue speaks of departures to either side of what
 * real images of a stratum show: generators differ in their sign.
 */

import type { WatchKind } from './body-part.ts'
import type { NormalPlane, SourceBox } from './normal-plane.ts'

export type CueId =
  | 'lung-symmetry'
  | 'spine-straightness'
  | 'bone-smoothness'
  | 'fracture-cleanliness'
  | 'grain-uniformity'

/** What is drawn, in samples of the normal plane; see mapShape in overlay.ts for the way to the picture. */
export type CueShape =
  | {
      readonly kind: 'box'
      readonly left: number
      readonly top: number
      readonly right: number
      readonly bottom: number
    }
  /** x and y of each corner, in turn; at least two corners. */
  | { readonly kind: 'line'; readonly points: Float32Array }

export interface CueMeasurement {
  readonly id: CueId
  /** One value for each of the cue's measures, in their order; null where the cue cannot be measured here. */
  readonly values: readonly number[] | null
  /** Why it was not measured; null where it was. Stable words: `other_body_part`, `no_midline`, `no_bone`, `no_finding`, `too_little_usable`. */
  readonly absent: string | null
  readonly shapes: readonly CueShape[]
}

export interface Cue {
  readonly id: CueId
  readonly title: string
  readonly kinds: readonly WatchKind[]
  /** Its numbers: name such as `symmetry.mirror`, unit and which way is "too perfect". */
  readonly measures: readonly { readonly name: string; readonly meaning: string; readonly perfect: 'low' | 'high' }[]
  /** @param findings  boxes that a diagnostic model marked, in samples of the plane; most cues look elsewhere */
  measure(plane: NormalPlane, kind: WatchKind, findings?: readonly SourceBox[]): CueMeasurement
}
