/**
 * Normal scores: each feature on the scale of true images, whatever its unit and shape.
 *
 * A table of quantiles of true images maps a value to the normal deviate of the same rank, with straight lines between
 * (van der Waerden 1952). Outside the table the line goes on with the slope of the feature's spread, up to
 * {@link FURTHEST}: how far outside is part of what a stranger shows, but a single wild value must not decide.
 */
import { normalQuantile } from '../statistics/normal.ts'
import { countBelow, quantileOf, sortedOf } from '../statistics/rank.ts'
import { rounded } from './rounding.ts'

/** Quantiles kept of each feature. */
export const TABLE_SIZE = 33
/** Largest deviate, to either side. */
export const FURTHEST = 8

/** Quantiles of one feature, rising, {@link TABLE_SIZE} of them. */
export type QuantileTable = readonly number[]

const SHARES = Array.from({ length: TABLE_SIZE }, (_, i) => (i + 0.5) / TABLE_SIZE)
const DEVIATES = SHARES.map((share) => rounded(normalQuantile(share)))
const LAST = TABLE_SIZE - 1
const [FIRST_QUARTER, THIRD_QUARTER] = [8, 24]

/** Learns a feature from its values in true images; those that are NaN take no part. */
export function fitQuantiles(values: ArrayLike<number>): QuantileTable {
  const sorted = sortedOf(Array.from(values).filter((value) => !Number.isNaN(value)))
  if (sorted.length === 0) return SHARES.map(() => 0)
  return SHARES.map((share) => rounded(quantileOf(sorted, share)))
}

/**
 * The normal deviate of a value, −{@link FURTHEST} to {@link FURTHEST}; 0 for NaN, so that what was not measured is
 * neither strange nor usual. A run of values that are the same gets its middle.
 */
export function normalScore(table: QuantileTable, value: number): number {
  if (Number.isNaN(value)) return 0
  const [first, last] = [table[0] as number, table[LAST] as number]
  const spread = spreadOf(table)
  if (value < first) return Math.max(-FURTHEST, (DEVIATES[0] as number) - (first - value) / spread)
  if (value > last) return Math.min(FURTHEST, (DEVIATES[LAST] as number) + (value - last) / spread)
  const from = countBelow(table, value)
  let to = from
  while (to < LAST && table[to + 1] === value) to++
  if (table[from] === value) return ((DEVIATES[from] as number) + (DEVIATES[to] as number)) / 2
  const [low, high] = [table[from - 1] as number, table[from] as number]
  const part = (value - low) / (high - low)
  return (DEVIATES[from - 1] as number) * (1 - part) + (DEVIATES[from] as number) * part
}

/** Deviation that a feature would have were it normal; of a feature that hardly varies, a tiny part of its size. */
function spreadOf(table: QuantileTable): number {
  const quarters = (table[THIRD_QUARTER] as number) - (table[FIRST_QUARTER] as number)
  const whole = (table[LAST] as number) - (table[0] as number)
  const least = 1e-6 * Math.max(Math.abs(table[0] as number), Math.abs(table[LAST] as number), 1e-6)
  return Math.max(quarters / 1.349, whole / 8, least)
}

export const normalScores = (tables: readonly QuantileTable[], values: ArrayLike<number>): Float64Array =>
  Float64Array.from(tables, (table, i) => normalScore(table, values[i] as number))
