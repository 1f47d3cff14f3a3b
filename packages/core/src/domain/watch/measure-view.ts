/**
 * Measure view: a picture as the numbers that models of the watchdog are made of and judge by, in one fixed order.
 *
 * Source: docs/explanation/watchdog.md. Features come first, then the measures of cues; a cue that cannot be measured stands as NaN and
 * counts for nothing.
 */
import type { HashFactory } from '../../bytes/hash.ts'
import { digestOf } from '../../bytes/hash.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { createRandom } from '../attack/random.ts'
import type { GreyView } from '../pixels/grey-view.ts'
import type { WatchKind } from './body-part.ts'
import type { CueMeasurement } from './cue.ts'
import { CUES, cueValues, measureCues } from './cues.ts'
import { extractFeatures, FEATURES } from './features.ts'
import { type Finding, placeFinding } from './findings/finding.ts'
import type { NormalPlane, Refusal } from './normal-plane.ts'
import { normaliseView } from './normalise.ts'

/** Names of the numbers of {@link Measured.values}, features before cues. */
export const MEASURE_NAMES: readonly string[] = [
  ...FEATURES.map(({ name }) => name),
  ...CUES.flatMap(({ measures }) => measures.map(({ name }) => name)),
]
/** So many of them, at the end, belong to cues. */
export const CUE_MEASURES = MEASURE_NAMES.length - FEATURES.length

export interface Measured {
  readonly plane: NormalPlane
  /** As many as {@link MEASURE_NAMES}; NaN for the measures of cues that cannot be measured here. */
  readonly values: Float64Array
  readonly cues: readonly CueMeasurement[]
}

/**
 * Measures a picture. Cost: about 50 ms for 1024² on one core.
 * @returns why it cannot be measured, where it cannot
 */
export function measureView(view: GreyView, kind: WatchKind, findings: readonly Finding[] = []): Measured | Refusal {
  const plane = normaliseView(view)
  return typeof plane === 'string' ? plane : measurePlane(plane, kind, findings)
}

/** The same for a plane that was made before. */
export function measurePlane(plane: NormalPlane, kind: WatchKind, findings: readonly Finding[] = []): Measured {
  const values = new Float64Array(MEASURE_NAMES.length)
  values.set(extractFeatures(plane))
  const places = findings.map((finding) => placeFinding(finding, plane)).filter((place) => place !== null)
  const cues = measureCues(plane, kind, places)
  const { values: measures, measured } = cueValues(cues)
  for (const [i, value] of measures.entries()) values[FEATURES.length + i] = measured[i] ? value : Number.NaN
  return { plane, values, cues }
}

/** Sides of the picture that {@link fingerprintOf} measures. */
const SIDE = 256

/**
 * What the code of today measures on a picture made by rule, as a digest: a model and the code that reads it belong together only as long as this
 * stays the same. Values count to six digits.
 * @returns 64 hexadecimal digits
 */
export function fingerprintOf(hash: HashFactory): string {
  const measured = measureView(pictureByRule(), 'chest')
  if (typeof measured === 'string') throw new RangeError(`the picture made by rule is refused: ${measured}`)
  const text = MEASURE_NAMES.map((name, i) => `${name}=${(measured.values[i] as number).toPrecision(6)}`).join('\n')
  return encodeHex(digestOf(hash, 'sha256', new TextEncoder().encode(text)))
}

/** Two bright fields with bars across, on a slope, in grain that grows with the light. */
export function pictureByRule(side = SIDE): GreyView {
  const random = createRandom(7)
  const samples = new Float32Array(side * side)
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [u, v] = [(2 * x) / side - 1, (2 * y) / side - 1]
      const field = (shift: number): number => Math.max(0, 1 - ((u - shift) / 0.36) ** 2 - (v / 0.75) ** 2)
      const bars = ((y + (x >> 2)) & 31) < 8 ? 18 : 0
      const light =
        60 +
        50 * (1 - u * u) +
        40 * v +
        (field(-0.45) + field(0.45) > 0 ? bars - 40 * Math.sqrt(field(-0.45) + field(0.45)) : bars / 3)
      samples[y * side + x] = Math.min(
        255,
        Math.max(0, Math.round(light + Math.sqrt(Math.max(1, light)) * 0.4 * random.normal())),
      )
    }
  }
  return { width: side, height: side, samples, white: 255, window: null }
}
