/**
 * Own tail: how rare a value is among the other values of the same picture, beyond the largest of them.
 *
 * A rank alone cannot be rarer than one in their number, and after correction for that number never rare at all. So the bulk is taken by rank and the
 * tail as exponential, its scale from two quantiles that a small forged place does not move. Values are made such that plain noise has exactly
 * an exponential tail: the negative log chance of a sum of four squares. Known flaw: real tails are heavier; image scores are to be ranked among
 * those of reals, as conformal p-values are, and the chance here is no more than a scale.
 */
import { quantileOf } from './robust-fit.ts'

/** Between them lies what the scale is taken from. */
const NEAR = 0.7
const FAR = 0.93
export const LEAST_CHANCE = 1e-12

export interface OwnTail {
  /** Value at {@link NEAR}. */
  readonly from: number
  readonly scale: number
  readonly sorted: Float64Array
}

/** @param values  of all places, at least a few dozen */
export function fitTail(values: Float64Array): OwnTail {
  const sorted = values.slice().sort()
  const from = quantileOf(sorted, NEAR)
  const scale = (quantileOf(sorted, FAR) - from) / Math.log((1 - NEAR) / (1 - FAR))
  return { from, scale: Math.max(scale, 1e-9), sorted }
}

/** Chance that one place has this value or more. */
export function tailChance({ from, scale, sorted }: OwnTail, value: number): number {
  if (value < from) return shareAbove(sorted, value)
  return Math.max(LEAST_CHANCE, (1 - NEAR) * Math.exp(-(value - from) / scale))
}

/** Chance that any of `count` places has a chance this small. Šidák's correction. */
export function amongMany(chance: number, count: number): number {
  return Math.max(LEAST_CHANCE, -Math.expm1(count * Math.log1p(-Math.min(chance, 1 - 1e-12))))
}

/** Negative log chance that the sum of four squares of normal deviates is `sum` or more. */
export function rarityOfSquares(sum: number): number {
  return sum / 2 - Math.log1p(sum / 2)
}

/** Conformal p-value: the rank of a score among those of reals, larger being stranger. 1 / (n + 1) at least. */
export function rankAmongReals(score: number, reals: readonly number[]): number {
  const above = reals.reduce((count, real) => count + (real >= score ? 1 : 0), 0)
  return (1 + above) / (1 + reals.length)
}

function shareAbove(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return Math.max(1, sorted.length - low) / sorted.length
}
