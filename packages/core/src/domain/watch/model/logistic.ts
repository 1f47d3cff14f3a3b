/**
 * Logistic: a weighted sum of features that tells true images and forgeries apart; the plain model beside the trees.
 *
 * Source: ridge regression for binary data (le Cessie and van Houwelingen 1992) by Newton's method. Features are
 * standardised and clipped at {@link CLIP} deviations. Cost: 10 times columns³ / 3.
 */
import { balancedWeights, type Kinds } from './boosting.ts'
import { solvePositive } from './covariance.ts'
import { rounded, roundedAll } from './rounding.ts'

export const CLIP = 5
const STEPS = 12

export interface LogisticModel {
  /** Middle and deviation of each feature, and what it weighs. */
  readonly means: readonly number[]
  readonly scales: readonly number[]
  readonly weights: readonly number[]
  readonly bias: number
}

/**
 * Learns to tell rows of kind 0 from all others.
 * @param rows     all of one length; NaN counts as the mean
 * @param penalty  on squared weights, for each row; default 0.01
 */
export function fitLogistic(rows: readonly Float64Array[], kinds: Kinds, penalty = 0.01): LogisticModel {
  const width = rows[0]?.length ?? 0
  const importance = balancedWeights(kinds)
  const columns = Array.from({ length: width }, (_, column) => momentsOf(rows, column))
  const [means, scales] = [columns.map(({ mean }) => mean), columns.map(({ scale }) => scale)]
  const inputs = rows.map((row) => Float64Array.of(...standardised({ means, scales }, row), 1))
  let weights: Float64Array = new Float64Array(width + 1)
  for (let step = 0; step < STEPS; step++) {
    const { slopes, curvature } = derivatives(inputs, weights, { kinds, importance, penalty: penalty * rows.length })
    const move = solvePositive({ size: width + 1, packed: curvature }, slopes)
    weights = weights.map((weight, i) => weight - (move[i] as number))
    if (Math.max(...move.map(Math.abs)) < 1e-7) break
  }
  return { means, scales, weights: roundedAll(weights.subarray(0, width)), bias: rounded(weights[width] as number) }
}

/** How much a picture looks like the forgeries that were learned, in log-odds of equal numbers of both; no probability. */
export function scoreLogistic(model: LogisticModel, values: ArrayLike<number>): number {
  return standardised(model, values).reduce((sum, value, i) => sum + value * (model.weights[i] as number), model.bias)
}

function momentsOf(rows: readonly Float64Array[], column: number): { readonly mean: number; readonly scale: number } {
  const values = rows.map((row) => row[column] as number).filter((value) => !Number.isNaN(value))
  const count = Math.max(values.length, 1)
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count
  const scale = Math.sqrt(variance)
  return { mean: rounded(mean), scale: scale > 1e-9 * Math.max(Math.abs(mean), 1e-9) ? rounded(scale) : 1 }
}

type Standard = Pick<LogisticModel, 'means' | 'scales'>

const standardised = ({ means, scales }: Standard, values: ArrayLike<number>): readonly number[] =>
  means.map((mean, i) => {
    const value = ((values[i] as number) - mean) / (scales[i] as number)
    return Number.isNaN(value) ? 0 : Math.min(CLIP, Math.max(-CLIP, value))
  })

interface Loss {
  readonly kinds: Kinds
  readonly importance: Float64Array
  readonly penalty: number
}

function derivatives(
  inputs: readonly Float64Array[],
  weights: Float64Array,
  { kinds, importance, penalty }: Loss,
): { readonly slopes: Float64Array; readonly curvature: Float64Array } {
  const size = weights.length
  const slopes = weights.map((weight, i) => (i === size - 1 ? 0 : penalty * weight))
  const curvature = new Float64Array((size * (size + 1)) / 2)
  for (const [row, input] of inputs.entries()) {
    const chance = 1 / (1 + Math.exp(-input.reduce((sum, value, i) => sum + value * (weights[i] as number), 0)))
    const slope = (importance[row] as number) * (chance - (kinds[row] === 0 ? 0 : 1))
    const bend = (importance[row] as number) * Math.max(chance * (1 - chance), 1e-6)
    for (let i = 0, k = 0; i < size; i++) {
      slopes[i] = (slopes[i] as number) + slope * (input[i] as number)
      const left = bend * (input[i] as number)
      for (let j = 0; j <= i; j++, k++) curvature[k] = (curvature[k] as number) + left * (input[j] as number)
    }
  }
  for (let i = 0; i < size - 1; i++) {
    const k = (i * (i + 3)) / 2
    curvature[k] = (curvature[k] as number) + penalty
  }
  return { slopes, curvature }
}
