/**
 * Covariance: how features go together, and distances that take it into account.
 *
 * Source: shrinkage to a multiple of the identity (Ledoit and Wolf 2004); Cholesky. Triangles are packed row by row:
 * row i has i + 1 entries.
 */

/** A symmetric or lower triangular matrix of `size` rows, packed. */
export interface Triangle {
  readonly size: number
  readonly packed: Float64Array
}

const at = (row: number, column: number): number => (row * (row + 1)) / 2 + column

export interface Shrunk {
  readonly covariance: Triangle
  /** How far it was drawn to the identity, 0 to 1. */
  readonly shrinkage: number
}

/**
 * Covariance of rows with a mean that is known, shrunk so that it can be inverted even with fewer rows than columns.
 * Cost: rows × columns² / 2.
 * @param rows  at least one, all of the length of `mean`
 */
export function shrunkCovariance(rows: readonly ArrayLike<number>[], mean: ArrayLike<number>): Shrunk {
  const size = mean.length
  const packed = new Float64Array(at(size, 0))
  const row = new Float64Array(size)
  let fourth = 0
  for (const values of rows) {
    let square = 0
    for (let i = 0, k = 0; i < size; i++) {
      const value = (values[i] as number) - (mean[i] as number)
      row[i] = value
      square += value * value
      for (let j = 0; j <= i; j++, k++) packed[k] = (packed[k] as number) + value * (row[j] as number)
    }
    fourth += square * square
  }
  for (let k = 0; k < packed.length; k++) packed[k] = (packed[k] as number) / rows.length
  return shrink({ size, packed }, fourth, rows.length)
}

function shrink(covariance: Triangle, fourth: number, count: number): Shrunk {
  const { size, packed } = covariance
  let [trace, norm] = [0, 0]
  for (let i = 0, k = 0; i < size; i++) {
    for (let j = 0; j <= i; j++, k++) norm += (j === i ? 1 : 2) * (packed[k] as number) ** 2
    trace += packed[k - 1] as number
  }
  // A feature that is constant must not make the distance infinite.
  const level = Math.max(trace / size, 1e-9)
  const spread = Math.max(norm - size * level * level, 1e-12)
  const noise = Math.max(0, (fourth / count - norm) / count)
  const shrinkage = Math.min(1, Math.max(noise / spread, 1e-4))
  for (let i = 0, k = 0; i < size; i++) {
    for (let j = 0; j <= i; j++, k++)
      packed[k] = (packed[k] as number) * (1 - shrinkage) + (j === i ? shrinkage * level : 0)
  }
  return { covariance, shrinkage }
}

/** Lower factor of a positive definite matrix. @throws {RangeError} for any other */
export function choleskyFactor({ size, packed }: Triangle): Triangle {
  const factor = packed.slice()
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = factor[at(i, j)] as number
      for (let k = 0; k < j; k++) sum -= (factor[at(i, k)] as number) * (factor[at(j, k)] as number)
      if (i === j && !(sum > 0)) throw new RangeError('not positive definite')
      factor[at(i, j)] = i === j ? Math.sqrt(sum) : sum / (factor[at(j, j)] as number)
    }
  }
  return { size, packed: factor }
}

/** Inverse of a lower factor; lower as well. */
export function invertFactor({ size, packed }: Triangle): Triangle {
  const inverse = new Float64Array(packed.length)
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let sum = i === j ? 1 : 0
      for (let k = j; k < i; k++) sum -= (packed[at(i, k)] as number) * (inverse[at(k, j)] as number)
      inverse[at(i, j)] = sum / (packed[at(i, i)] as number)
    }
  }
  return { size, packed: inverse }
}

/** Squared length of a lower triangle times a vector. */
export function squaredLength(packed: ArrayLike<number>, vector: ArrayLike<number>): number {
  let total = 0
  for (let i = 0, k = 0; i < vector.length; i++) {
    let sum = 0
    for (let j = 0; j <= i; j++, k++) sum += (packed[k] as number) * (vector[j] as number)
    total += sum * sum
  }
  return total
}

/** Solves A x = b for a positive definite A. */
export function solvePositive(matrix: Triangle, right: ArrayLike<number>): Float64Array {
  const { size, packed } = choleskyFactor(matrix)
  const x = Float64Array.from(right)
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i] = (x[i] as number) - (packed[at(i, k)] as number) * (x[k] as number)
    x[i] = (x[i] as number) / (packed[at(i, i)] as number)
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i] = (x[i] as number) - (packed[at(k, i)] as number) * (x[k] as number)
    x[i] = (x[i] as number) / (packed[at(i, i)] as number)
  }
  return x
}
