/**
 * Tree: three questions about single features, and a value for each way through them.
 *
 * Source: histogram trees with second order gains (Chen and Guestrin 2016, equations 5 and 7).
 */
import { BIN_COUNT, type Bins } from './bins.ts'
import { rounded } from './rounding.ts'

export const DEPTH = 3
export const NODES = 2 ** DEPTH - 1
export const LEAVES = 2 ** DEPTH
/** In place of a feature: nothing is asked, and everything goes left. */
export const NO_FEATURE = -1

/** Children of node i are 2 i + 1 (value below the threshold) and 2 i + 2 (all others, and NaN). */
export interface Tree {
  readonly features: readonly number[]
  readonly thresholds: readonly number[]
  readonly leaves: readonly number[]
}

export interface TreeTask {
  /** Rows and columns that this tree may look at. */
  readonly rows: Uint32Array
  readonly columns: readonly number[]
  /** First and second derivatives of the loss, one for each row there is. */
  readonly gradients: Float64Array
  readonly curvatures: Float64Array
  /** Part of the best step that leaves take. */
  readonly rate: number
  /** Curvature that each leaf starts with. */
  readonly leafWeight: number
}

interface Split {
  readonly feature: number
  readonly bin: number
}

/** The value that a tree gives a row. */
export function treeValue({ features, thresholds, leaves }: Tree, values: ArrayLike<number>): number {
  let node = 0
  for (let level = 0; level < DEPTH; level++) {
    const feature = features[node] as number
    const isLeft = feature === NO_FEATURE || (values[feature] as number) < (thresholds[node] as number)
    node = 2 * node + (isLeft ? 1 : 2)
  }
  return leaves[node - NODES] as number
}

/** Grows a tree level by level, taking the best question at each node. Ties go to the first column and lowest edge. */
export function growTree(bins: Bins, task: TreeTask): Tree {
  const features: number[] = []
  const thresholds: number[] = []
  const places = new Uint8Array(task.gradients.length)
  for (let level = 0, first = 0; level < DEPTH; level++, first = 2 * first + 1) {
    const splits = bestSplits(bins, task, { places, first, count: first + 1 })
    for (const split of splits) {
      features.push(split?.feature ?? NO_FEATURE)
      thresholds.push(split === undefined ? 0 : (bins.edges[split.feature]?.[split.bin] as number))
    }
    for (const row of task.rows) {
      const node = places[row] as number
      const split = splits[node - first]
      const isLeft = split === undefined || (bins.columns[split.feature]?.[row] as number) <= split.bin
      places[row] = 2 * node + (isLeft ? 1 : 2)
    }
  }
  return { features, thresholds, leaves: leavesOf(task, places) }
}

interface Level {
  /** Node that each row has come to. */
  readonly places: Uint8Array
  readonly first: number
  readonly count: number
}

function bestSplits(bins: Bins, task: TreeTask, { places, first, count }: Level): readonly (Split | undefined)[] {
  const { rows, gradients, curvatures } = task
  const best = new Float64Array(count).fill(1e-9)
  const splits = new Array<Split | undefined>(count)
  const slopes = new Float64Array(count * BIN_COUNT)
  const weights = new Float64Array(count * BIN_COUNT)
  for (const feature of task.columns) {
    slopes.fill(0)
    weights.fill(0)
    const column = bins.columns[feature] as Uint8Array
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number
      const at = ((places[row] as number) - first) * BIN_COUNT + (column[row] as number)
      slopes[at] = (slopes[at] as number) + (gradients[row] as number)
      weights[at] = (weights[at] as number) + (curvatures[row] as number)
    }
    const edges = (bins.edges[feature] as readonly number[]).length
    for (let node = 0; node < count; node++) {
      const { gain, bin } = bestEdge(slopes, weights, { from: node * BIN_COUNT, edges, leafWeight: task.leafWeight })
      if (gain <= (best[node] as number)) continue
      best[node] = gain
      splits[node] = { feature, bin }
    }
  }
  return Array.from(splits)
}

interface Edges {
  readonly from: number
  readonly edges: number
  readonly leafWeight: number
}

function bestEdge(
  first: Float64Array,
  second: Float64Array,
  { from, edges, leafWeight }: Edges,
): { gain: number; bin: number } {
  let [sum, weight] = [0, 0]
  for (let bin = 0; bin <= edges; bin++) {
    sum += first[from + bin] as number
    weight += second[from + bin] as number
  }
  const whole = (sum * sum) / (weight + leafWeight)
  let [left, leftWeight, gain, best] = [0, 0, 0, 0]
  for (let bin = 0; bin < edges; bin++) {
    left += first[from + bin] as number
    leftWeight += second[from + bin] as number
    const right = sum - left
    const both = (left * left) / (leftWeight + leafWeight) + (right * right) / (weight - leftWeight + leafWeight)
    if (both - whole <= gain) continue
    gain = both - whole
    best = bin
  }
  return { gain, bin: best }
}

function leavesOf({ rows, gradients, curvatures, rate, leafWeight }: TreeTask, places: Uint8Array): readonly number[] {
  const sums = new Float64Array(LEAVES)
  const weights = new Float64Array(LEAVES).fill(leafWeight)
  for (const row of rows) {
    const leaf = (places[row] as number) - NODES
    sums[leaf] = (sums[leaf] as number) + (gradients[row] as number)
    weights[leaf] = (weights[leaf] as number) + (curvatures[row] as number)
  }
  return Array.from(sums, (sum, leaf) => rounded((-rate * sum) / (weights[leaf] as number)))
}
