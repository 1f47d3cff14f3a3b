/**
 * Bins: features cut into a few steps each, so that trees look at histograms instead of values.
 *
 * Edges are quantiles of what is learned from, in the rounding of the model: a value of an edge or more lies above it.
 */
import { countBelow, quantileOf, sortedOf } from '../statistics/rank.ts'
import { rounded } from './rounding.ts'

/** Most bins of a feature. */
export const BIN_COUNT = 32

export interface Bins {
  /** Of each feature: the bin of each row, 0 to {@link BIN_COUNT} − 1. */
  readonly columns: readonly Uint8Array[]
  /** Of each feature: edge i parts bins up to i from those above, rising. */
  readonly edges: readonly (readonly number[])[]
}

/** @param rows  all of one length; what is NaN goes with the largest values */
export function binColumns(rows: readonly Float64Array[]): Bins {
  const width = rows[0]?.length ?? 0
  const edges: number[][] = []
  const columns: Uint8Array[] = []
  for (let column = 0; column < width; column++) {
    const values = rows.map((row) => row[column] as number)
    const own = edgesOf(values)
    edges.push(own)
    columns.push(Uint8Array.from(values, (value) => binOf(own, value)))
  }
  return { columns, edges }
}

function edgesOf(values: readonly number[]): number[] {
  const sorted = sortedOf(values.filter((value) => !Number.isNaN(value)))
  if (sorted.length === 0) return []
  const edges = new Set<number>()
  for (let i = 1; i < BIN_COUNT; i++) edges.add(rounded(quantileOf(sorted, i / BIN_COUNT)))
  return [...edges].sort((a, b) => a - b)
}

const binOf = (edges: readonly number[], value: number): number => {
  if (Number.isNaN(value)) return edges.length
  const below = countBelow(edges, value)
  return edges[below] === value ? below + 1 : below
}
