/**
 * Heat map: a frame as a picture, with what does not hold in red.
 *
 * Grey frames go through a window; a mask or a list of regions says where.
 */
import { type Box, drawFrame, fillBox, type Raster, rasterOfGrey, tintMask } from '../../formats/picture/raster.ts'
import type { ImagePixels, Planes } from '../pixels/image-pixels.ts'
import type { Plane } from '../pixels/plane.ts'
import type { ValueWindow } from '../pixels/value-windows.ts'
import type { Region } from './regions.ts'
import { CELL_STATES, type ThumbnailComparison } from './thumbnail/compare.ts'
import type { Place } from './thumbnail/place.ts'
import type { Grid } from './tiles/grid.ts'

const RED = [255, 40, 40] as const
const SHARE = 0.35
/** Parts of the values that are shown black and white where no window is known. */
const TAIL = 0.005

type Shown = Pick<ImagePixels, 'windows' | 'isInverted'>

/** A frame as it would be shown: colour as it is, grey through the first window. */
export function renderPlanes(planes: Planes, { windows, isInverted }: Shown): Raster {
  const [first, ...others] = planes
  if (first === undefined) throw new RangeError('a frame without planes')
  const { width, height } = first
  if (others.length === 0) {
    const grey = greyOf(first, windows[0] ?? middleWindow(first))
    return rasterOfGrey(isInverted ? grey.map((value) => 255 - value) : grey, width, height)
  }
  const data = new Uint8Array(3 * width * height)
  for (const [channel, plane] of planes.entries()) {
    const grey = greyOf(plane, { low: 0, high: 2 ** plane.bits - 1 })
    for (let i = 0; i < grey.length; i++) data[3 * i + channel] = grey[i] as number
  }
  return { width, height, data }
}

/** Draws what does not hold into a picture. @param held  1 for each tile that holds */
export function drawAltered(picture: Raster, grid: Grid, held: Uint8Array, regions: readonly Region[]): void {
  const mask = new Uint8Array(picture.width * picture.height)
  for (const [i, { x, y, width, height }] of grid.tiles.entries()) {
    if (held[i] !== 0) continue
    for (let row = y; row < y + height; row++) mask.fill(1, row * picture.width + x, row * picture.width + x + width)
  }
  tintMask(picture, mask, RED, SHARE)
  for (const region of regions) drawFrame(picture, region, RED)
}

/** Cells of a thumbnail on a picture, as far as they are drawn. */
type Comparison = Pick<ThumbnailComparison, 'columns' | 'states' | 'regions' | 'place'>

/** Draws what a picture shows otherwise than a thumbnail. */
export function drawDiffering(picture: Raster, comparison: Comparison): void {
  const { columns, states, place } = comparison
  for (const [cell, state] of states.entries()) {
    if (state !== CELL_STATES.differs) continue
    const column = cell % columns
    const row = (cell - column) / columns
    fillBox(picture, boxOf(place, { left: column, top: row, right: column + 1, bottom: row + 1 }), RED, SHARE)
  }
  for (const box of placesOf(comparison)) drawFrame(picture, box, RED)
}

/** The regions of a comparison in pixels of the picture. */
export const placesOf = ({ regions, place }: Pick<Comparison, 'regions' | 'place'>): readonly Box[] =>
  regions.map((region) => boxOf(place, region))

/** The box around cells, whose middles have whole numbers. */
function boxOf({ a, b, c, d, e, f }: Place, { left, top, right, bottom }: Box): Box {
  const corners = [left - 0.5, right - 0.5].flatMap((column) =>
    [top - 0.5, bottom - 0.5].map((row) => [a * column + b * row + c, d * column + e * row + f] as const),
  )
  const [across, down] = [corners.map(([x]) => x), corners.map(([, y]) => y)]
  return {
    left: Math.max(0, Math.round(Math.min(...across))),
    top: Math.max(0, Math.round(Math.min(...down))),
    right: Math.round(Math.max(...across)),
    bottom: Math.round(Math.max(...down)),
  }
}

/** Values as 0 to 255. */
export function greyOf({ samples }: Plane, { low, high }: ValueWindow): Uint8Array {
  const scale = 255 / Math.max(1, high - low)
  const grey = new Uint8Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const shown = ((samples[i] as number) - low) * scale
    grey[i] = shown <= 0 ? 0 : shown >= 255 ? 255 : Math.round(shown)
  }
  return grey
}

/** From the 0.5 % lowest values to the 0.5 % highest. */
export function middleWindow({ samples, bits }: Plane): ValueWindow {
  const counts = new Uint32Array(2 ** bits)
  for (const sample of samples) counts[sample] = (counts[sample] as number) + 1
  const rank = (share: number): number => {
    let left = share * samples.length
    for (const [value, count] of counts.entries()) {
      left -= count
      if (left > 0) continue
      return value
    }
    return counts.length - 1
  }
  const low = rank(TAIL)
  return { low, high: Math.max(low + 1, rank(1 - TAIL)) }
}
