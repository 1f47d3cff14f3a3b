/**
 * Grain patch: one patch of a layer brought to its own scale, cut at three deviations so that edges do not speak for grain, and quantised.
 *
 * Source: Fridrich and Kodovský 2012, truncated and quantised residuals.
 */
import { PATCH } from './study.ts'

const CUT = 3
/** Quantised residuals are −2 … 2. */
export const LEVELS = 5
/** Deviations that make one step of them. */
const STEP = 1

export interface GrainPatch {
  /** PATCH × PATCH values with deviation 1 before the cut; all 0 for a blank patch. */
  readonly values: Float32Array
  /** The same as 0 … 4; 2 is about 0. */
  readonly steps: Uint8Array
}

export const createGrainPatch = (): GrainPatch => ({
  values: new Float32Array(PATCH * PATCH),
  steps: new Uint8Array(PATCH * PATCH),
})

/** @returns whether there is any grain */
export function readGrainPatch(
  layer: Float32Array,
  from: number,
  width: number,
  { values, steps }: GrainPatch,
): boolean {
  let sum = 0
  for (let row = 0, at = from, i = 0; row < PATCH; row++, at += width - PATCH) {
    for (let column = 0; column < PATCH; column++, at++, i++) {
      const value = layer[at] as number
      values[i] = value
      sum += value * value
    }
  }
  const variance = sum / (PATCH * PATCH)
  const gain = variance > 1e-6 ? 1 / Math.sqrt(variance) : 0
  for (let i = 0; i < values.length; i++) {
    const value = (values[i] as number) * gain
    const step = Math.floor(value / STEP + 2.5)
    values[i] = value > CUT ? CUT : value < -CUT ? -CUT : value
    steps[i] = step < 0 ? 0 : step > LEVELS - 1 ? LEVELS - 1 : step
  }
  return gain > 0
}
