/**
 * Midline: the column about which a frontal chest is most alike on both sides, for the picture as a whole and for each row.
 *
 * Method, on a shrunken plane: for the whole, the correlation of a window with its mirror image, over the columns of the middle. For
 * rows, in bands, the columns between a rising and a falling edge as far apart as those of a spine, the best chain of them (Viterbi), smoothed.
 * Limits: upright frontal pictures, turned by a few degrees at most; behind a heart or below the diaphragm hardly an edge is seen.
 */
import { blurField, type Field, shrinkField, valueAt, weighField } from './field.ts'

const COLUMNS = 128
/** The same where the spine of each row is looked for. */
const FINE_COLUMNS = 256
/** Share of the width to each side of the middle within which the midline is looked for. */
const SEARCH = 0.15
/** The same for the spine in one row, about the midline of the picture. */
const SPINE_SEARCH = 0.07
/** Share of the height of a band that a row's column is found from. */
const BAND = 1 / 16
/** Slope of an edge that is trusted by half, deviations of the picture from its means a sample. */
const EDGE = 0.03
/** What the trust in a row is weighed against. */
const DOUBT = 0.1
/** Score that a step of one column from row to row costs. */
const BEND_COST = 0.05

/** A column in samples, between samples; 0 is the middle of the leftmost. */
export function findMidline(field: Field): number {
  const { plane, factor } = shrinkToSearch(field, COLUMNS)
  const scores = candidates(plane).map((column) => ({ column, score: likeness(plane, column, 0, plane.height) }))
  const best = scores.reduce((first, second) => (second.score > first.score ? second : first))
  const at = (column: number): number => scores.find((entry) => entry.column === column)?.score ?? best.score
  return toFull(best.column + peakOffset(at(best.column - 0.5), best.score, at(best.column + 0.5)) / 2, factor)
}

/**
 * One column for each row: the spine's as far as both of its edges are to be seen, elsewhere the straight line that fits it best.
 */
export function findRowMidlines(field: Field): Float32Array {
  const { plane, factor } = shrinkToSearch(field, FINE_COLUMNS)
  const middle = Math.round((findMidline(field) + 0.5) / factor - 0.5)
  const search = Math.max(3, Math.round(SPINE_SEARCH * plane.width))
  const columns = Array.from({ length: 2 * search + 1 }, (_, i) => middle - search + i)
  const rows = bandScores(plane, columns)
  const chain = bestChain(rows)
  const found = Float32Array.from(chain, (i) => columns[i] as number)
  const trust = Float32Array.from(chain, (i, y) => rows[y]?.[i] ?? 0)
  const smooth = smoothTrusted(found, trust)
  return Float32Array.from({ length: field.height }, (_, y) => {
    const v = Math.min(plane.height - 1, Math.max(0, (y + 0.5) / factor - 0.5))
    const above = Math.min(plane.height - 2, Math.floor(v))
    const t = v - above
    return toFull((smooth[above] as number) * (1 - t) + (smooth[above + 1] as number) * t, factor)
  })
}

/** Least squares over the rows; all weigh the same without `weights`. */
export function fitLine(
  columns: Float32Array,
  weights?: Float32Array,
): { readonly offset: number; readonly slope: number } {
  let [mass, row, column] = [0, 0, 0]
  const weightOf = (y: number): number => (weights === undefined ? 1 : (weights[y] as number))
  for (let y = 0; y < columns.length; y++) {
    mass += weightOf(y)
    row += weightOf(y) * y
    column += weightOf(y) * (columns[y] as number)
  }
  const [middle, mean] = [row / mass, column / mass]
  let [product, square] = [0, 0]
  for (let y = 0; y < columns.length; y++) {
    product += weightOf(y) * (y - middle) * ((columns[y] as number) - mean)
    square += weightOf(y) * (y - middle) ** 2
  }
  const slope = square > 0 ? product / square : 0
  return { offset: mean - slope * middle, slope }
}

/** For each row and each of some columns how far it lies between a rising and a falling edge, as a spine does; 0 to 1. */
function bandScores(plane: Field, columns: readonly number[]): number[][] {
  const { width, height } = plane
  const tall = blurField(plane, Math.max(1, height * BAND)).samples
  const wide = blurField(plane, 1).samples
  // Along columns the mean of a band, along rows the picture as it is: a tall mean without a wide one.
  const band = columnBlur({ width, height, samples: wide }, Math.max(1, Math.round((height * BAND) / 2)))
  const spread = Math.sqrt(
    tall.reduce((sum, value, i) => sum + ((plane.samples[i] as number) - value) ** 2, 0) / tall.length,
  )
  const slopeAt = (x: number, y: number): number =>
    x < 1 || x > width - 2 ? 0 : ((band[y * width + x + 1] as number) - (band[y * width + x - 1] as number)) / 2
  const widths = Array.from({ length: 8 }, (_, i) => Math.round((0.03 + 0.006 * i) * width))
  return Array.from({ length: height }, (_, y) =>
    columns.map((column) => {
      const edges = widths.map((half) => Math.min(slopeAt(column - half, y), -slopeAt(column + half, y)))
      const strength = Math.max(0, ...edges) / (spread || 1)
      return strength / (strength + EDGE)
    }),
  )
}

/** The mean over 2 · reach + 1 rows. */
function columnBlur({ width, height, samples }: Field, reach: number): Float32Array {
  const weights = new Float32Array(2 * reach + 1).fill(1 / (2 * reach + 1))
  return weighField({ width, height, samples }, Float32Array.of(1), weights).samples
}

/** What was found where it is trusted, drawn to the line through it elsewhere. */
function smoothTrusted(found: Float32Array, trust: Float32Array): Float32Array {
  const line = fitLine(
    found,
    trust.map((weight) => weight + 1e-3),
  )
  const asColumn = (samples: Float32Array): Field => ({ width: 1, height: samples.length, samples })
  const deviation = 0.07 * found.length
  const bends = found.map((column, y) => (trust[y] as number) * (column - line.offset - line.slope * y))
  const sums = blurField(asColumn(bends), deviation).samples
  const mass = blurField(asColumn(trust), deviation).samples
  return sums.map((sum, y) => line.offset + line.slope * y + sum / ((mass[y] as number) + DOUBT))
}

function shrinkToSearch(field: Field, columns: number): { readonly plane: Field; readonly factor: number } {
  const factor = Math.max(1, Math.floor(field.width / columns))
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
