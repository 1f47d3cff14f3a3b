/**
 * Align: moves the place of a thumbnail on a picture until the two fit as well as they can.
 *
 * Source: Gauss–Newton on the six numbers of an affine map (Lucas and Kanade 1981), with Tukey's weights so that what was altered
 * does not pull. The chips say where the picture lies to a fraction of one of their cells; edges ask for better.
 */
import type { Place } from './place.ts'
import { medianOf } from './tone-curve.ts'

const ROUNDS = 6
/** Rounds that only shift: a rough place must not turn into a stretched one. */
const SHIFTS = 3
/** In cells: a step beyond this is no fine adjustment. */
const FARTHEST = 1.5
const UNKNOWNS = 6
/** In cells. */
const FIRST_SHIFT = 0.4
const LAST_SHIFT = 0.1
const NEIGHBOURS = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const

export interface Alignment {
  readonly columns: number
  readonly rows: number
  /** What the picture should show in each cell. */
  readonly expected: Float32Array
  /** What it does show there. */
  read(place: Place): Float32Array
}

/**
 * Tries shifts around a place, half as far each time no neighbour is better.
 * @param measure  how badly a place fits
 */
export function shiftPlace(start: Place, measure: (place: Place) => number): Place {
  let [place, least] = [start, measure(start)]
  for (let reach = FIRST_SHIFT; reach >= LAST_SHIFT; reach /= 2) {
    for (let tries = 0, isBetter = true; isBetter && tries < 3; tries++) {
      isBetter = false
      for (const [x, y] of NEIGHBOURS) {
        const moved = {
          ...place,
          c: place.c + reach * (x * place.a + y * place.b),
          f: place.f + reach * (x * place.d + y * place.e),
        }
        const fit = measure(moved)
        if (!(fit < least)) continue
        ;[place, least, isBetter] = [moved, fit, true]
      }
    }
  }
  return place
}

/** @returns the place as it is where no better one is found */
export function alignPlace(start: Place, alignment: Alignment): Place {
  let place = start
  let means = alignment.read(place)
  let spread = misfit(alignment, means)
  for (let round = 0; round < ROUNDS; round++) {
    const step = solveStep(alignment, means, { spread, isShift: round < SHIFTS })
    const moved = step === undefined ? undefined : movePlace(place, step, alignment)
    if (moved === undefined) break
    const seen = alignment.read(moved)
    const after = misfit(alignment, seen)
    if (!(after < spread)) {
      if (round >= SHIFTS) break
      round = SHIFTS - 1
      continue
    }
    place = moved
    means = seen
    spread = after
  }
  return place
}

/** Median size of what does not fit, over cells at edges, where a shift shows. */
export function misfit({ expected, columns }: Omit<Alignment, 'read'>, means: Float32Array): number {
  const sizes: number[] = []
  for (let i = columns; i < means.length - columns; i++) {
    const across = Math.abs((expected[i + 1] as number) - (expected[i - 1] as number))
    const down = Math.abs((expected[i + columns] as number) - (expected[i - columns] as number))
    if (across + down > 4 && !Number.isNaN(means[i]))
      sizes.push(Math.abs((means[i] as number) - (expected[i] as number)))
  }
  return sizes.length > 100 ? medianOf(sizes) : 0
}

/** How far each cell should move, in cells: (p0 + p1·x + p2·y, p3 + p4·x + p5·y), x and y from −1 to 1. */
function solveStep(
  { expected, columns, rows }: Alignment,
  means: Float32Array,
  { spread, isShift }: { readonly spread: number; readonly isShift: boolean },
): Float64Array | undefined {
  const errors = means.map((mean, i) => (expected[i] as number) - mean)
  const limit = 4.685 * Math.max(1.4826 * spread, 0.5)
  const normal = new Float64Array(UNKNOWNS * (UNKNOWNS + 1))
  const slopes = new Float64Array(UNKNOWNS)
  for (let row = 1; row < rows - 1; row++) {
    for (let column = 1; column < columns - 1; column++) {
      const i = row * columns + column
      const across = (slopeAt(means, i, 1) + slopeAt(expected, i, 1)) / 2
      const down = (slopeAt(means, i, columns) + slopeAt(expected, i, columns)) / 2
      const error = errors[i] as number
      if (!(Math.abs(error) < limit) || Number.isNaN(across) || Number.isNaN(down)) continue
      const weight = (1 - (error / limit) ** 2) ** 2
      const [x, y] = [(2 * column) / columns - 1, (2 * row) / rows - 1]
      slopes.set(isShift ? [across, 0, 0, down] : [across, across * x, across * y, down, down * x, down * y])
      for (let j = 0; j < UNKNOWNS; j++) {
        const factor = weight * (slopes[j] as number)
        const at = j * (UNKNOWNS + 1)
        for (let k = 0; k < UNKNOWNS; k++) normal[at + k] = (normal[at + k] as number) + factor * (slopes[k] as number)
        normal[at + UNKNOWNS] = (normal[at + UNKNOWNS] as number) + factor * error
      }
    }
  }
  // What may not move is held where it is.
  if (isShift) for (const j of [1, 2, 4, 5]) normal[j * (UNKNOWNS + 1) + j] = 1
  return eliminate(normal)
}

function movePlace(place: Place, step: Float64Array, { columns, rows }: Alignment): Place | undefined {
  const [p0, p1, p2, p3, p4, p5] = step as unknown as [number, number, number, number, number, number]
  if (Math.abs(p0) + Math.abs(p1) + Math.abs(p2) > FARTHEST) return undefined
  if (Math.abs(p3) + Math.abs(p4) + Math.abs(p5) > FARTHEST) return undefined
  // Moved, the cell (column, row) is at (column + u, row + v), and that at its old place on the picture.
  const [ux, uy, u] = [(2 * p1) / columns, (2 * p2) / rows, p0 - p1 - p2]
  const [vx, vy, v] = [(2 * p4) / columns, (2 * p5) / rows, p3 - p4 - p5]
  const { a, b, c, d, e, f } = place
  return {
    a: a * (1 + ux) + b * vx,
    b: a * uy + b * (1 + vy),
    c: a * u + b * v + c,
    d: d * (1 + ux) + e * vx,
    e: d * uy + e * (1 + vy),
    f: d * u + e * v + f,
  }
}

/** Grey levels a cell; NaN beside what is not seen. */
function slopeAt(values: Float32Array, i: number, step: number): number {
  return ((values[i + step] as number) - (values[i - step] as number)) / 2
}

/** Gauss–Jordan with pivots; undefined where the picture is too plain to say. */
function eliminate(matrix: Float64Array): Float64Array | undefined {
  const width = UNKNOWNS + 1
  const at = (row: number, column: number): number => matrix[row * width + column] as number
  for (let pivot = 0; pivot < UNKNOWNS; pivot++) {
    let best = pivot
    for (let row = pivot + 1; row < UNKNOWNS; row++)
      if (Math.abs(at(row, pivot)) > Math.abs(at(best, pivot))) best = row
    if (Math.abs(at(best, pivot)) < 1e-6) return undefined
    for (let k = 0; k < width; k++) {
      const value = at(pivot, k)
      matrix[pivot * width + k] = at(best, k)
      matrix[best * width + k] = value
    }
    for (let row = 0; row < UNKNOWNS; row++) {
      if (row === pivot) continue
      const factor = at(row, pivot) / at(pivot, pivot)
      for (let k = pivot; k < width; k++) matrix[row * width + k] = at(row, k) - factor * at(pivot, k)
    }
  }
  return Float64Array.from({ length: UNKNOWNS }, (_, row) => at(row, UNKNOWNS) / at(row, row))
}
