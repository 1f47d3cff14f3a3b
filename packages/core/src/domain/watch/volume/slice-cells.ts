/**
 * Slice cells: for small squares of each slice, how much noise there is, how it goes on into the next slice, and how far the slice lies from the mean
 * of its neighbours.
 *
 * Only what is left of a slice after the high pass is compared, so that anatomy, which goes on from slice to slice, hardly counts. Slices come one
 * after another and three residuals are held: the memory is that of a few slices however many there are, and 12 bytes a cell.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { crossDifference, KERNEL_GAIN } from '../residual/high-pass.ts'

/** Log variance, correlation with the next slice, log distance from the mean of both neighbours. */
export const NUMBERS = 3
const SATURATED_SHARE = 0.3

export interface SliceCells {
  readonly columns: number
  readonly rows: number
  /** Samples to a side of a cell. */
  readonly cell: number
  /** {@link NUMBERS} for each cell, row by row; NaN where it cannot be said, as for the neighbours of the first and last slice. */
  readonly slices: readonly Float32Array[]
}

interface Held {
  readonly fine: Float32Array
  readonly squares: Float64Array
  readonly numbers: Float32Array
}

/** @returns undefined where sizes differ. Cost: linear in the samples. */
export function measureSlices(slices: Iterable<GreyView>): SliceCells | undefined {
  const measured: Float32Array[] = []
  let before: Held | undefined
  let middle: Held | undefined
  let shape = { width: 0, height: 0, columns: 0, rows: 0, cell: 16 }
  for (const slice of slices) {
    if (measured.length === 0) shape = shapeOf(slice)
    else if (slice.width !== shape.width || slice.height !== shape.height) return undefined
    const next = hold(slice, shape)
    if (middle !== undefined) linkSlices(middle, next, shape)
    if (before !== undefined && middle !== undefined) placeBetween(before, middle, next, shape)
    measured.push(next.numbers)
    before = middle
    middle = next
  }
  return { columns: shape.columns, rows: shape.rows, cell: shape.cell, slices: measured }
}

interface Shape {
  readonly width: number
  readonly height: number
  readonly columns: number
  readonly rows: number
  readonly cell: number
}

/** Small slices have small cells, so that there are enough of them. */
function shapeOf({ width, height }: GreyView): Shape {
  const cell = Math.min(width, height) < 200 ? 8 : 16
  return { width, height, cell, columns: Math.floor(width / cell), rows: Math.floor(height / cell) }
}

function hold(slice: GreyView, shape: Shape): Held {
  const fine = crossDifference(slice, 1)
  const squares = sumCells(shape, (i) => (fine[i] as number) ** 2)
  const { samples, white } = slice
  const ends = sumCells(shape, (i) => ((samples[i] as number) <= 0 || (samples[i] as number) >= white ? 1 : 0))
  const numbers = new Float32Array(squares.length * NUMBERS).fill(Number.NaN)
  const size = shape.cell ** 2
  squares.forEach((sum, at) => {
    if (sum === 0 || (ends[at] as number) > SATURATED_SHARE * size) return
    numbers[at * NUMBERS] = Math.log(sum / size + KERNEL_GAIN / 12)
  })
  return { fine, squares, numbers }
}

function linkSlices(slice: Held, next: Held, shape: Shape): void {
  const products = sumCells(shape, (i) => (slice.fine[i] as number) * (next.fine[i] as number))
  products.forEach((sum, at) => {
    const scale = Math.sqrt((slice.squares[at] as number) * (next.squares[at] as number))
    if (scale > 0 && !Number.isNaN(slice.numbers[at * NUMBERS] as number)) slice.numbers[at * NUMBERS + 1] = sum / scale
  })
}

/** 0 for noise that is new in each slice; −∞ where a slice is the mean of its neighbours, but for rounding. */
function placeBetween(before: Held, slice: Held, next: Held, shape: Shape): void {
  const bends = sumCells(
    shape,
    (i) => ((before.fine[i] as number) - 2 * (slice.fine[i] as number) + (next.fine[i] as number)) ** 2,
  )
  bends.forEach((sum, at) => {
    const apart = (before.squares[at] as number) + 4 * (slice.squares[at] as number) + (next.squares[at] as number)
    if (apart > 0 && !Number.isNaN(slice.numbers[at * NUMBERS] as number))
      slice.numbers[at * NUMBERS + 2] = Math.log(sum / apart + 1e-4)
  })
}

function sumCells({ width, columns, rows, cell }: Shape, valueAt: (i: number) => number): Float64Array {
  const sums = new Float64Array(columns * rows)
  for (let y = 0; y < rows * cell; y++) {
    const row = Math.floor(y / cell) * columns
    for (let column = 0; column < columns; column++) {
      let sum = 0
      for (let i = y * width + column * cell, end = i + cell; i < end; i++) sum += valueAt(i)
      sums[row + column] = (sums[row + column] as number) + sum
    }
  }
  return sums
}
