/**
 * Cell grid: a few numbers on the noise of each small square of a picture, and on what the square shows.
 *
 * Noise depends on light and on how much of the structure leaks through the high pass; so both are measured beside it, to be allowed for.
 * Cells start at multiples of their side, which keeps them in step with blocks of 8 that a codec may have left.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { type HighPass, highPass, KERNEL_GAIN } from './high-pass.ts'
import { medianOf } from './robust-fit.ts'

/** Samples to a side of a cell. */
export const CELL = 16
/** Log variance, log ratio of coarse to fine, autocorrelation at one sample, and tails: log ratio of variance to squared mean size (R. C. Geary 1935). */
export const NOISE_COUNT = 4
/** Mean light as a share of white, log energy of differences eight samples apart. */
export const SIGHT_COUNT = 2

export interface CellGrid {
  readonly columns: number
  readonly rows: number
  /** {@link NOISE_COUNT} numbers for each cell, row by row. */
  readonly noise: Float64Array
  /** {@link SIGHT_COUNT} numbers for each cell. */
  readonly sight: Float64Array
  /** 1 where the cell can be judged. */
  readonly isUsable: Uint8Array
}

/** Share of samples at either end of the range above which a cell is saturated. */
const SATURATED_SHARE = 0.05
const REACH = 4

/** Cost: linear in the samples. */
export function measureCells(view: GreyView, passed: HighPass = highPass(view)): CellGrid {
  const columns = Math.floor(view.width / CELL)
  const rows = Math.floor(view.height / CELL)
  const count = columns * rows
  const grid = {
    columns,
    rows,
    noise: new Float64Array(count * NOISE_COUNT),
    sight: new Float64Array(count * SIGHT_COUNT),
    isUsable: new Uint8Array(count),
  }
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) measureCell(view, passed, { column, row }, grid)
  takeLogarithms(grid)
  return grid
}

function measureCell(
  { width, height, samples, white }: GreyView,
  { fine, coarse }: HighPass,
  { column, row }: { readonly column: number; readonly row: number },
  grid: CellGrid,
): void {
  // A frame of REACH samples at the picture's edge has no neighbours to be measured against.
  const left = Math.max(REACH, column * CELL)
  const right = Math.min(width - REACH, column * CELL + CELL)
  const top = Math.max(REACH, row * CELL)
  const bottom = Math.min(height - REACH, row * CELL + CELL)
  let [sum, ends, energy] = [0, 0, 0]
  let [second, size, lagged, coarseSecond] = [0, 0, 0, 0]
  for (let y = top; y < bottom; y++) {
    for (let i = y * width + left, end = y * width + right; i < end; i++) {
      const value = samples[i] as number
      const f = fine[i] as number
      const c = coarse[i] as number
      sum += value
      if (value <= 0 || value >= white) ends++
      const across = (samples[i + REACH] as number) - (samples[i - REACH] as number)
      const down = (samples[i + REACH * width] as number) - (samples[i - REACH * width] as number)
      energy += across * across + down * down
      const square = f * f
      second += square
      size += f < 0 ? -f : f
      lagged += f * ((fine[i - 1] as number) + (fine[i - width] as number))
      coarseSecond += c * c
    }
  }
  const count = (right - left) * (bottom - top)
  const at = row * grid.columns + column
  const variance = second / count
  if (count < (CELL * CELL) / 3 || ends > SATURATED_SHARE * count || second === 0) return
  grid.isUsable[at] = 1
  // Rounding to whole steps adds a twelfth of variance; so no logarithm runs away where noise is below a step.
  const floor = KERNEL_GAIN / 12
  const { noise, sight } = grid
  noise[at * NOISE_COUNT] = Math.log(variance + floor)
  noise[at * NOISE_COUNT + 1] = Math.log((coarseSecond / count + floor) / (variance + floor))
  noise[at * NOISE_COUNT + 2] = lagged / (2 * second)
  noise[at * NOISE_COUNT + 3] = Math.log((count * second) / (size * size))
  sight[at * SIGHT_COUNT] = sum / count / white
  // Noise has a share in the differences; as a measure of structure it would explain itself away.
  sight[at * SIGHT_COUNT + 1] = Math.max(0, energy / count - (4 * variance) / KERNEL_GAIN)
}

/** Structure counts from where it is as large as the noise usually is. */
function takeLogarithms({ noise, sight, isUsable }: CellGrid): void {
  const levels: number[] = []
  isUsable.forEach((usable, at) => {
    if (usable === 1) levels.push(noise[at * NOISE_COUNT] as number)
  })
  const floor = (4 * Math.exp(medianOf(Float64Array.from(levels)))) / KERNEL_GAIN
  for (let at = 1; at < sight.length; at += SIGHT_COUNT) sight[at] = Math.log((sight[at] as number) + floor)
}
