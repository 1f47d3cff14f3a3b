/**
 * Cell rarity: how strange the noise of each place is among the other places of the same picture.
 *
 * What light, structure and position explain is fitted away from each number, then what neighbours share; what is left is averaged over windows of some
 * sizes and made white by its own robust covariance, so that on plain noise the squares of four independent deviates add up.
 */
import { type CellGrid, NOISE_COUNT, SIGHT_COUNT } from './cell-grid.ts'
import { rarityOfSquares } from './own-tail.ts'
import { choleskyOf, fitAway, medianOf, solveLower, spreadOf } from './robust-fit.ts'

/** Cells to a side of the windows that are averaged. */
export const WINDOWS = [1, 2, 4] as const
/** Share of a window's cells that have to be usable. */
const USABLE_SHARE = 0.7
/** Cells that the ring around a window is wide. */
const RING = Number(process.env.RING ?? 2)
/** 1, light, light², structure, structure², light × structure, x, y, x², y², xy. */
const TERMS = 11
/** Deviations beyond which a value is drawn in before covariances are taken. */
const CLIP = 3

export interface RarityMap {
  /** Cells to a side of a window. */
  readonly side: number
  /** Windows by their upper left cell, row by row in the grid's columns and rows; NaN where too few cells are usable. */
  readonly rarity: Float64Array
  /** Deviations of {@link NOISE_COUNT} numbers for each window, before whitening; signs say in which way. */
  readonly deviation: Float64Array
}

/** One map for each of {@link WINDOWS}. */
export function rateCells(grid: CellGrid): RarityMap[] {
  const rests = explainAway(grid)
  return WINDOWS.map((side) => rateWindows(contrastWindows(rests, grid, side), side))
}

/** What neither sight nor position explains; NaN for cells that cannot be judged. */
function explainAway({ columns, rows, noise, sight, isUsable }: CellGrid): Float64Array {
  const places = usablePlaces(isUsable)
  const terms = new Float64Array(places.length * TERMS)
  places.forEach((place, i) => {
    const light = 2 * (sight[place * SIGHT_COUNT] as number) - 1
    const structure = (sight[place * SIGHT_COUNT + 1] as number) / 4
    const x = (2 * (place % columns)) / columns - 1
    const y = (2 * Math.floor(place / columns)) / rows - 1
    terms.set(
      [1, light, light * light, structure, structure * structure, light * structure, x, y, x * x, y * y, x * y],
      i * TERMS,
    )
  })
  const rests = new Float64Array(noise.length).fill(Number.NaN)
  for (let k = 0; k < NOISE_COUNT; k++) {
    const values = Float64Array.from(places, (place) => noise[place * NOISE_COUNT + k] as number)
    const rest = fitAway(values, terms, TERMS)
    places.forEach((place, i) => {
      rests[place * NOISE_COUNT + k] = rest[i] as number
    })
  }
  return rests
}

function usablePlaces(isUsable: Uint8Array): number[] {
  const places: number[] = []
  isUsable.forEach((usable, place) => {
    if (usable === 1) places.push(place)
  })
  return places
}

/** Mean of each window less the mean of the ring around it. */
function contrastWindows(rests: Float64Array, { columns, rows }: CellGrid, side: number): Float64Array {
  const tables = tablesOf(rests, columns, rows)
  const means = new Float64Array(rests.length).fill(Number.NaN)
  for (let row = 0; row + side <= rows; row++) {
    for (let column = 0; column + side <= columns; column++) {
      const box = { left: column, top: row, right: column + side, bottom: row + side }
      const around = {
        left: Math.max(0, column - RING),
        top: Math.max(0, row - RING),
        right: Math.min(columns, column + side + RING),
        bottom: Math.min(rows, row + side + RING),
      }
      const inside = sumBox(tables[NOISE_COUNT] as Float64Array, columns, box)
      const outside = sumBox(tables[NOISE_COUNT] as Float64Array, columns, around) - inside
      if (inside < USABLE_SHARE * side * side || outside < side * side) continue
      const at = (row * columns + column) * NOISE_COUNT
      for (let k = 0; k < NOISE_COUNT; k++) {
        const within = sumBox(tables[k] as Float64Array, columns, box)
        const ring = (sumBox(tables[k] as Float64Array, columns, around) - within) / outside
        means[at + k] = within / inside - RINGW * ring
      }
    }
  }
  return means
}
const RINGW = Number(process.env.RINGW ?? 1)

interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** Summed-area tables of each number, and of how many cells are usable. */
function tablesOf(rests: Float64Array, columns: number, rows: number): Float64Array[] {
  const stride = columns + 1
  const tables = Array.from({ length: NOISE_COUNT + 1 }, () => new Float64Array(stride * (rows + 1)))
  tables.forEach((table, k) => {
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let column = 0; column < columns; column++) {
        const at = (row * columns + column) * NOISE_COUNT
        if (!Number.isNaN(rests[at] as number)) sum += k === NOISE_COUNT ? 1 : (rests[at + k] as number)
        table[(row + 1) * stride + column + 1] = (table[row * stride + column + 1] as number) + sum
      }
    }
  })
  return tables
}

function sumBox(table: Float64Array, columns: number, { left, top, right, bottom }: Box): number {
  const stride = columns + 1
  return (
    (table[bottom * stride + right] as number) -
    (table[top * stride + right] as number) -
    (table[bottom * stride + left] as number) +
    (table[top * stride + left] as number)
  )
}

function rateWindows(means: Float64Array, side: number): RarityMap {
  const count = means.length / NOISE_COUNT
  const places: number[] = []
  for (let place = 0; place < count; place++) if (!Number.isNaN(means[place * NOISE_COUNT] as number)) places.push(place)
  const deviation = new Float64Array(means.length)
  for (let k = 0; k < NOISE_COUNT; k++) {
    const values = Float64Array.from(places, (place) => means[place * NOISE_COUNT + k] as number)
    const middle = medianOf(values)
    const spread = Math.max(spreadOf(values), 1e-9)
    places.forEach((place, i) => {
      deviation[place * NOISE_COUNT + k] = ((values[i] as number) - middle) / spread
    })
  }
  const root = choleskyOf(covarianceOf(deviation, places), NOISE_COUNT)
  const rarity = new Float64Array(count).fill(Number.NaN)
  for (const place of places) {
    const white = solveLower(root, deviation.subarray(place * NOISE_COUNT, (place + 1) * NOISE_COUNT), NOISE_COUNT)
    rarity[place] = rarityOfSquares(white.reduce((sum, value) => sum + value * value, 0))
  }
  return { side, rarity, deviation }
}

/** Of deviations drawn in to ±{@link CLIP}, so that a forged place does not set the measure it is judged by. */
function covarianceOf(deviation: Float64Array, places: readonly number[]): Float64Array {
  const square = new Float64Array(NOISE_COUNT * NOISE_COUNT)
  const drawnIn = (at: number): number => Math.max(-CLIP, Math.min(CLIP, deviation[at] as number))
  for (const place of places) {
    for (let a = 0; a < NOISE_COUNT; a++)
      for (let b = 0; b <= a; b++)
        square[a * NOISE_COUNT + b] =
          (square[a * NOISE_COUNT + b] as number) +
          (drawnIn(place * NOISE_COUNT + a) * drawnIn(place * NOISE_COUNT + b)) / places.length
  }
  return square
}
