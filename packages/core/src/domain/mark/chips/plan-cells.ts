/**
 * Plan cells: how much each cell changes, so that a reader sees the most and the limits hold.
 *
 * Source: docs/reference/mark.md, "Chips", "Embedding". Under limits on the mean square, a change in proportion to what it
 * yields for its cost is best; whole numbers and blocks come as near to that as they can.
 */
import { maximumOf, type Plane } from '../../pixels/plane.ts'
import { BLOCK_CELLS, blockGrid, type CellGrid } from './geometry.ts'
import type { CellLook } from './look.ts'
import type { ChipSide } from './side.ts'

/** How faint the chips must be, in dB; a higher number is fainter. */
export interface ChipLimits {
  /** PSNR of the stored values, peak 2^bits − 1. */
  readonly minStoredPsnr: number
  /** PSNR in every view, peak 255. */
  readonly minDisplayPsnr: number
}

export interface PlanQuestion {
  readonly first: Plane
  readonly grid: CellGrid
  readonly look: CellLook
  /** 1 or −1 for each cell. */
  readonly signs: Int8Array
  readonly limits: ChipLimits
}

/** What is painted but for the code. */
export type Plan = Pick<ChipSide, 'unit' | 'magnitudes' | 'painted'>

/** Halvings of the range of strengths. */
const STEPS = 30
/** Strengths are tried until the faintest wish, this much below the largest, is large as well. */
const FARTHEST = 1000
const REACH_ABOVE = 3
const BALANCING_ROUNDS = 12

/** Plans for any wishes. */
export interface Planner {
  /** The change that each cell would get if all were equal: what it yields over what it costs, in no unit. */
  readonly worth: Float32Array
  /** The plan nearest to changes of this many stored values in each cell. */
  planFor(wishes: Float32Array): Plan
  /** The mean changes of a plan, in stored values. */
  changesOf(plan: Plan): Float32Array
  /** The part of the limits that a plan uses up: 1 is all. */
  useOf(plan: Plan): number
}

export function createPlanner({ first, grid, look, signs, limits }: PlanQuestion): Planner {
  const blocks = blockGrid(grid)
  const blockOf = Int32Array.from(signs, (_, i) => {
    const x = i % grid.columns
    return Math.floor((i - x) / grid.columns / BLOCK_CELLS) * blocks.columns + Math.floor(x / BLOCK_CELLS)
  })
  const maximum = maximumOf(first)
  const pixels = first.width * first.height
  const allowed = [
    (maximum ** 2 / 10 ** (limits.minStoredPsnr / 10)) * pixels,
    ...look.views.map(() => (255 ** 2 / 10 ** (limits.minDisplayPsnr / 10)) * pixels),
  ]
  const costs = [Float32Array.from(look.areas), ...look.looks.map((view) => view.costs)]
  const worth = balancedWorth(look, costs, allowed)
  const useOf = (squareOf: (cell: number) => number): number => {
    const uses = costs.map((cost, c) => {
      let sum = 0
      for (let i = 0; i < cost.length; i++) sum += squareOf(i) * (cost[i] as number)
      return sum / (allowed[c] as number)
    })
    return Math.max(...uses)
  }
  const cap = (wishes: Float32Array) => wishes.map((wish, i) => Math.min(wish, look.caps[i] as number))
  const unit = unitFor(worth, cap, (changes) => useOf((i) => (changes[i] as number) ** 2))
  const halfOf = ({ magnitudes, painted }: Plan, i: number) =>
    painted[i] === 0 ? 0 : (magnitudes[blockOf[i] as number] as number)
  return {
    worth,
    planFor: (wishes) =>
      nearestPlan({ unit, wishes: cap(wishes), blockOf, blocks: blocks.columns * blocks.rows, signs, look, maximum }),
    changesOf: (plan) => Float32Array.from(signs, (sign, i) => (sign * halfOf(plan, i) * unit) / 2),
    useOf: (plan) =>
      useOf((i) => {
        const half = halfOf(plan, i)
        return (half === 1 ? 0.5 : (half * half) / 4) * unit * unit
      }),
  }
}

/** The unit in which most changes can be told well, were they not to be whole. */
function unitFor(
  worth: Float32Array,
  cap: (wishes: Float32Array) => Float32Array,
  useOf: (changes: Float32Array) => number,
): number {
  let low = 1e-12
  let high = 1e12
  for (let i = 0; i < 60; i++) {
    const strength = Math.sqrt(low * high)
    if (useOf(cap(worth.map((value) => value * strength))) <= 1) low = strength
    else high = strength
  }
  const sorted = cap(worth.map((value) => value * low))
    .filter((value) => value > 0)
    .sort()
  return Math.max(1, Math.floor(sorted[Math.floor(sorted.length * 0.25)] ?? 0))
}

/**
 * What changes are worth, so that no view is forgotten: changes in proportion to it, as large as the limits allow, add about
 * the same to what is read in each view.
 */
function balancedWorth(look: CellLook, costs: readonly Float32Array[], allowed: readonly number[]): Float32Array {
  const weights = look.looks.map(() => 1)
  let worth = new Float32Array(look.areas.length)
  for (let round = 0; round < BALANCING_ROUNDS; round++) {
    worth = worth.map((_, i) => {
      const yielded = look.looks.reduce((sum, view, v) => sum + (weights[v] as number) * (view.worths[i] as number), 0)
      const cost = costs.reduce((sum, of, c) => sum + (of[i] as number) / (allowed[c] as number), 0)
      return yielded / Math.max(cost, 1e-12)
    })
    const gains = look.looks.map((view) => worth.reduce((sum, value, i) => sum + value * (view.worths[i] as number), 0))
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length
    for (let v = 0; v < weights.length; v++) {
      weights[v] = (weights[v] as number) * Math.min(4, mean / Math.max(gains[v] as number, 1e-30)) ** 0.7
    }
  }
  return worth
}

interface Wish {
  readonly unit: number
  readonly wishes: Float32Array
  readonly blockOf: Int32Array
  readonly blocks: number
  readonly signs: Int8Array
  readonly look: CellLook
  readonly maximum: number
}

function nearestPlan({ unit, wishes, blockOf, blocks, signs, look, maximum }: Wish): Plan {
  const sums = new Float64Array(blocks)
  const counts = new Float64Array(blocks)
  for (let i = 0; i < wishes.length; i++) {
    const wish = wishes[i] as number
    if (wish <= 0) continue
    const block = blockOf[i] as number
    sums[block] = (sums[block] as number) + wish
    counts[block] = (counts[block] as number) + 1
  }
  const wanted = sums.map((sum, b) => sum / Math.max(1, counts[b] as number))
  const magnitudes = Uint8Array.from(
    wanted,
    (value) => 2 ** Math.min(7, Math.max(0, 1 + Math.round(Math.log2(Math.max(value, 1e-9) / unit)))),
  )
  const painted = Uint8Array.from(signs, (sign, i) => {
    const half = magnitudes[blockOf[i] as number] as number
    const change = (half * unit) / 2
    if ((wishes[i] as number) < change / 2 || change > 1.5 * (look.veils[i] as number)) return 0
    const most = Math.ceil(half / 2) * unit
    return (sign > 0 ? (look.most[i] as number) + most <= maximum : (look.least[i] as number) >= most) ? 1 : 0
  })
  return { unit, magnitudes, painted }
}

/** The strongest plan in proportion to wishes that is within the limits; undefined if nothing can be painted. */
export function strongestPlan(planner: Planner, wishes: Float32Array, maximum: number): Plan | undefined {
  const peak = wishes.reduce((most, value) => Math.max(most, value), 0)
  if (peak === 0) return undefined
  let high = (maximum * FARTHEST) / peak
  let low = high * 1e-11
  let best: Plan | undefined
  for (let i = 0; i < STEPS; i++) {
    const strength = Math.sqrt(low * high)
    const plan = planner.planFor(wishes.map((wish) => wish * strength))
    if (planner.useOf(plan) <= 1) {
      if (plan.painted.includes(1)) best = plan
      low = strength
    } else high = strength
  }
  // Whole numbers make the use of the limits uneven: a little more strength sometimes uses less.
  let most = best === undefined ? 0 : planner.useOf(best)
  for (let strength = low; strength < low * REACH_ABOVE; strength *= 1.04) {
    const plan = planner.planFor(wishes.map((wish) => wish * strength))
    const use = planner.useOf(plan)
    if (use > 1 || use <= most) continue
    most = use
    best = plan
  }
  return best
}
