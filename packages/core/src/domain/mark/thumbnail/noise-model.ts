/**
 * Noise model: how far a cell of a picture may be from what a thumbnail says without anybody having altered it.
 *
 * Measured on the picture itself, so that it follows JPEG at any quality, scaling and tone: the spread of the differences in
 * groups of cells of like steepness. Alterations of less than a fifth of them do not move it.
 */
import type { Surroundings } from './surroundings.ts'
import { robustSpread } from './tone-curve.ts'

/** Ends of the groups, as shares of all cells: finer where cells are steep and rare. */
const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.87, 0.92, 0.95, 0.97, 0.985, 1]
/** Grey levels: rounding in the thumbnail and in the picture, whatever the picture is like. */
const LEAST = 0.4
/** Grey levels: more is not noise, even if a fifth of the cells or more are off by that. */
const MOST = 8
/** Share of the steepness that is always to be expected: letters and other edges within a cell. */
const MISPLACED = 0.02
/** The same where black and white meet within a cell, of cells of 8 pixels; it grows as they get smaller. */
const LETTERED = 0.006
const LETTERED_MOST = 0.06
/** Share of the bend. */
const BENT = 0.3

/** Grey levels from black or white that count as such. */
const EXTREME = 4
/** In grey levels; JPEG makes steps of what is nearly black, and those lie together. */
const LEAST_EXTREME = 0.9

export interface Differences {
  /** What the picture should show, in grey levels. */
  readonly expected: Float32Array
  /** What it shows, less that; NaN where nothing is seen. */
  readonly differences: Float32Array
  /** Side of a cell on the picture, in pixels. */
  readonly cellSide: number
}

/** How the surroundings of each cell are shown on the picture, in grey levels. */
export interface Restlessness {
  /** From the darkest to the lightest cell around. */
  readonly steepness: Float32Array
  /** How far the tone curve is from straight between the two: what mixing them within a cell can do. */
  readonly bend: Float32Array
}

export function restlessnessOf({ darkest, lightest }: Surroundings, levels: Float32Array): Restlessness {
  const shownAs = (level: number): number => levels[level] as number
  const steepness = new Float32Array(darkest.length)
  const bend = new Float32Array(darkest.length)
  for (let i = 0; i < darkest.length; i++) {
    const [low, high] = [darkest[i] as number, lightest[i] as number]
    steepness[i] = Math.abs(shownAs(high) - shownAs(low))
    // Letters thinner than a cell are darker and lighter than any cell shows.
    const beyond = (high - low) >> 1
    const [black, white] = [Math.max(0, low - beyond), Math.min(255, high + beyond)]
    bend[i] = Math.abs((shownAs(black) + shownAs(white)) / 2 - shownAs((black + white) >> 1))
  }
  return { steepness, bend }
}

/** Standard deviation of the difference in each cell, in grey levels. */
export function expectSpread(
  { differences, expected, cellSide }: Differences,
  { steepness, bend }: Restlessness,
): Float32Array {
  // Black and white stay what they are and say nothing of the noise elsewhere.
  const isGrey = (i: number): boolean => (expected[i] as number) > EXTREME && (expected[i] as number) < 255 - EXTREME
  const cells = [...differences.keys()].filter((i) => !Number.isNaN(differences[i]) && isGrey(i))
  cells.sort((i, j) => (steepness[i] as number) - (steepness[j] as number))
  const points: Point[] = []
  for (const [group, share] of SHARES.entries()) {
    const members = cells.slice((SHARES[group - 1] ?? 0) * cells.length, share * cells.length)
    const middle = members[members.length >> 1]
    if (middle === undefined) continue
    const spread = robustSpread(members.map((i) => differences[i] as number))
    points.push({
      steepness: steepness[middle] as number,
      spread: Math.min(MOST, Math.max(points.at(-1)?.spread ?? LEAST, spread)),
    })
  }
  const lettered = Math.min(LETTERED_MOST, LETTERED * (8 / cellSide) ** 2)
  return steepness.map((value, i) => {
    const thin = lettered * value * (value / 255) ** 2
    const least = isGrey(i) ? 0 : LEAST_EXTREME
    return Math.max(least, interpolate(points, value), MISPLACED * value, thin, BENT * (bend[i] as number))
  })
}

interface Point {
  readonly steepness: number
  readonly spread: number
}

/** Beyond the steepest group the spread grows in proportion. */
function interpolate(points: readonly Point[], steepness: number): number {
  const next = points.findIndex((point) => point.steepness >= steepness)
  const last = points.at(-1)
  if (last === undefined) return LEAST
  if (next < 0) return last.spread * Math.max(1, steepness / Math.max(1, last.steepness))
  const after = points[next] as Point
  const before = points[Math.max(0, next - 1)] as Point
  if (after.steepness <= before.steepness) return after.spread
  const share = (steepness - before.steepness) / (after.steepness - before.steepness)
  return before.spread + share * (after.spread - before.spread)
}
