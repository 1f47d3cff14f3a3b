/**
 * Conformal: what a score means beside those of true images.
 *
 * Source: Vovk, Gammerman and Shafer 2005; split conformal anomaly detection (Laxhammar and Falkman 2011; Bates et al.
 * 2023). Promise: for a true image that could as well have been one of those that calibrated, p ≤ α with a chance of at
 * most α, whatever the score is. That asks for exchangeability: the same device, patients and processing, one image of
 * each patient, and patients that the model has not learned from. It says nothing about a single image: p is no chance
 * that it is forged.
 */
import { countAtLeast, countBelow } from '../statistics/rank.ts'

/**
 * The share of calibration scores that are at least as strange, the new one counted in.
 *
 * @param sorted  scores of true images, rising
 * @returns 1 / (n + 1) to 1
 */
export const conformalPValue = (sorted: ArrayLike<number>, score: number): number =>
  (1 + countAtLeast(sorted, score)) / (sorted.length + 1)

/** As {@link conformalPValue} for a departure to either side: twice the smaller of both, at most 1. */
export function twoSidedPValue(sorted: ArrayLike<number>, value: number): number {
  const above = countAtLeast(sorted, value)
  const below = sorted.length - countAbove(sorted, value)
  return Math.min(1, (2 * (1 + Math.min(above, below))) / (sorted.length + 1))
}

/** The smallest p-value that so many calibration scores can give. */
export const smallestPValue = (count: number): number => 1 / (count + 1)

/**
 * One p-value of two scores, exactly valid although they depend on each other.
 *
 * Each image, the new one among them, gets its two ranks among all; 1 / p₁ + 1 / p₂ (the harmonic mean of p-values,
 * Wilson 2019) orders the images, and the place of the new one in that order is its p-value. No correction is needed,
 * as the order treats all images alike. Which combination was fixed before anything was measured.
 *
 * @param first   scores of the calibration images by one model
 * @param second  scores of the same images, in the same order, by the other
 * @returns 1 / (n + 1) to 1; an image that is strange to one model alone reaches about 2 / (n + 1)
 */
export function combinedPValue(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  scores: readonly [number, number],
): number {
  if (first.length !== second.length) throw new RangeError('scores that do not belong together')
  const all = [pooled(first, scores[0]), pooled(second, scores[1])]
  const sorted = all.map((values) => values.slice().sort())
  const strangeness = (image: number): number => {
    let sum = 0
    for (let i = 0; i < 2; i++) sum += 1 / countAtLeast(sorted[i] as Float64Array, all[i]?.[image] as number)
    return sum
  }
  const own = strangeness(first.length)
  let asStrange = 1
  for (let image = 0; image < first.length; image++) if (strangeness(image) >= own) asStrange++
  return asStrange / (first.length + 1)
}

function pooled(values: ArrayLike<number>, last: number): Float64Array {
  const all = new Float64Array(values.length + 1)
  all.set(values)
  all[values.length] = last
  return all
}

const countAbove = (sorted: ArrayLike<number>, value: number): number => {
  let end = countBelow(sorted, value)
  while (end < sorted.length && sorted[end] === value) end++
  return sorted.length - end
}
