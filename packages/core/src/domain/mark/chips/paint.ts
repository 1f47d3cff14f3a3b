/**
 * Paint: adds the changes of cells to the pixels of their dots, or takes them away.
 *
 * Source: docs/reference/mark.md, "Chips", "Painting".
 */
import type { Plane } from '../plane.ts'
import { type CellGrid, cellGrid, dotIndex } from './geometry.ts'
import { makePattern } from './pattern.ts'
import { cellChanges, parseSide } from './side.ts'

/**
 * A plane with the change of each cell added to the pixels of its dot.
 * @param changes  one for each cell, in stored values
 * @throws {RangeError} if a sample would leave its range
 */
export function paintCells(plane: Plane, grid: CellGrid, changes: Int32Array): Plane {
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
      const change = changes[row * grid.columns + column] as number
      if (change === 0) continue
      const value = (samples[y * width + x] as number) + change
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
  const grid = first === undefined ? undefined : cellGrid(first)
  if (grid === undefined) throw new RangeError('no chips on a picture of this size')
  const changes = cellChanges(makePattern(marks.key), grid, parseSide(marks.side, grid)).map((change) => -change)
  return planes.map((plane) => paintCells(plane, grid, changes))
}
