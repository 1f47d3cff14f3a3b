/**
 * Statistics: the few that a comparison of times needs.
 *
 * Medians, since one slow round says nothing about the program; ratios round by round, since neighbours in time share
 * the machine's mood. Quantiles: linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996).
 */

/** One number for many, and how far they lie apart. Same unit as the values. */
export interface Summary {
  readonly median: number
  readonly lowest: number
  readonly highest: number
  /** Distance between the quartiles. */
  readonly interquartileRange: number
}

/**
 * Sums up values.
 *
 * @throws {RangeError} for no values, or one that is not finite
 */
export function summarise(values: readonly number[]): Summary {
  const sorted = sortFinite(values)
  return {
    median: quantile(sorted, 0.5),
    lowest: quantile(sorted, 0),
    highest: quantile(sorted, 1),
    interquartileRange: quantile(sorted, 0.75) - quantile(sorted, 0.25),
  }
}

/**
 * Divides round by round: how many times longer the second took than the first.
 *
 * @throws {RangeError} for lists of different length, none, or a time that is not positive
 */
export function ratios(first: readonly number[], second: readonly number[]): number[] {
  if (first.length !== second.length) throw new RangeError('rounds of different number')
  if ([...first, ...second].some((time) => !(time > 0))) throw new RangeError('a time is not positive')
  return first.map((time, round) => (second[round] ?? Number.NaN) / time)
}

function sortFinite(values: readonly number[]): number[] {
  if (values.length === 0 || !values.every(Number.isFinite)) throw new RangeError('no values, or some not finite')
  return values.toSorted((a, b) => a - b)
}

function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1)
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}
