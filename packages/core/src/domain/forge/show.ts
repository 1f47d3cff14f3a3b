/**
 * Show: an image as a viewer that checks nothing shows it: the last Pixel Data there is, through the window of the
 * header, with overlay and shutter.
 *
 * Source: PS3.3 sections C.9.2 (overlay plane), C.7.6.11 (display shutter). Rectangular shutters only, and the overlay
 * of group 6000.
 */
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import { numberAt } from '../../formats/dicom/values.ts'
import { renderGrey } from '../../formats/picture/grey.ts'
import { openImage } from './edit.ts'
import { PIXEL_DATA, readGrey, readSamples } from './samples.ts'

const OVERLAY_DATA: Tag = 0x60003000
const WHITE = 255

export interface Shown {
  readonly rows: number
  readonly columns: number
  /** One byte a pixel. */
  readonly grey: Uint8Array
  /** Stored values behind it. */
  readonly samples: Uint16Array | Int16Array
  /** One byte a pixel: 1 drawn over by an overlay, 2 covered by a shutter. */
  readonly cover: Uint8Array
}

/** @throws {RangeError} for a file that is no uncompressed grey image of 16 bits */
export function showImage(file: Uint8Array): Shown {
  const image = readGrey(file)
  const opened = openImage(file)
  const last = opened.dataSet.elements.findLast(({ tag }) => tag === PIXEL_DATA)
  const samples = last === undefined ? image.samples : readSamples(opened, last)
  const grey = renderGrey(samples, { ...image.window, isInverted: image.isInverted, rescale: image.rescale })
  const cover = new Uint8Array(grey.length)
  coverByOverlay(opened, cover)
  coverByShutter(opened, image.columns, cover)
  for (let i = 0; i < grey.length; i++) if (cover[i] !== 0) grey[i] = cover[i] === 1 ? WHITE : 0
  return { rows: image.rows, columns: image.columns, grey, samples, cover }
}

/** One byte a pixel: 1 where another picture is seen, or other values lie behind it; a window changes neither. */
export function maskShown(before: Shown, after: Shown): Uint8Array {
  const mask = new Uint8Array(before.grey.length)
  for (let i = 0; i < mask.length; i++) {
    if (before.samples[i] !== after.samples[i] || before.cover[i] !== after.cover[i]) mask[i] = 1
  }
  return mask
}

function coverByOverlay({ dataSet }: ReturnType<typeof openImage>, cover: Uint8Array): void {
  const element = findElement(dataSet.elements, OVERLAY_DATA)
  if (element === undefined) return
  const bits = dataSet.source.view(element.valueStart, element.valueEnd)
  for (let i = 0; i < cover.length; i++) if ((((bits[i >> 3] ?? 0) >> (i & 7)) & 1) === 1) cover[i] = 1
}

function coverByShutter({ dataSet }: ReturnType<typeof openImage>, columns: number, cover: Uint8Array): void {
  const edges = ([0x00181602, 0x00181604, 0x00181606, 0x00181608] as const).map((tag) => numberAt(dataSet, tag))
  const [left, right, upper, lower] = edges
  if (left === undefined || right === undefined || upper === undefined || lower === undefined) return
  for (let i = 0; i < cover.length; i++) {
    const x = (i % columns) + 1
    const y = Math.floor(i / columns) + 1
    if (x < left || x > right || y < upper || y > lower) cover[i] = 2
  }
}
