/**
 * Robust fit: a plane through many points of which a few do not belong.
 *
 * Source: iteratively reweighted least squares with Huber's weights (P. J. Huber 1981, section 7.8), scale by the median absolute deviation. A ridge of a
 * millionth keeps constant columns harmless.
 */

/** Normal deviation of a median absolute deviation of 1. */
const MAD_SCALE = 1.4826
const HUBER = 1.5
const ROUNDS = 3
const RIDGE = 1e-6

/**
 * What is left of `values` when a linear rule of `rows` is taken away.
 * @param rows  as many numbers for each value as there are terms, in turn; a constant term is the caller's to add
 */
export function fitAway(values: Float64Array, rows: Float64Array, terms: number): Float64Array {
  const weights = new Float64Array(values.length).fill(1)
  const rest = values.slice()
  for (let round = 0; round < ROUNDS; round++) {
    const rule = solveWeighted(values, rows, weights, terms)
    for (let i = 0; i < values.length; i++) {
      let told = 0
      for (let k = 0; k < terms; k++) told += (rule[k] as number) * (rows[i * terms + k] as number)
      rest[i] = (values[i] as number) - told
    }
    const scale = HUBER * Math.max(spreadOf(rest), 1e-12)
    for (let i = 0; i < rest.length; i++)
      weights[i] = Math.min(1, scale / Math.max(1e-300, Math.abs(rest[i] as number)))
  }
  return rest
}

/** Deviation by the median absolute deviation from the median. */
export function spreadOf(values: Float64Array): number {
  const middle = medianOf(values)
  const distances = new Float64Array(values.length)
  for (let i = 0; i < distances.length; i++) distances[i] = Math.abs((values[i] as number) - middle)
  return MAD_SCALE * medianOf(distances)
}

/** Middle value, the upper of two; 0 of none. Cost: linear, by C. A. R. Hoare's selection. */
export function medianOf(values: Float64Array): number {
  const work = values.slice()
  const rank = work.length >> 1
  let [low, high] = [0, work.length - 1]
  while (low < high) {
    const pivot = work[(low + high) >> 1] as number
    let [i, j] = [low, high]
    while (i <= j) {
      while ((work[i] as number) < pivot) i++
      while ((work[j] as number) > pivot) j--
      if (i > j) break
      const held = work[i] as number
      work[i++] = work[j] as number
      work[j--] = held
    }
    if (rank <= j) high = j
    else if (rank >= i) low = i
    else break
  }
  return work[rank] ?? 0
}

/** Linear interpolation between order statistics of sorted values; 0 of none. */
export function quantileOf(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1)
  const below = sorted[Math.floor(position)] ?? 0
  const above = sorted[Math.ceil(position)] ?? below
  return below + (above - below) * (position - Math.floor(position))
}

function solveWeighted(values: Float64Array, rows: Float64Array, weights: Float64Array, terms: number): Float64Array {
  const square = new Float64Array(terms * terms)
  const right = new Float64Array(terms)
  for (let i = 0; i < values.length; i++) {
    const weight = weights[i] as number
    for (let a = 0; a < terms; a++) {
      const scaled = weight * (rows[i * terms + a] as number)
      right[a] = (right[a] as number) + scaled * (values[i] as number)
      for (let b = 0; b <= a; b++)
        square[a * terms + b] = (square[a * terms + b] as number) + scaled * (rows[i * terms + b] as number)
    }
  }
  for (let a = 0; a < terms; a++) {
    square[a * terms + a] = (square[a * terms + a] as number) * (1 + RIDGE) + RIDGE
  }
  const root = choleskyOf(square, terms)
  return solveUpper(root, solveLower(root, right, terms), terms)
}

/** Lower triangle L of L Lᵀ = `square`, whose lower triangle is read. Pivots are kept positive. */
function choleskyOf(square: Float64Array, side: number): Float64Array {
  const root = new Float64Array(side * side)
  for (let a = 0; a < side; a++) {
    for (let b = 0; b <= a; b++) {
      let rest = square[a * side + b] as number
      for (let k = 0; k < b; k++) rest -= (root[a * side + k] as number) * (root[b * side + k] as number)
      root[a * side + b] = a === b ? Math.sqrt(Math.max(rest, 1e-12)) : rest / (root[b * side + b] as number)
    }
  }
  return root
}

/** x of L x = `right`. */
function solveLower(root: Float64Array, right: Float64Array, side: number): Float64Array {
  const solved = new Float64Array(side)
  for (let a = 0; a < side; a++) {
    let rest = right[a] as number
    for (let k = 0; k < a; k++) rest -= (root[a * side + k] as number) * (solved[k] as number)
    solved[a] = rest / (root[a * side + a] as number)
  }
  return solved
}

function solveUpper(root: Float64Array, right: Float64Array, side: number): Float64Array {
  const solved = new Float64Array(side)
  for (let a = side - 1; a >= 0; a--) {
    let rest = right[a] as number
    for (let k = a + 1; k < side; k++) rest -= (root[k * side + a] as number) * (solved[k] as number)
    solved[a] = rest / (root[a * side + a] as number)
  }
  return solved
}
