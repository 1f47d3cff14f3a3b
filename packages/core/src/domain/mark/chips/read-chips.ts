/**
 * Read chips: the record id that a picture carries, whatever became of the picture on its way.
 *
 * Source: docs/reference/mark.md, "Chips", "Reading".
 */
import { type ChipReading, decodeCells } from './decode-cells.ts'
import { type CellPlace, pilotScore, readCells } from './evidence.ts'
import { ALL_ACROSS } from './geometry.ts'
import { makePattern, type Pattern } from './pattern.ts'
import type { GreyPicture } from './sample-grid.ts'
import { searchCells } from './search.ts'

/** Pixels of the smallest cell that can be read. */
const LEAST_STEP = 1.5
/** Pilots agree this well only with what they were made for. */
const CLEAR_SCORE = 3.5
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
  const whole = readWhole(picture, key, pattern)
  if (whole !== undefined) return whole
  if (options.isSearching === false) return undefined
  return searchCells(picture, key, pattern)
}

/** Tries each number of cells: where the pilots are right the likeliest message at once, then more of them everywhere. */
function readWhole(picture: GreyPicture, key: Uint8Array, pattern: Pattern): ChipReading | undefined {
  const side = Math.min(picture.width, picture.height)
  const transform = { left: 0, top: 0, across: 1 / side, down: 1 / side, angle: 0 }
  const tried = []
  for (const across of ALL_ACROSS.toReversed().filter((across) => side / across >= LEAST_STEP)) {
    const place = placeWhole(picture, across)
    const decoding = { place, pattern, key, phase: { x: 0, y: 0, across } }
    const cells = readCells(picture, place)
    tried.push({ cells, decoding })
    if (Math.abs(pilotScore(cells, place, pattern, decoding.phase)) < CLEAR_SCORE) continue
    const found = decodeCells(cells, { ...decoding, paths: 1 })
    if (found !== undefined) return { ...found, transform }
  }
  for (const { cells, decoding } of tried) {
    const more = { ...decoding, paths: PATHS_WHOLE }
    const found = decodeCells(cells, more) ?? decodeCells(readCells(picture, decoding.place, true), more)
    if (found !== undefined) return { ...found, transform }
  }
  return undefined
}

function placeWhole({ width, height }: GreyPicture, across: number): CellPlace {
  const side = Math.min(width, height)
  const cells = (length: number) => Math.floor((length * across) / side + 1e-3)
  const step = side / across
  return { left: 0, top: 0, wide: step, high: step, columns: cells(width), rows: cells(height) }
}
