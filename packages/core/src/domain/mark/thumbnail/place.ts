/**
 * Place: where the cells of a thumbnail lie on a picture, and what the picture shows in each.
 *
 * Cells are taken upright, also on a picture that was turned by a few degrees: what is lost at their corners is within the noise.
 */
import type { ChipTransform } from '../chips/read-chips.ts'
import { CELLS_ACROSS } from './thumbnail.ts'

/** Share of a cell that may hang over the edge of the picture. */
const OVERHANG = 0.15

/** An 8-bit grey picture. */
export interface GreyPicture {
  readonly width: number
  readonly height: number
  readonly samples: Uint8Array
}

/** From the middle of cell (column, row) to pixels, the left edge of the first pixel at 0: x = a·column + b·row + c, y = d·column + e·row + f. */
export interface Place {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly e: number
  readonly f: number
}

/** The place that a reading of the chips gives. */
export function placeOf({ left, top, across, down, angle }: ChipTransform, { width, height }: GreyPicture): Place {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [stepX, stepY] = [1 / (CELLS_ACROSS * across), 1 / (CELLS_ACROSS * down)]
  // Before it was turned about its middle, the picture had the cell here.
  const x = stepX / 2 - left / across - width / 2
  const y = stepY / 2 - top / down - height / 2
  return {
    a: cos * stepX,
    b: -sin * stepY,
    c: cos * x - sin * y + width / 2,
    d: sin * stepX,
    e: cos * stepY,
    f: sin * x + cos * y + height / 2,
  }
}

/** What a picture shows in the cells of a thumbnail. */
export interface CellMeans {
  /** Means, 0 … 255; NaN where a cell is not on the picture. */
  readonly means: Float32Array
  /** Cells that are. */
  readonly visible: number
}

/** Sums of all pixels above and to the left, so that the mean of any box costs the same. */
export type AreaTable = (x0: number, y0: number, x1: number, y1: number) => number

/** Cost: 8 bytes a pixel. @returns the mean over a box within the picture, whose edges need not fall on pixels */
export function makeAreaTable({ width, height, samples }: GreyPicture): AreaTable {
  const stride = width + 1
  const sums = new Float64Array(stride * (height + 1))
  for (let y = 0, i = 0; y < height; y++) {
    let line = 0
    for (let x = 0, at = (y + 1) * stride + 1; x < width; x++, at++, i++) {
      line += samples[i] as number
      sums[at] = (sums[at - stride] as number) + line
    }
  }
  const corner = (x: number, y: number): number => {
    const column = Math.min(width - 1, Math.floor(x))
    const row = Math.min(height - 1, Math.floor(y))
    const [right, below] = [x - column, y - row]
    const at = row * stride + column
    const upper = (sums[at] as number) * (1 - right) + (sums[at + 1] as number) * right
    const lower = (sums[at + stride] as number) * (1 - right) + (sums[at + stride + 1] as number) * right
    return upper * (1 - below) + lower * below
  }
  return (x0, y0, x1, y1) => {
    return (corner(x1, y1) - corner(x0, y1) - corner(x1, y0) + corner(x0, y0)) / ((x1 - x0) * (y1 - y0))
  }
}

interface Cells {
  readonly columns: number
  readonly rows: number
}

export function readCellMeans(
  table: AreaTable,
  { width, height }: GreyPicture,
  place: Place,
  { columns, rows }: Cells,
): CellMeans {
  const means = new Float32Array(columns * rows).fill(Number.NaN)
  const [halfX, halfY] = [Math.hypot(place.a, place.d) / 2, Math.hypot(place.b, place.e) / 2]
  const [hangX, hangY] = [2 * OVERHANG * halfX, 2 * OVERHANG * halfY]
  let visible = 0
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const x = place.a * column + place.b * row + place.c
      const y = place.d * column + place.e * row + place.f
      const [x0, y0, x1, y1] = [x - halfX, y - halfY, x + halfX, y + halfY]
      if (x0 < -hangX || y0 < -hangY || x1 > width + hangX || y1 > height + hangY) continue
      means[i] = table(Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1))
      visible++
    }
  }
  return { means, visible }
}
