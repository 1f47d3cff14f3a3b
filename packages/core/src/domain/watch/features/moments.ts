/**
 * Moments: what features say of lists of numbers; of lists too short or without spread, 0.
 */
import { quantileOf, sortedOf } from '../statistics/rank.ts'

/** Added before logarithms of variances in squared grey values: far below what rounding to whole values leaves. */
export const FLOOR = 1e-3

/** Logarithm of a power that may be nought. */
export const logOf = (power: number): number => Math.log(power + FLOOR)

/** Middle value; 0 for none. */
export function medianOf(values: ArrayLike<number>): number {
  return values.length === 0 ? 0 : quantileOf(sortedOf(values), 0.5)
}

/** Quartile distance, as the standard deviation that a normal distribution of that distance has. */
export function spreadOf(values: ArrayLike<number>): number {
  if (values.length < 2) return 0
  const sorted = sortedOf(values)
  return (quantileOf(sorted, 0.75) - quantileOf(sorted, 0.25)) / 1.349
}

/** A line through points by least squares, and how well it fits. */
export interface Line {
  readonly slope: number
  readonly offset: number
  /** Pearson's correlation, −1 to 1; 0 where one side does not vary. */
  readonly correlation: number
}

export function fitLine(x: ArrayLike<number>, y: ArrayLike<number>): Line {
  const count = x.length
  if (count < 2) return { slope: 0, offset: 0, correlation: 0 }
  let [meanX, meanY] = [0, 0]
  for (let i = 0; i < count; i++) {
    meanX += (x[i] as number) / count
    meanY += (y[i] as number) / count
  }
  let [xx, xy, yy] = [0, 0, 0]
  for (let i = 0; i < count; i++) {
    const a = (x[i] as number) - meanX
    const b = (y[i] as number) - meanY
    xx += a * a
    xy += a * b
    yy += b * b
  }
  if (!(xx > 1e-12 * count)) return { slope: 0, offset: meanY, correlation: 0 }
  const slope = xy / xx
  const correlation = yy > 1e-12 * count ? Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy))) : 0
  return { slope, offset: meanY - slope * meanX, correlation }
}
