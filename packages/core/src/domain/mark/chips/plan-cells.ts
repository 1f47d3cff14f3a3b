/**
 * Plan cells: how much each cell changes, so that a reader sees the most and the limits hold.
 *
 * Source: docs/reference/mark.md, "Chips", "Embedding". For limits on the mean square, a change in proportion to what it
 * yields is best; whole numbers and blocks come as near to that as they can.
 */
import { maximumOf, type Plane } from '../plane.ts'
import type { ChipLimits } from './embed-chips.ts'
import { BLOCK_CELLS, blockGrid, type CellGrid } from './geometry.ts'
import type { CellLook } from './look.ts'
import type { ChipSide } from './side.ts'

interface Question {
  readonly first: Plane
  readonly grid: CellGrid
  readonly look: CellLook
  readonly signs: Int8Array
  readonly limits: ChipLimits
}
type Plan = Pick<ChipSide, 'unit' | 'magnitudes' | 'painted'>

const LARGEST = 4
/** Halvings of the range of strengths. */
const STEPS = 24

/** The strongest plan within the limits; undefined if nothing can be painted. */
export function planCells(question: Question): Plan | undefined {
  const peak = question.look.yields.reduce((most, value) => Math.max(most, value), 0)
  if (peak === 0) return undefined
  let low = 0
  let high = maximumOf(question.first) / 8 / peak
  let best: Plan | undefined
  for (let i = 0; i < STEPS; i++) {
    const strength = i === 0 ? high : Math.sqrt(Math.max(low, high * 1e-6) * high)
    const plan = planAt(question, strength)
    if (isWithin(question, plan)) {
      if (plan.painted.includes(1)) best = plan
      low = strength
      if (i === 0) break
    } else high = strength
  }
  return best
}

function planAt({ first, grid, look, signs }: Question, strength: number): Plan {
  const blocks = blockGrid(grid)
  const blockOf = (i: number) => {
    const x = i % grid.columns
    return Math.floor((i - x) / grid.columns / BLOCK_CELLS) * blocks.columns + Math.floor(x / BLOCK_CELLS)
  }
  const sums = new Float64Array(blocks.columns * blocks.rows)
  const counts = new Float64Array(sums.length)
  look.yields.forEach((value, i) => {
    if (value <= 0) return
    sums[blockOf(i)] = (sums[blockOf(i)] as number) + value * strength
    counts[blockOf(i)] = (counts[blockOf(i)] as number) + 1
  })
  const wanted = sums.map((sum, b) => sum / Math.max(1, counts[b] as number))
  const sorted = Float64Array.from(wanted.filter((value) => value > 0)).sort()
  const unit = Math.max(1, Math.round((sorted[Math.floor(sorted.length * 0.9)] ?? 0) / (LARGEST - 1)))
  const magnitudes = Uint8Array.from(wanted, (value) => Math.min(LARGEST, Math.max(1, Math.round(value / unit))))
  const maximum = maximumOf(first)
  const painted = Uint8Array.from(signs, (sign, i) => {
    const change = (magnitudes[blockOf(i)] as number) * unit
    const fits = sign > 0 ? (look.most[i] as number) + change <= maximum : (look.least[i] as number) >= change
    return fits && (look.yields[i] as number) * strength >= change / 2 ? 1 : 0
  })
  return { unit, magnitudes, painted }
}

function isWithin({ first, grid, look, limits }: Question, { unit, magnitudes, painted }: Plan): boolean {
  const blocks = blockGrid(grid)
  const pixels = first.width * first.height
  let stored = 0
  const shown = new Float64Array(look.views.length)
  for (let i = 0; i < painted.length; i++) {
    if (painted[i] === 0) continue
    const x = i % grid.columns
    const block = Math.floor((i - x) / grid.columns / BLOCK_CELLS) * blocks.columns + Math.floor(x / BLOCK_CELLS)
    const square = ((magnitudes[block] as number) * unit) ** 2 * (look.areas[i] as number)
    stored += square
    for (let v = 0; v < shown.length; v++)
      shown[v] = (shown[v] as number) + square * ((look.live[v] as Float32Array)[i] as number)
  }
  if (stored / pixels > maximumOf(first) ** 2 / 10 ** (limits.minStoredPsnr / 10)) return false
  return shown.every((sum, v) => {
    const [low, high] = look.views[v] as readonly [number, number]
    return sum / pixels <= (high - low) ** 2 / 10 ** (limits.minDisplayPsnr / 10)
  })
}
