/**
 * Raster: a colour picture to draw on, for pictures of where something was changed.
 *
 * Pixels are mixed in place; coordinates count from the upper left pixel, and what lies outside is left out. File
 * formats are left to those who write files.
 */
import { GLYPH_HEIGHT, textWidth, traceText } from './font.ts'

/** Red, green and blue, 0 … 255 each. */
export type Colour = readonly [red: number, green: number, blue: number]

export interface Raster {
  readonly width: number
  readonly height: number
  /** Three bytes a pixel, row-major; drawn on. */
  readonly data: Uint8Array
}

/** Right and bottom are not included. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** An empty picture of one colour. */
export function createRaster(width: number, height: number, colour: Colour = [0, 0, 0]): Raster {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < data.length; i++) data[i] = colour[i % 3] as number
  return { width, height, data }
}

/**
 * A picture from grey values.
 * @throws {RangeError} if `grey` does not fill the grid
 */
export function rasterOfGrey(grey: Uint8Array, width: number, height: number): Raster {
  if (grey.length !== width * height) throw new RangeError(`${grey.length} values for ${width} × ${height} pixels`)
  const data = new Uint8Array(grey.length * 3)
  for (let i = 0; i < grey.length; i++) data.fill(grey[i] as number, 3 * i, 3 * i + 3)
  return { width, height, data }
}

/** Mixes a colour into one pixel: `share` 1 covers it. */
export function paintPixel({ width, height, data }: Raster, x: number, y: number, colour: Colour, share = 1): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return
  const at = 3 * (y * width + x)
  for (let i = 0; i < 3; i++)
    data[at + i] = Math.round((data[at + i] as number) * (1 - share) + (colour[i] as number) * share)
}

/** Fills a box. */
export function fillBox(raster: Raster, { left, top, right, bottom }: Box, colour: Colour, share = 1): void {
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) paintPixel(raster, x, y, colour, share)
}

/** Draws a frame around a box, outside of it, so that what it points at stays visible. */
export function drawFrame(raster: Raster, { left, top, right, bottom }: Box, colour: Colour, thickness = 2): void {
  const t = thickness
  fillBox(raster, { left: left - t, top: top - t, right: right + t, bottom: top }, colour)
  fillBox(raster, { left: left - t, top: bottom, right: right + t, bottom: bottom + t }, colour)
  fillBox(raster, { left: left - t, top, right: left, bottom }, colour)
  fillBox(raster, { left: right, top, right: right + t, bottom }, colour)
}

/**
 * Colours the pixels of a mask.
 * @param mask  one byte a pixel; other than 0 is inside
 */
export function tintMask(raster: Raster, mask: Uint8Array, colour: Colour, share = 0.5): void {
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== 0) paintPixel(raster, i % raster.width, Math.floor(i / raster.width), colour, share)
  }
}

/** Draws the border of a mask: its pixels that have a neighbour outside. */
export function outlineMask(raster: Raster, mask: Uint8Array, colour: Colour): void {
  const { width, height } = raster
  const isInside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!isInside(x, y)) continue
      const isBorder = !isInside(x - 1, y) || !isInside(x + 1, y) || !isInside(x, y - 1) || !isInside(x, y + 1)
      if (isBorder) paintPixel(raster, x, y, colour)
    }
  }
}

/** Writes a line of capital letters; (x, y) is its upper left corner, `dot` the side of a dot in pixels. */
export function drawText(raster: Raster, text: string, x: number, y: number, colour: Colour, dot = 2): void {
  traceText(text, (column, row) => {
    const [left, top] = [x + column * dot, y + row * dot]
    fillBox(raster, { left, top, right: left + dot, bottom: top + dot }, colour)
  })
}

/** Copies a picture onto another one. */
export function pasteRaster(target: Raster, source: Raster, left: number, top: number): void {
  for (let y = Math.max(0, -top); y < Math.min(source.height, target.height - top); y++) {
    const from = Math.max(0, -left)
    const to = Math.min(source.width, target.width - left)
    if (from >= to) return
    target.data.set(
      source.data.subarray(3 * (y * source.width + from), 3 * (y * source.width + to)),
      3 * ((top + y) * target.width + left + from),
    )
  }
}

/** A smaller copy: each pixel the mean of `factor`² pixels; an incomplete last row or column is dropped. */
export function shrinkRaster(raster: Raster, factor: number): Raster {
  const width = Math.floor(raster.width / factor)
  const height = Math.floor(raster.height / factor)
  const small = createRaster(width, height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (let v = 0; v < factor; v++) {
          for (let u = 0; u < factor; u++)
            sum += raster.data[3 * ((y * factor + v) * raster.width + x * factor + u) + channel] as number
        }
        small.data[3 * (y * width + x) + channel] = Math.round(sum / (factor * factor))
      }
    }
  }
  return small
}

/** A part of a picture, enlarged by a whole factor without smoothing; what lies outside is black. */
export function magnifyBox(raster: Raster, { left, top, right, bottom }: Box, factor: number): Raster {
  const large = createRaster((right - left) * factor, (bottom - top) * factor)
  for (let y = 0; y < large.height; y++) {
    for (let x = 0; x < large.width; x++) {
      const [u, v] = [left + Math.floor(x / factor), top + Math.floor(y / factor)]
      if (u < 0 || v < 0 || u >= raster.width || v >= raster.height) continue
      const at = 3 * (v * raster.width + u)
      large.data.set(raster.data.subarray(at, at + 3), 3 * (y * large.width + x))
    }
  }
  return large
}

export interface Panel {
  readonly raster: Raster
  readonly caption: string
}

const GAP = 12
const PAPER: Colour = [24, 26, 30]
const INK: Colour = [226, 228, 232]

/** Pictures side by side, each with a caption under it; a caption too long for its picture is cut. */
export function composePanels(panels: readonly Panel[], dot = 2): Raster {
  const line = GLYPH_HEIGHT * dot
  const width = panels.reduce((sum, { raster }) => sum + raster.width + GAP, GAP)
  const height = Math.max(0, ...panels.map(({ raster }) => raster.height)) + 3 * GAP + line
  const sheet = createRaster(width, height, PAPER)
  let left = GAP
  for (const { raster, caption } of panels) {
    pasteRaster(sheet, raster, left, GAP)
    drawText(sheet, fitText(caption, Math.floor(raster.width / dot)), left, GAP + raster.height + GAP, INK, dot)
    left += raster.width + GAP
  }
  return sheet
}

/** As much of a text as fits in so many dots. */
function fitText(text: string, dots: number): string {
  let fitting = text
  while (fitting !== '' && textWidth(fitting) > dots) fitting = fitting.slice(0, -1)
  return fitting
}
