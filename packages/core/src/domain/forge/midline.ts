/**
 * Midline: the column about which a frontal chest is most alike on both sides, for the picture as a whole and for each row.
 *
 * Method: on a plane of about 128 columns, the correlation of a window with its mirror image, over the columns of the middle; for rows, with bands
 * of a twelfth of the height, the best chain of columns (Viterbi), smoothed. Limits: upright frontal pictures, turned by a few degrees at most.
 */
import { blurField, type Field, shrinkField, valueAt } from './field.ts'

const COLUMNS = 128
/** Share of the width to each side of the middle within which the midline is looked for. */
const SEARCH = 0.15
/** Share of the height of a band that a row's column is found from. */
const BAND = 1 / 12
/** Correlation that a step of one column from row to row costs. */
const BEND_COST = 0.02

/** A column in samples, between samples; 0 is the middle of the leftmost. */
export function findMidline(field: Field): number {
  const small = shrinkToSearch(field)
  const { plane, factor } = small
  const scores = candidates(plane).map((column) => ({ column, score: likeness(plane, column, 0, plane.height) }))
  const best = scores.reduce((first, second) => (second.score > first.score ? second : first))
  const at = (column: number): number => scores.find((entry) => entry.column === column)?.score ?? best.score
  return toFull(best.column + peakOffset(at(best.column - 0.5), best.score, at(best.column + 0.5)) / 2, factor)
}

/** One column for each row. */
export function findRowMidlines(field: Field): Float32Array {
  const { plane, factor } = shrinkToSearch(field)
  const middle = Math.round((findMidline(field) + 0.5) / factor - 0.5)
  const search = Math.max(3, Math.round(0.06 * plane.width))
  const columns = Array.from({ length: 4 * search + 1 }, (_, i) => middle - search + i / 2)
  const half = Math.max(3, Math.round((BAND / 2) * plane.height))
  const rows = Array.from({ length: plane.height }, (_, y) =>
    columns.map((column) => likeness(plane, column, Math.max(0, y - half), Math.min(plane.height, y + half))),
  )
  const chain = bestChain(rows).map((i) => columns[i] as number)
  const smooth = blurField(
    { width: 1, height: chain.length, samples: Float32Array.from(chain) },
    0.04 * plane.height,
  ).samples
  return Float32Array.from({ length: field.height }, (_, y) => {
    const v = Math.min(plane.height - 1, Math.max(0, (y + 0.5) / factor - 0.5))
    const above = Math.min(plane.height - 2, Math.floor(v))
    const t = v - above
    return toFull((smooth[above] as number) * (1 - t) + (smooth[above + 1] as number) * t, factor)
  })
}

function shrinkToSearch(field: Field): { readonly plane: Field; readonly factor: number } {
  const factor = Math.max(1, Math.floor(field.width / COLUMNS))
  return { plane: blurField(shrinkField(field, factor), 1), factor }
}

const toFull = (column: number, factor: number): number => (column + 0.5) * factor - 0.5

/** Columns and the places half way between them. */
function candidates({ width }: Field): readonly number[] {
  const reach = Math.round(SEARCH * width)
  const middle = Math.round(width / 2)
  return Array.from({ length: 4 * reach + 1 }, (_, i) => middle - reach + i / 2)
}

/** Correlation of what lies right of `column` with what lies left of it, over some rows; −1 to 1, 0 where it is flat. */
function likeness(plane: Field, column: number, top: number, bottom: number): number {
  const reach = Math.min(Math.floor(0.3 * plane.width), Math.floor(column), Math.floor(plane.width - 1 - column))
  let [count, left, right, leftSquare, rightSquare, product] = [0, 0, 0, 0, 0, 0]
  const start = Number.isInteger(column) ? 1 : 0.5
  for (let y = top; y < bottom; y++) {
    for (let d = start; d <= reach; d++) {
      const a = plane.samples[y * plane.width + column - d] as number
      const b = plane.samples[y * plane.width + column + d] as number
      count++
      left += a
      right += b
      leftSquare += a * a
      rightSquare += b * b
      product += a * b
    }
  }
  const spread = (leftSquare - (left * left) / count) * (rightSquare - (right * right) / count)
  return spread > 0 ? (product - (left * right) / count) / Math.sqrt(spread) : 0
}

/** The chain of one choice a row with the highest sum. */
function bestChain(rows: readonly (readonly number[])[]): number[] {
  const from: Int32Array[] = []
  let sums = Float64Array.from(rows[0] ?? [])
  for (const scores of rows.slice(1)) {
    const chosen = new Int32Array(scores.length)
    const before = sums
    sums = Float64Array.from(scores, (score, i) => {
      let best = i
      for (let j = Math.max(0, i - 2); j <= Math.min(scores.length - 1, i + 2); j++) {
        const cost = (k: number): number => (before[k] as number) - BEND_COST * Math.abs(k - i)
        if (cost(j) > cost(best)) best = j
      }
      chosen[i] = best
      return score + (before[best] as number) - BEND_COST * Math.abs(best - i)
    })
    from.push(chosen)
  }
  let at = sums.reduce((best, sum, i) => (sum > (sums[best] as number) ? i : best), 0)
  const chain = [at]
  for (const chosen of from.reverse()) {
    at = chosen[at] as number
    chain.unshift(at)
  }
  return chain
}

/** Where a parabola through three values one apart has its peak, −.5 to .5. */
function peakOffset(before: number, here: number, after: number): number {
  const bend = before - 2 * here + after
  return bend >= 0 ? 0 : Math.max(-0.5, Math.min(0.5, (before - after) / (2 * bend)))
}

/** The field mirrored about a column; where it has no partner the outermost value. */
export function mirrorAbout(field: Field, column: number): Float32Array {
  const { width, height } = field
  const isOnGrid = Number.isInteger(2 * column)
  const result = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const from = Math.min(width - 1, Math.max(0, 2 * column - x))
      result[i] = isOnGrid ? (field.samples[y * width + from] as number) : valueAt(field, from, y)
    }
  }
  return result
}
