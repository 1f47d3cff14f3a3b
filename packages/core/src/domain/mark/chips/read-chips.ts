/**
 * Read chips: the record id that a picture carries, whatever became of the picture on its way.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading".
 */
import { type ChipReading, decodeCells } from './decode-cells.ts'
import { readCells } from './evidence.ts'
import { ALL_ACROSS } from './geometry.ts'
import { makePattern, type Pattern } from './pattern.ts'
import type { GreyPicture } from './sample-grid.ts'
import { searchCells } from './search.ts'

/** Paths that are tried where the place of the cells is known. */
const PATHS_WHOLE = 64

export type { ChipReading, ChipTransform } from './decode-cells.ts'

export interface ReadOptions {
  /** False to look only for pictures that are neither cropped nor turned. */
  readonly isSearching?: boolean
}

/**
 * Looks for chips made with a key.
 * @param key  32 bytes
 * @returns undefined if there are none to be found; a picture without any gives an id with a chance below 1 in 10⁵
 */
export function readChips(picture: GreyPicture, key: Uint8Array, options: ReadOptions = {}): ChipReading | undefined {
  if (Math.min(picture.width, picture.height) < 32) return undefined
  const pattern = makePattern(key)
  for (const across of ALL_ACROSS) {
    const reading = readWhole(picture, key, pattern, across)
    if (reading !== undefined) return reading
  }
  if (options.isSearching === false) return undefined
  return searchCells(picture, key, pattern)
}

function readWhole(picture: GreyPicture, key: Uint8Array, pattern: Pattern, across: number): ChipReading | undefined {
  const side = Math.min(picture.width, picture.height)
  const step = side / across
  if (step < 1.5) return undefined
  const place = {
    left: 0,
    top: 0,
    wide: step,
    high: step,
    columns: Math.floor((picture.width * across) / side + 1e-3),
    rows: Math.floor((picture.height * across) / side + 1e-3),
  }
  const decoding = { place, pattern, key, phase: { x: 0, y: 0, across }, paths: PATHS_WHOLE }
  const found =
    decodeCells(readCells(picture, place), decoding) ?? decodeCells(readCells(picture, place, true), decoding)
  if (found === undefined) return undefined
  return { ...found, transform: { left: 0, top: 0, across: 1 / side, down: 1 / side, angle: 0 } }
}
