/**
 * Change: where two pictures of one shape differ, and a sheet that shows it.
 *
 * Compares stored values, not what a window makes of them: a change that no viewer shows is still a change.
 */
import type { Box, Colour, Panel, Raster } from './raster.ts'
import { composePanels, drawFrame, magnifyBox, outlineMask, rasterOfGrey, shrinkRaster } from './raster.ts'

/** Amber: told apart from grey by everyone. */
export const CHANGE_COLOUR: Colour = [255, 176, 0]
/** Widest picture of a panel, in pixels. */
const PANEL_WIDTH = 560

/**
 * One byte a sample: 1 where the two differ.
 * @throws {RangeError} for pictures of different size
 */
export function maskChange(before: ArrayLike<number>, after: ArrayLike<number>): Uint8Array {
  if (before.length !== after.length) throw new RangeError('pictures of different size')
  const mask = new Uint8Array(before.length)
  for (let i = 0; i < mask.length; i++) mask[i] = before[i] === after[i] ? 0 : 1
  return mask
}

/** The smallest box around what a mask holds, or undefined for an empty mask. */
export function boundMask(mask: Uint8Array, columns: number): Box | undefined {
  let [left, right, top, bottom] = [Infinity, -1, Infinity, -1]
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue
    const [x, y] = [i % columns, Math.floor(i / columns)]
    left = Math.min(left, x)
    right = Math.max(right, x + 1)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y + 1)
  }
  return right < 0 ? undefined : { left, top, right, bottom }
}

export interface ChangeSheet {
  readonly columns: number
  readonly rows: number
  /** Both through the same window, one byte a pixel (see grey.ts). */
  readonly before: Uint8Array
  readonly after: Uint8Array
  /** One byte a pixel; other than 0 is changed. */
  readonly mask: Uint8Array
  readonly captions: readonly [before: string, after: string]
}

/** Before and after side by side, the changed part framed, and beside them that part of both, enlarged. */
export function composeChange({ columns, rows, before, after, mask, captions }: ChangeSheet): Raster {
  const box = boundMask(mask, columns)
  const factor = Math.max(1, Math.ceil(columns / PANEL_WIDTH))
  const whole = (grey: Uint8Array): Raster => {
    const raster = rasterOfGrey(grey, columns, rows)
    if (box !== undefined)
      drawFrame(raster, keepFrame(growBox(box, 3 * factor), columns, rows, 2 * factor), CHANGE_COLOUR, 2 * factor)
    return shrinkRaster(raster, factor)
  }
  const panels: Panel[] = [
    { raster: whole(before), caption: captions[0] },
    { raster: whole(after), caption: captions[1] },
  ]
  if (box !== undefined)
    panels.push({
      raster: enlargeChange(before, after, mask, { columns, rows, box }, (panels[0] as Panel).raster.height),
      caption: 'BEFORE, AFTER',
    })
  return composePanels(panels)
}

/** The neighbourhood of the change, before above after, each at most half of `height`. */
function enlargeChange(
  before: Uint8Array,
  after: Uint8Array,
  mask: Uint8Array,
  place: { readonly columns: number; readonly rows: number; readonly box: Box },
  height: number,
): Raster {
  const { columns, rows, box } = place
  const side = Math.max(box.right - box.left, box.bottom - box.top)
  const span = Math.min(Math.max(columns, rows), Math.max(32, Math.round(side * 1.6)))
  const half = Math.floor(height / 2) - 4
  const left = Math.round((box.left + box.right - span) / 2)
  const top = Math.round((box.top + box.bottom - span) / 2)
  const around: Box = { left, top, right: left + span, bottom: top + span }
  const view = (grey: Uint8Array, isMarked: boolean): Raster => {
    const raster = rasterOfGrey(grey, columns, rows)
    if (isMarked) outlineMask(raster, mask, CHANGE_COLOUR)
    const shrink = Math.max(1, Math.ceil(span / half))
    return shrink > 1
      ? shrinkRaster(magnifyBox(raster, around, 1), shrink)
      : magnifyBox(raster, around, Math.max(1, Math.floor(half / span)))
  }
  const [upper, lower] = [view(before, false), view(after, true)]
  return stackRasters(upper, lower, height)
}

function stackRasters(upper: Raster, lower: Raster, height: number): Raster {
  const data = new Uint8Array(upper.width * height * 3)
  data.set(upper.data)
  data.set(lower.data, 3 * upper.width * (height - lower.height))
  return { width: upper.width, height, data }
}

const growBox = ({ left, top, right, bottom }: Box, by: number): Box => ({
  left: left - by,
  top: top - by,
  right: right + by,
  bottom: bottom + by,
})

/** A box small enough that a frame around it is still inside the picture. */
const keepFrame = ({ left, top, right, bottom }: Box, columns: number, rows: number, thickness: number): Box => ({
  left: Math.max(thickness, left),
  top: Math.max(thickness, top),
  right: Math.min(columns - thickness, right),
  bottom: Math.min(rows - thickness, bottom),
})
