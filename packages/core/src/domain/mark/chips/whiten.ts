/**
 * Whiten: what of a sample its neighbours do not foretell, weighed by how restless the picture is there.
 *
 * Source: docs/reference/mark.md, "Chips", "Whitening".
 */

/** Values on a grid, row by row. */
export interface Field {
  readonly columns: number
  readonly rows: number
  readonly values: Float32Array
}

/** Weights of the four nearest and the four diagonal samples. */
const NEAR = 0.3125
const DIAGONAL = -0.0625
/** A change below this, in grey levels, counts as noise of any picture. */
export const FLOOR = 1.25
const CLIP = 2.5

/** Each inner sample less what its eight neighbours foretell; 0 at the border. */
export function residual({ columns, rows, values }: Field): Float32Array {
  const out = new Float32Array(columns * rows)
  for (let y = 1; y < rows - 1; y++) {
    for (let x = 1; x < columns - 1; x++) out[y * columns + x] = residualAt(values, columns, y * columns + x)
  }
  return out
}

/** The residual of cells: samples with both indices odd, of a grid of 2·cells + 1 samples each way. */
export function cellResidual(values: Float32Array, { columns, rows }: { columns: number; rows: number }): Float32Array {
  const wide = 2 * columns + 1
  const out = new Float32Array(columns * rows)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) out[y * columns + x] = residualAt(values, wide, (2 * y + 1) * wide + 2 * x + 1)
  }
  return out
}

function residualAt(values: Float32Array, columns: number, i: number): number {
  const up = i - columns
  const down = i + columns
  const near = (values[up] as number) + (values[down] as number) + (values[i - 1] as number) + (values[i + 1] as number)
  const diagonal =
    (values[up - 1] as number) +
    (values[up + 1] as number) +
    (values[down - 1] as number) +
    (values[down + 1] as number)
  return (values[i] as number) - NEAR * near - DIAGONAL * diagonal
}

/** Local scale of a residual: 1.2533 × the mean of its absolute value over (2·reach + 1)² places. */
export function localScale({ columns, rows, values }: Field, reach: number): Float32Array {
  const across = new Float32Array(columns * rows)
  for (let y = 0; y < rows; y++) boxMeans({ values, out: across, start: y * columns, step: 1, count: columns, reach })
  const out = new Float32Array(columns * rows)
  for (let x = 0; x < columns; x++) boxMeans({ values: across, out, start: x, step: columns, count: rows, reach })
  for (let i = 0; i < out.length; i++) out[i] = 1.2533 * (out[i] as number)
  return out
}

interface Line {
  readonly values: Float32Array
  readonly out: Float32Array
  readonly start: number
  readonly step: number
  readonly count: number
  readonly reach: number
}

function boxMeans({ values, out, start, step, count, reach }: Line): void {
  let sum = 0
  const at = (i: number) => Math.abs(values[start + i * step] as number)
  for (let i = 0; i < Math.min(reach, count); i++) sum += at(i)
  for (let i = 0; i < count; i++) {
    if (i + reach < count) sum += at(i + reach)
    if (i - reach - 1 >= 0) sum -= at(i - reach - 1)
    out[start + i * step] = sum / (Math.min(count - 1, i + reach) - Math.max(0, i - reach) + 1)
  }
}

/** Weight of a place whose local scale is known: how much a change there says. */
export const weightAt = (scale: number): number => 1 / (scale * scale + FLOOR * FLOOR)

/** How far a residual counts where the local scale is known. */
export const clipAt = (scale: number): number => CLIP * Math.max(scale, 0.3 * FLOOR)

/** How much room there is around a grey level: 0 at black and white, where nothing is carried, up to 1 from 8 levels off. */
export const roomAt = (grey: number): number => Math.min(1, Math.max(0, (Math.min(grey, 255 - grey) - 2) / 6))

/** The room around the middle sample of each cell. */
export function cellRooms(values: Float32Array, { columns, rows }: { columns: number; rows: number }): Float32Array {
  const out = new Float32Array(columns * rows)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      out[y * columns + x] = roomAt(values[(2 * y + 1) * (2 * columns + 1) + 2 * x + 1] as number)
    }
  }
  return out
}

/** Residuals clipped at 2.5 local scales and weighed. */
export function weigh(residuals: Float32Array, scales: Float32Array): Float32Array {
  const out = new Float32Array(residuals.length)
  for (let i = 0; i < out.length; i++) {
    const scale = scales[i] as number
    const limit = clipAt(scale)
    const value = residuals[i] as number
    out[i] = (value > limit ? limit : value < -limit ? -limit : value) * weightAt(scale)
  }
  return out
}
