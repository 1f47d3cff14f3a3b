/**
 * Margins: how strongly each coded bit is painted, so that no other message comes near in any view or crop.
 *
 * Source: docs/reference/mark.md, "Chips", "Embedding". The picture's own cells speak for some bits and against others: bits
 * in which a rival message is near get more of what may be changed, the others less (informed embedding).
 */
import { bestInputs, CODED_BITS, encodeInputs, messageOf } from './code.ts'
import type { CellGrid } from './geometry.ts'
import type { CellLook } from './look.ts'
import { type Pattern, PERIOD } from './pattern.ts'
import { type Plan, type Planner, strongestPlan } from './plan-cells.ts'

interface MarginQuestion {
  readonly grid: CellGrid
  readonly look: CellLook
  readonly pattern: Pattern
  readonly planner: Planner
  readonly signs: Int8Array
  /** 384 of 0 or 1. */
  readonly coded: Uint8Array
  readonly message: Uint8Array
  /** Largest stored value. */
  readonly maximum: number
}

/** A part of the picture in one view. */
interface Situation {
  readonly view: number
  readonly cells: Int32Array
  /** Multiplies the margin that is asked for. */
  readonly share: number
}

const ROUNDS = 16
/** Margin in standard deviations of a coded bit's noise: where to begin, and by what it grows once it holds. */
const FIRST_MARGIN = 0.2
const MARGIN_GROWTH = 1.15
/** What a margin shrinks by while it does not hold. */
const RELAXED = 0.92
/** More than what is missing is added, so that few rounds do. */
const OVERSHOOT = 1.3
const KEPT_SIDE = 0.75
const CROP_SHARE = 0.6
/** With crops, the margin begins at this part of that without. */
const CROP_BEGIN = 0.5
const PILOT_SHARE = 0.9

/** The plan with the widest margins; undefined if nothing can be painted. */
export function widenMargins(question: MarginQuestion): Plan | undefined {
  const { planner, grid, pattern, signs, maximum } = question
  const roles = Int32Array.from(signs, (_, i) => {
    const x = i % grid.columns
    return pattern.roles[(((i - x) / grid.columns) % PERIOD) * PERIOD + (x % PERIOD)] as number
  })
  const emphasis = new Float64Array(CODED_BITS).fill(1)
  const plain = strongestPlan(planner, planner.worth, maximum)
  if (plain === undefined) return undefined
  let strength = strengthOf(planner, plain, planner.worth)
  const wishes = () => {
    const usual = Math.sqrt(emphasis.reduce((sum, value) => sum + value * value, 0) / CODED_BITS)
    for (let b = 0; b < CODED_BITS; b++) emphasis[b] = (emphasis[b] as number) / usual
    return planner.worth.map((worth, i) => {
      const role = roles[i] as number
      return strength * worth * (role < 0 ? PILOT_SHARE : (emphasis[role] as number))
    })
  }
  const round = (situations: readonly Situation[], margin: number): boolean => {
    const plan = planner.planFor(wishes())
    strength *= Math.min(1.2, Math.max(0.8, planner.useOf(plan) ** -0.5))
    const changes = planner.changesOf(plan)
    const state = { changes, margin, emphasis, strength }
    return situations.map((situation) => raiseRivals({ ...question, roles }, situation, state)).every(Boolean)
  }
  const { whole, parts } = situationsOf(question)
  const margin = widen(emphasis, FIRST_MARGIN, (margin) => round(whole, margin))
  widen(emphasis, margin * CROP_BEGIN, (margin) => round([...whole, ...parts], margin))
  return strongestPlan(planner, wishes(), maximum) ?? plain
}

/** Goes through rounds with margins that grow while they hold; leaves the emphasis that held the widest, and gives that margin. */
function widen(emphasis: Float64Array, first: number, round: (margin: number) => boolean): number {
  const kept = emphasis.slice()
  let widest = 0
  let margin = first
  for (let i = 0; i < ROUNDS; i++) {
    const before = emphasis.slice()
    const isHolding = round(margin)
    if (isHolding && margin > widest) {
      kept.set(before)
      widest = margin
    }
    if (isHolding) margin *= MARGIN_GROWTH
    else margin *= RELAXED
  }
  emphasis.set(kept)
  return widest
}

function strengthOf(planner: Planner, plan: Plan, worth: Float32Array): number {
  let changed = 0
  let wished = 0
  const changes = planner.changesOf(plan)
  for (let i = 0; i < changes.length; i++) {
    changed += Math.abs(changes[i] as number)
    wished += worth[i] as number
  }
  return changed / wished
}

function situationsOf({ grid, look }: MarginQuestion): { whole: Situation[]; parts: Situation[] } {
  const { columns, rows } = grid
  const wide = Math.round(columns * KEPT_SIDE)
  const high = Math.round(rows * KEPT_SIDE)
  const part = (left: number, top: number, width: number, height: number) =>
    Int32Array.from({ length: width * height }, (_, i) => (top + Math.floor(i / width)) * columns + left + (i % width))
  const whole = look.views.map((_, view) => ({ view, cells: part(0, 0, columns, rows), share: 1 }))
  const corners = [
    [0, 0],
    [columns - wide, 0],
    [0, rows - high],
    [columns - wide, rows - high],
    [(columns - wide) >> 1, (rows - high) >> 1],
  ] as const
  return { whole, parts: corners.map(([x, y]) => ({ view: 0, cells: part(x, y, wide, high), share: CROP_SHARE })) }
}

interface State {
  readonly changes: Float32Array
  readonly margin: number
  readonly emphasis: Float64Array
  readonly strength: number
}

/** Gives more to the bits in which a rival is too near; false if there is one. */
function raiseRivals(
  { look, signs, coded, message, roles, planner }: MarginQuestion & { roles: Int32Array },
  { view, cells, share }: Situation,
  { changes, margin, emphasis, strength }: State,
): boolean {
  const { evidence, yields } = look.looks[view] as CellLook['looks'][number]
  const sums = new Float64Array(CODED_BITS)
  const gains = new Float64Array(CODED_BITS)
  let square = 0
  for (let k = 0; k < cells.length; k++) {
    const i = cells[k] as number
    const role = roles[i] as number
    if (role < 0) continue
    const yielded = yields[i] as number
    const value = (evidence[i] as number) * (signs[i] as number) + Math.abs(changes[i] as number) * yielded
    sums[role] = (sums[role] as number) + value
    gains[role] = (gains[role] as number) + strength * (planner.worth[i] as number) * yielded
    square += (evidence[i] as number) ** 2
  }
  const needed = margin * share * Math.sqrt(square / CODED_BITS)
  const doubted = sums.map((sum, b) => (coded[b] === 1 ? 1 : -1) * (sum - needed))
  const inputs = bestInputs(doubted)
  if (messageOf(inputs).every((bit, j) => bit === message[j])) return true
  const rival = encodeInputs(inputs)
  let missing = 0
  let power = 1e-30
  for (let b = 0; b < CODED_BITS; b++) {
    if (rival[b] === coded[b]) continue
    missing += needed - (sums[b] as number)
    power += (gains[b] as number) ** 2
  }
  for (let b = 0; b < CODED_BITS; b++) {
    if (rival[b] === coded[b]) continue
    emphasis[b] = (emphasis[b] as number) + (OVERSHOOT * Math.max(0, missing) * (gains[b] as number)) / power
  }
  return false
}
