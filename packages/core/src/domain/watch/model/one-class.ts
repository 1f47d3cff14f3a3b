/**
 * One-class model: learns true images alone, and says how far another picture is from them, to whichever side.
 *
 * Features become normal scores; blocks of them have a Mahalanobis distance with a shrunk covariance; each distance
 * becomes a normal score of its own, and the score is the largest or the mean of those. Source: Mahalanobis 1936; Ledoit
 * and Wolf 2004. Knows nothing of forgeries, so that no family of them is "unseen" to it.
 */
import { choleskyFactor, invertFactor, shrunkCovariance, squaredLength } from './covariance.ts'
import { fitQuantiles, normalScore, normalScores, type QuantileTable } from './normal-scores.ts'
import { rounded, roundedAll } from './rounding.ts'

/** `whole`: one block of all features; `families`: a block for each family, the part of a name before the first dot. */
export type Blocks = 'whole' | 'families'
export type Rule = 'largest' | 'mean'

export interface Block {
  readonly name: string
  /** Indexes of its features. */
  readonly columns: readonly number[]
  readonly mean: readonly number[]
  /** Inverse Cholesky factor of the covariance, lower, packed row by row. */
  readonly whitening: readonly number[]
  /** Distances of the images that it learned from. */
  readonly distances: QuantileTable
}

export interface OneClassModel {
  readonly rule: Rule
  /** One for each feature. */
  readonly tables: readonly QuantileTable[]
  readonly blocks: readonly Block[]
}

export interface OneClassOptions {
  readonly blocks?: Blocks
  readonly rule?: Rule
}

/**
 * Learns from rows of true images.
 * @param names  of the features
 * @param rows   at least 2, each with a value for each name
 */
export function fitOneClass(
  names: readonly string[],
  rows: readonly Float64Array[],
  { blocks = 'whole', rule = 'mean' }: OneClassOptions = {},
): OneClassModel {
  if (rows.length < 2) throw new RangeError('fewer than 2 images')
  const tables = names.map((_, column) => fitQuantiles(rows.map((row) => row[column] as number)))
  const scores = rows.map((row) => normalScores(tables, row))
  const parts = blocks === 'whole' ? new Map([['whole', names.map((_, i) => i)]]) : familiesOf(names)
  return { rule, tables, blocks: [...parts].map(([name, columns]) => fitBlock(name, columns, scores)) }
}

/** Columns of each family, in the order of the names. */
export function familiesOf(names: readonly string[]): ReadonlyMap<string, number[]> {
  const families = new Map<string, number[]>()
  for (const [column, name] of names.entries()) {
    const family = name.split('.', 1)[0] as string
    families.set(family, [...(families.get(family) ?? []), column])
  }
  return families
}

function fitBlock(name: string, columns: readonly number[], scores: readonly Float64Array[]): Block {
  const rows = scores.map((row) => Float64Array.from(columns, (column) => row[column] as number))
  const mean = columns.map((_, i) => rounded(rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length))
  const { covariance } = shrunkCovariance(rows, mean)
  const whitening = roundedAll(invertFactor(choleskyFactor(covariance)).packed)
  const block = { name, columns, mean, whitening, distances: [] }
  return { ...block, distances: fitQuantiles(scores.map((row) => distanceTo(block, row))) }
}

/** Distance of normal scores from the middle of a block, in deviations for each feature. */
function distanceTo({ columns, mean, whitening }: Omit<Block, 'distances'>, scores: Float64Array): number {
  const vector = columns.map((column, i) => (scores[column] as number) - (mean[i] as number))
  return Math.sqrt(squaredLength(whitening, vector) / columns.length)
}

/** How strange a picture is; larger is stranger. The scale is that of normal deviates of the images learned from. */
export function scoreOneClass({ tables, blocks, rule }: OneClassModel, values: ArrayLike<number>): number {
  const scores = normalScores(tables, values)
  const all = blocks.map((block) => blockScore(block, scores))
  return rule === 'largest' ? Math.max(...all) : all.reduce((sum, one) => sum + one, 0) / all.length
}

function blockScore(block: Block, scores: Float64Array): number {
  const distance = distanceTo(block, scores)
  const score = normalScore(block.distances, distance)
  // What is clipped still has an order: ranks are all that p-values look at.
  return score + 1e-3 * distance
}
