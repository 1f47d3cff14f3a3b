/**
 * Paint: adds the changes of cells to the pixels of their dots, or takes them away.
 *
 * Source: docs/reference/mark.md, "Chips", "Painting".
 */
import type { Plane } from '../../pixels/plane.ts'
import { type CellGrid, dotIndex } from './geometry.ts'
import { makePattern } from './pattern.ts'
import { cellHalves, parseSide } from './side.ts'

/** What is added to the pixels of dots. */
export interface Paint {
  /** Stored values; negative to take off what was painted. */
  readonly unit: number
  /** For each cell, how many half units; one half is a whole unit on every other pixel. */
  readonly halves: Int32Array
}

/**
 * A plane with the change of each cell added to the pixels of its dot.
 * @throws {RangeError} if a sample would leave its range
 */
export function paintCells(plane: Plane, grid: CellGrid, { unit, halves }: Paint): Plane {
  const { width, height, bits } = plane
  const side = Math.min(width, height)
  const columns = dotIndex(width, side, { across: grid.across, count: grid.columns })
  const rows = dotIndex(height, side, { across: grid.across, count: grid.rows })
  const samples = plane.samples.slice()
  const maximum = 2 ** bits - 1
  for (let y = 0; y < height; y++) {
    const row = rows[y] as number
    if (row < 0) continue
    for (let x = 0; x < width; x++) {
      const column = columns[x] as number
      if (column < 0) continue
      const half = halves[row * grid.columns + column] as number
      const steps = (Math.abs(half) + ((x + y) & 1)) >> 1
      if (steps === 0) continue
      const value = (samples[y * width + x] as number) + (half < 0 ? -steps : steps) * unit
      if (value < 0 || value > maximum) throw new RangeError('a sample would leave its range')
      samples[y * width + x] = value
    }
  }
  return { width, height, bits, samples }
}

/**
 * Takes chips off, bit for bit.
 * @param planes  the components of one frame: 1 or 3
 * @param marks   key, 32 bytes, and side information as it was when they were put on
 * @throws {RangeError} for planes or side information that do not fit each other
 */
export function removeChips(
  planes: readonly Plane[],
  marks: { readonly key: Uint8Array; readonly side: Uint8Array },
): Plane[] {
  const first = planes[0]
  if (first === undefined) throw new RangeError('a frame has 1 or 3 components')
  const side = parseSide(marks.side, first)
  const halves = cellHalves(makePattern(marks.key), side)
  return planes.map((plane) => paintCells(plane, side.grid, { unit: -side.unit, halves }))
}
