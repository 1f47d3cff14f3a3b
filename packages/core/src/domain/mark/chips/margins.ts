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

const ROUNDS = 60
const RAISE = 1.12
/** Margin in standard deviations of a coded bit's noise: where to begin, and by what it grows once it holds. */
const FIRST_MARGIN = 0.2
const MARGIN_STEP = 0.04
const KEPT_SIDE = 0.75
const CROP_SHARE = 0.6
const PILOT_SHARE = 0.9

/** The plan with the widest margins; undefined if nothing can be painted. */
export function widenMargins(question: MarginQuestion): Plan | undefined {
  const { planner, grid, pattern, signs, maximum } = question
  const roles = Int32Array.from(signs, (_, i) => {
    const x = i % grid.columns
    return pattern.roles[(((i - x) / grid.columns) % PERIOD) * PERIOD + (x % PERIOD)] as number
  })
  const emphasis = new Float64Array(CODED_BITS).fill(1)
  const wishesNow = (strength: number) => {
    const usual = Math.sqrt(emphasis.reduce((sum, value) => sum + value * value, 0) / CODED_BITS)
    return planner.worth.map((worth, i) => {
      const role = roles[i] as number
      return strength * worth * (role < 0 ? PILOT_SHARE : (emphasis[role] as number) / usual)
    })
  }
  let best = strongestPlan(planner, wishesNow(1), maximum)
  if (best === undefined) return undefined
  let strength = strengthOf(planner, best, planner.worth)
  const situations = situationsOf(question)
  let margin = FIRST_MARGIN
  let kept = emphasis.slice()
  for (let round = 0; round < ROUNDS; round++) {
    const changes = planner.changesOf(planner.planFor(wishesNow(strength)))
    strength *= Math.min(1.2, Math.max(0.8, planner.useOf(changes) ** -0.5))
    const isHolding = situations.map((situation) =>
      raiseRivals({ ...question, roles }, situation, { changes, margin, emphasis }),
    )
    if (isHolding.every(Boolean)) {
      kept = emphasis.slice()
      margin += MARGIN_STEP
    }
  }
  emphasis.set(kept)
  best = strongestPlan(planner, wishesNow(1), maximum) ?? best
  return best
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

function situationsOf({ grid, look }: MarginQuestion): Situation[] {
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
  return [...whole, ...corners.map(([x, y]) => ({ view: 0, cells: part(x, y, wide, high), share: CROP_SHARE }))]
}

interface State {
  readonly changes: Int32Array
  readonly margin: number
  readonly emphasis: Float64Array
}

/** Gives more to the bits in which a rival is too near; false if there is one. */
function raiseRivals(
  { look, signs, coded, message, roles }: MarginQuestion & { roles: Int32Array },
  { view, cells, share }: Situation,
  { changes, margin, emphasis }: State,
): boolean {
  const { evidence, yields } = look.looks[view] as CellLook['looks'][number]
  const sums = new Float64Array(CODED_BITS)
  const squares = new Float64Array(CODED_BITS)
  for (const i of cells) {
    const role = roles[i] as number
    if (role < 0) continue
    const own = evidence[i] as number
    const value = (own + (changes[i] as number) * (yields[i] as number)) * (signs[i] as number)
    sums[role] = (sums[role] as number) + value
    squares[role] = (squares[role] as number) + value * value
  }
  const noise = Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / CODED_BITS)
  const doubted = sums.map((sum, b) => (coded[b] === 1 ? 1 : -1) * (sum - margin * share * noise))
  const inputs = bestInputs(doubted)
  if (messageOf(inputs).every((bit, j) => bit === message[j])) return true
  const rival = encodeInputs(inputs)
  for (let b = 0; b < CODED_BITS; b++) if (rival[b] !== coded[b]) emphasis[b] = (emphasis[b] as number) * RAISE
  return false
}
