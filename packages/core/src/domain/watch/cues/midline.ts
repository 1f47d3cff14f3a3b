/**
 * Midline: the column of the spine in each row of a frontal chest radiograph.
 *
 * The mediastinum is a bright band between two dark lungs. Its path is the cheapest one from the top row to the bottom row that moves by at most one
 * column a row (dynamic programming, Bellman 1957, as in seam carving). Measured on a coarse grid; pictures turned by more than about 30 degrees, or with a white lung, have no
 * midline that can be trusted: `contrast` says how far the band stands out.
 */
import type { Grid } from './grid.ts'

export interface Midline {
  /** First row of the coarse grid that it covers. */
  readonly top: number
  /** Column in each row from `top`, parts of a column included. */
  readonly columns: Float64Array
  /** Straight line through them: column = offset + slope × (row − top). */
  readonly offset: number
  readonly slope: number
  /** How much brighter the band is than what lies beside it, in standard deviations of the grid. */
  readonly contrast: number
}

/** The spine is looked for between these shares of the picture. */
const ROWS = [0.14, 0.8] as const
const COLUMNS = [0.3, 0.7] as const
/** Half the width of the band, and how far beside it the lungs are looked at, as shares of the width. */
const BAND = 0.045
const BESIDE = 0.17

export function traceMidline(grid: Grid): Midline {
  const top = Math.round(ROWS[0] * grid.height)
  const rows = Math.round(ROWS[1] * grid.height) - top
  const left = Math.round(COLUMNS[0] * grid.width)
  const count = Math.round(COLUMNS[1] * grid.width) - left
  const scores = scoreBands(grid, { top, rows, left, count })
  const path = findPath(scores, rows, count)
  const columns = new Float64Array(rows)
  let contrast = 0
  for (let y = 0; y < rows; y++) {
    const x = path[y] as number
    contrast += (scores[y * count + x] as number) / rows
    columns[y] = left + x + peakOffset(scores.subarray(y * count, (y + 1) * count), x)
  }
  return { top, columns: smooth(columns), ...fitLine(columns), contrast: contrast / spreadOf(grid.samples) }
}

interface Search {
  readonly top: number
  readonly rows: number
  readonly left: number
  readonly count: number
}

/** Mean of the band minus the mean of what lies beside it, left and right, and minus how much those two differ. */
function scoreBands({ width, samples }: Grid, { top, rows, left, count }: Search): Float64Array {
  const scores = new Float64Array(rows * count)
  const sums = new Float64Array(width + 1)
  const [band, beside] = [Math.max(1, Math.round(BAND * width)), Math.round(BESIDE * width)]
  for (let y = 0; y < rows; y++) {
    const start = (top + y) * width
    for (let x = 0; x < width; x++) sums[x + 1] = (sums[x] as number) + (samples[start + x] as number)
    const mean = (from: number, to: number): number => {
      const [a, b] = [Math.max(0, from), Math.min(width, to)]
      return ((sums[b] as number) - (sums[a] as number)) / Math.max(1, b - a)
    }
    for (let x = 0; x < count; x++) {
      const at = left + x
      const [west, east] = [mean(at - beside, at - 2 * band), mean(at + 2 * band + 1, at + beside + 1)]
      scores[y * count + x] = mean(at - band, at + band + 1) - (west + east) / 2 - 0.25 * Math.abs(west - east)
    }
  }
  return scores
}

/** The path of the highest sum of scores, one column a row at most. */
function findPath(scores: Float64Array, rows: number, count: number): Int32Array {
  const best = Float64Array.from(scores)
  const from = new Int8Array(rows * count)
  for (let y = 1; y < rows; y++) {
    for (let x = 0; x < count; x++) {
      const above = (y - 1) * count + x
      let step = 0
      let value = best[above] as number
      // A step to the side costs a little, so that a flat band gives a straight path.
      if (x > 0 && (best[above - 1] as number) - 0.5 > value) [step, value] = [-1, (best[above - 1] as number) - 0.5]
      if (x + 1 < count && (best[above + 1] as number) - 0.5 > value)
        [step, value] = [1, (best[above + 1] as number) - 0.5]
      best[y * count + x] = (best[y * count + x] as number) + value
      from[y * count + x] = step
    }
  }
  const path = new Int32Array(rows)
  let at = 0
  for (let x = 1; x < count; x++) {
    if ((best[(rows - 1) * count + x] as number) > (best[(rows - 1) * count + at] as number)) at = x
  }
  for (let y = rows - 1; y >= 0; y--) {
    path[y] = at
    at += from[y * count + at] as number
  }
  return path
}

/** Where a parabola through a value and its neighbours has its top, −0.5 to 0.5. */
function peakOffset(row: Float64Array, x: number): number {
  if (x === 0 || x === row.length - 1) return 0
  const [a, b, c] = [row[x - 1] as number, row[x] as number, row[x + 1] as number]
  const bend = a - 2 * b + c
  return bend < -1e-9 ? Math.max(-0.5, Math.min(0.5, (a - c) / (2 * bend))) : 0
}

function smooth(columns: Float64Array): Float64Array {
  return columns.map((_, y) => {
    const [from, to] = [Math.max(0, y - 2), Math.min(columns.length, y + 3)]
    let sum = 0
    for (let i = from; i < to; i++) sum += columns[i] as number
    return sum / (to - from)
  })
}

function fitLine(columns: Float64Array): { readonly offset: number; readonly slope: number } {
  const n = columns.length
  const middle = (n - 1) / 2
  let [mean, above, below] = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    mean += (columns[i] as number) / n
    above += (i - middle) * (columns[i] as number)
    below += (i - middle) ** 2
  }
  const slope = above / Math.max(1, below)
  return { offset: mean - slope * middle, slope }
}

function spreadOf(samples: Float32Array): number {
  let [sum, squares] = [0, 0]
  for (const value of samples) {
    sum += value
    squares += value * value
  }
  const mean = sum / samples.length
  return Math.sqrt(Math.max(1e-6, squares / samples.length - mean * mean))
}
