/**
 * Evidence: what the cells of a picture say for each coded bit, and for there being a pattern at all.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading".
 */
import { CODED_BITS } from './code.ts'
import { type Pattern, PERIOD, SIGN_PERIOD, signsFor } from './pattern.ts'
import { type GreyPicture, sampleGrid } from './sample-grid.ts'
import { cellResidual, cellRooms, localScale, weigh } from './whiten.ts'

/** Where cells lie on a picture, in pixels: cell (x, y) has its middle at left + (x + ½)·wide, top + (y + ½)·high. */
export interface CellPlace {
  readonly left: number
  readonly top: number
  readonly wide: number
  readonly high: number
  readonly columns: number
  readonly rows: number
}

/** Cells each way over which the restlessness of a picture is measured, on either side. */
export const REACH = 3

/** The weighed residual of each cell. @param isWary  leaves out what is nearly black or white: noise there carries nothing */
export function readCells(picture: GreyPicture, place: CellPlace, isWary = false): Float32Array {
  const across = { first: place.left, step: place.wide / 2, count: 2 * place.columns + 1 }
  const down = { first: place.top, step: place.high / 2, count: 2 * place.rows + 1 }
  const samples = sampleGrid(picture, across, down)
  const values = cellResidual(samples, place)
  const weighed = weigh(values, localScale({ ...place, values }, REACH))
  if (!isWary) return weighed
  const rooms = cellRooms(samples, place)
  return weighed.map((value, i) => value * (rooms[i] as number))
}

/** A cell's number in the pattern at the upper left corner of what was read. */
export interface Phase {
  readonly x: number
  readonly y: number
}

/** How well cells agree with the pilots, in standard deviations of cells without any; negative if they are inverted. */
export function pilotScore(cells: Float32Array, { columns, rows }: CellPlace, pattern: Pattern, phase: Phase): number {
  let sum = 0
  let square = 1e-30
  for (let y = 0; y < rows; y++) {
    const line = (((y + phase.y) % PERIOD) + PERIOD) % PERIOD
    for (let x = 0; x < columns; x++) {
      const sign = pattern.pilots[line * PERIOD + ((((x + phase.x) % PERIOD) + PERIOD) % PERIOD)] as number
      if (sign === 0) continue
      const value = cells[y * columns + x] as number
      sum += sign * value
      square += value * value
    }
  }
  return sum / Math.sqrt(square)
}

/** For each coded bit, how much speaks for a 1. */
export function codedEvidence(
  cells: Float32Array,
  { columns, rows }: Pick<CellPlace, 'columns' | 'rows'>,
  pattern: Pattern,
  phase: Phase & { readonly across: number },
): Float64Array {
  const evidence = new Float64Array(CODED_BITS)
  const signs = signsFor(pattern, phase.across)
  const wrap = (value: number, period: number) => ((value % period) + period) % period
  for (let y = 0; y < rows; y++) {
    const line = wrap(y + phase.y, PERIOD) * PERIOD
    const signLine = wrap(y + phase.y, SIGN_PERIOD) * SIGN_PERIOD
    for (let x = 0; x < columns; x++) {
      const role = pattern.roles[line + wrap(x + phase.x, PERIOD)] as number
      if (role < 0) continue
      const sign = signs[signLine + wrap(x + phase.x, SIGN_PERIOD)] as number
      evidence[role] = (evidence[role] as number) + sign * (cells[y * columns + x] as number)
    }
  }
  return evidence
}
