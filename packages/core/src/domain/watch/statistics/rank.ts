/**
 * Rank: order statistics, and how far two orders agree.
 *
 * Source: quantiles of type 7 (Hyndman and Fan 1996); Spearman 1904, with middle ranks for ties.
 */

/** The values in rising order, as a copy. */
export const sortedOf = (values: ArrayLike<number>): Float64Array => Float64Array.from(values).sort()

/**
 * The value below which a share of a sorted list lies, with straight lines between neighbours.
 *
 * @param sorted  at least one value, rising
 * @param share   0 to 1
 * @throws {RangeError} for an empty list
 */
export function quantileOf(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) throw new RangeError('no values')
  const at = Math.min(Math.max(share, 0), 1) * (sorted.length - 1)
  const below = Math.floor(at)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (high - low) * (at - below)
}

/** How many of a rising list lie below a value. */
export function countBelow(sorted: ArrayLike<number>, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** How many of a rising list are a value or more. */
export const countAtLeast = (sorted: ArrayLike<number>, value: number): number =>
  sorted.length - countBelow(sorted, value)

/** Ranks from 1 on; values that are the same share their middle rank. */
export function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number) || a - b)
  const ranks = new Float64Array(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start + 1
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++
    for (let i = start; i < end; i++) ranks[order[i] as number] = (start + end + 1) / 2
    start = end
  }
  return ranks
}

/**
 * Spearman's correlation of two lists of one length.
 * @returns −1 to 1; 0 where one of them is constant
 */
export function spearmanOf(left: ArrayLike<number>, right: ArrayLike<number>): number {
  if (left.length !== right.length) throw new RangeError('lists of different lengths')
  const [a, b] = [ranksOf(left), ranksOf(right)]
  const middle = (left.length + 1) / 2
  let [both, first, second] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] as number) - middle, (b[i] as number) - middle]
    both += x * y
    first += x * x
    second += y * y
  }
  return first === 0 || second === 0 ? 0 : both / Math.sqrt(first * second)
}
