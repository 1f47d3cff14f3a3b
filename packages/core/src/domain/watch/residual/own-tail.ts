/**
 * Own tail: how rare a value is among the other values of the same picture, beyond the largest of them.
 *
 * A rank alone cannot be rarer than one in their number, and after correction for that number never rare at all. So the bulk is taken by rank and the
 * tail as exponential, its scale from two quantiles that a small forged place does not move. Values are made such that plain noise has exactly
 * an exponential tail: negative log chances of normal deviates. Known flaw: real tails are heavier; image scores are to be ranked among
 * those of reals, as conformal p-values are, and the chance here is no more than a scale.
 */
import { quantileOf } from './robust-fit.ts'

/** Between them lies what the scale is taken from. */
const NEAR = 0.6
const FAR = 0.9
export const LEAST_CHANCE = 1e-12

export interface OwnTail {
  /** Value at {@link NEAR}. */
  readonly from: number
  readonly scale: number
  readonly sorted: Float64Array
}

/**
 * @param values  of all places, at least a few dozen
 * @param apart   so many of them that do not overlap; a scale from few is widened by its own error
 */
export function fitTail(values: Float64Array, apart = values.length): OwnTail {
  const sorted = values.slice().sort()
  const from = quantileOf(sorted, NEAR)
  const scale = (quantileOf(sorted, FAR) - from) / Math.log((1 - NEAR) / (1 - FAR))
  return { from, scale: Math.max(scale, 1e-9) * (1 + 1 / Math.sqrt(Math.max(1, apart))), sorted }
}

/** −log10 of the chance that one place has this value or more; NaN of NaN. */
export function tailMark({ from, scale, sorted }: OwnTail, value: number): number {
  if (Number.isNaN(value)) return value
  if (value < from) return -Math.log10(shareAbove(sorted, value))
  return -Math.log10(1 - NEAR) + (value - from) / scale / Math.LN10
}

/** −log10 of the chance that any of `tries` places has a mark this large. Šidák's correction; exact where powers run out of digits. */
export function amongMany(mark: number, tries: number): number {
  if (mark > 10) return Math.max(0, mark - Math.log10(tries))
  return Math.max(0, -Math.log10(-Math.expm1(tries * Math.log1p(-(10 ** -Math.max(mark, 1e-9))))))
}

/** Negative log chance that a normal deviate is `deviation` or more. Source: P. Börjesson and C.-E. Sundberg (1979), within 0.3 %. */
export function rarityOfDeviation(deviation: number): number {
  if (Number.isNaN(deviation)) return Number.NaN
  const x = Math.abs(deviation)
  const rarity = x * x * 0.5 + Math.log(Math.sqrt(2 * Math.PI) * (0.661 * x + 0.339 * Math.sqrt(x * x + 5.51)))
  return deviation >= 0 ? rarity : -Math.log1p(-Math.exp(-rarity))
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
