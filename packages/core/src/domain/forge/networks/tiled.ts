/**
 * Tiled: a network over a picture of any size, in tiles that overlap so far that their borders cannot be seen.
 *
 * A sample of the result depends on samples at most {@link MARGIN} away; each tile gives up as much at its inner sides, so that the
 * result is that of the whole picture at once, bit for bit, while memory stays that of one tile.
 */
import type { Field } from '../field.ts'
import type { PictureNetwork } from './autoencoder.ts'
import { fieldOfMap, mapOfField } from './maps.ts'

/** Samples that a network looks to each side at most, rounded up to {@link GRID}. */
export const MARGIN = 48
/** Sides and corners of tiles are multiples of it: the networks halve three times. */
export const GRID = 8
/** Side of a tile. */
const TILE = 768

/** @param tile  side of a tile, a multiple of 8 above 96 */
export function runTiled(field: Field, network: PictureNetwork, tile = TILE): Field {
  const { width, height } = field
  if (width <= tile && height <= tile) return fieldOfMap(network(mapOfField(field, GRID)), width, height)
  const samples = new Float32Array(width * height)
  for (const rows of spansOf(height, tile)) {
    for (const columns of spansOf(width, tile)) {
      const cut = cutField(field, columns, rows)
      const made = fieldOfMap(network(mapOfField(cut, GRID)), cut.width, cut.height)
      for (let y = rows.keepFrom; y < rows.keepTo; y++) {
        const from = (y - rows.from) * made.width - columns.from
        samples.set(made.samples.subarray(from + columns.keepFrom, from + columns.keepTo), y * width + columns.keepFrom)
      }
    }
  }
  return { width, height, samples }
}

/** Where a tile begins and ends on one axis, and what of it is kept. */
interface Span {
  readonly from: number
  readonly to: number
  readonly keepFrom: number
  readonly keepTo: number
}

function spansOf(length: number, tile: number): readonly Span[] {
  if (length <= tile) return [{ from: 0, to: length, keepFrom: 0, keepTo: length }]
  const spans: Span[] = []
  for (let from = 0; ; from += tile - 2 * MARGIN) {
    const isLast = from + tile >= length
    const keepFrom = from === 0 ? 0 : from + MARGIN
    spans.push({ from, to: Math.min(length, from + tile), keepFrom, keepTo: isLast ? length : from + tile - MARGIN })
    if (isLast) return spans
  }
}

function cutField({ width, samples }: Field, columns: Span, rows: Span): Field {
  const made = { width: columns.to - columns.from, height: rows.to - rows.from }
  const cut = new Float32Array(made.width * made.height)
  for (let y = 0; y < made.height; y++) {
    const from = (rows.from + y) * width
    cut.set(samples.subarray(from + columns.from, from + columns.to), y * made.width)
  }
  return { ...made, samples: cut }
}
