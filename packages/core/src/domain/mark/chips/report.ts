/**
 * Report: how far a frame with chips is from what it was.
 *
 * Source: docs/reference/mark.md, "Chips", "Strength".
 */
import { maximumOf, type Plane } from '../../pixels/plane.ts'
import type { CellGrid } from './geometry.ts'
import { renderGrey, type View } from './look.ts'
import { sampleGrid } from './sample-grid.ts'
import { residual } from './whiten.ts'

export interface ChipReport {
  /** PSNR of the stored values in dB, peak 2^bits − 1; Infinity where nothing changed. */
  readonly storedPsnr: number
  /** PSNR in each view in dB, peak 255. */
  readonly displayPsnrs: readonly number[]
  /** Largest change of a stored value. */
  readonly maxChange: number
  /** For each view, noise power that the chips add in their own band, over what the picture has there: 0.05 is 5 %. */
  readonly addedPowers: readonly number[]
}

interface Frames {
  readonly planes: readonly Plane[]
  readonly painted: readonly Plane[]
  readonly grid: CellGrid
  readonly views: readonly View[]
}

export function reportChips({ planes, painted, grid, views }: Frames): ChipReport {
  const before = planes[0] as Plane
  const after = painted[0] as Plane
  let square = 0
  let maxChange = 0
  for (let i = 0; i < before.samples.length; i++) {
    const change = (after.samples[i] as number) - (before.samples[i] as number)
    square += change * change
    if (Math.abs(change) > maxChange) maxChange = Math.abs(change)
  }
  const shown = views.map((view) => compareShown(renderGrey(planes, view), renderGrey(painted, view), before, grid))
  return {
    storedPsnr: psnr(square / before.samples.length, maximumOf(before)),
    displayPsnrs: shown.map(({ displayPsnr }) => displayPsnr),
    maxChange,
    addedPowers: shown.map(({ addedPower }) => addedPower),
  }
}

const psnr = (meanSquare: number, peak: number): number => 10 * Math.log10(peak ** 2 / meanSquare)

function compareShown(before: Float32Array, after: Float32Array, { width, height }: Plane, grid: CellGrid) {
  const change = after.map((value, i) => value - (before[i] as number))
  const power = (samples: Float32Array) => {
    const step = Math.min(width, height) / grid.across / 2
    const columns = 2 * grid.columns + 1
    const rows = 2 * grid.rows + 1
    const values = sampleGrid(
      { width, height, samples },
      { first: 0, step, count: columns },
      { first: 0, step, count: rows },
    )
    return residual({ columns, rows, values }).reduce((sum, value) => sum + value * value, 0)
  }
  const meanSquare = change.reduce((sum, value) => sum + value * value, 0) / change.length
  return { displayPsnr: psnr(meanSquare, 255), addedPower: power(change) / power(before) }
}
