/**
 * Cell choice: the cells that hold grain and not letters, ends of the range, or the picture's edge.
 *
 * Markers and devices are what departs most from the rest of a real radiograph; a place judged strange because of one says nothing.
 * Known flaw: whoever edits inside a marker, or at the very edge, is not looked at.
 */
import { type CellGrid, NOISE_COUNT, SIGHT_COUNT } from './cell-grid.ts'
import { medianOf, quantileOf, spreadOf } from './robust-fit.ts'

/** Cells at each edge that are left out, of large grids. */
const EDGE = 2
/** Share of the grid's shorter side that may go to one edge. */
const EDGE_SHARE = 1 / 16
/** Share of the picture's own range of light that is left out at either end. */
const LIGHT_SHARE = 0.06
/** Deviations of the tails beyond which a cell holds lines or letters. */
const LINES = 6

/** 1 for each cell that is to be judged. */
export function chooseCells(grid: CellGrid): Uint8Array {
  const { columns, rows, isUsable } = grid
  const chosen = isUsable.slice()
  const edge = Math.min(EDGE, Math.floor(Math.min(columns, rows) * EDGE_SHARE))
  const [dark, bright] = rangeOfLight(grid)
  const lines = linesFrom(grid)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const place = row * columns + column
      const light = grid.sight[place * SIGHT_COUNT] as number
      const isInside = row >= edge && row < rows - edge && column >= edge && column < columns - edge
      if (!isInside || light < dark || light > bright) chosen[place] = 0
      if (isUsable[place] === 1 && (grid.noise[place * NOISE_COUNT + 3] as number) > lines)
        clearAround(chosen, grid, row, column)
    }
  }
  return chosen
}

/** Where the range is narrow, as in a field of plain noise, all of it. */
function rangeOfLight({ sight, isUsable }: CellGrid): readonly [number, number] {
  const lights = numbersOf(sight, isUsable, 0, SIGHT_COUNT).sort()
  const [low, high] = [quantileOf(lights, 0.01), quantileOf(lights, 0.99)]
  const share = high - low < 0.05 * high ? -1 : LIGHT_SHARE
  return [low + share * (high - low), high - share * (high - low)]
}

function linesFrom({ noise, isUsable }: CellGrid): number {
  const tails = numbersOf(noise, isUsable, 3, NOISE_COUNT)
  return medianOf(tails) + LINES * spreadOf(tails)
}

function numbersOf(all: Float64Array, isUsable: Uint8Array, first: number, stride: number): Float64Array {
  const numbers: number[] = []
  isUsable.forEach((usable, place) => {
    if (usable === 1) numbers.push(all[place * stride + first] as number)
  })
  return Float64Array.from(numbers)
}

function clearAround(chosen: Uint8Array, { columns, rows }: CellGrid, row: number, column: number): void {
  for (let v = Math.max(0, row - 1); v <= Math.min(rows - 1, row + 1); v++)
    for (let u = Math.max(0, column - 1); u <= Math.min(columns - 1, column + 1); u++) chosen[v * columns + u] = 0
}
