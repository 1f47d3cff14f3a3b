/**
 * Preview: a picture, what was forged of it, and where the two differ, side by side.
 *
 * Looked at through the window of the picture, or from its darkest to its brightest sample; differences are drawn as strong as the
 * largest of them. For people: the mask beside a forgery is exact, this is not.
 */
import { composePanels, type Raster, rasterOfGrey, shrinkRaster } from '../../formats/picture/raster.ts'
import type { GreyView } from '../pixels/grey-view.ts'

/** Widest picture of a panel. */
const PANEL_WIDTH = 512

/** @param after  samples of the forgery. @throws {RangeError} where they do not fill the picture */
export function drawPreview(before: GreyView, after: ArrayLike<number>): Raster {
  const { width, height, samples } = before
  if (after.length !== samples.length) throw new RangeError('samples do not fill the picture')
  const { low, high } = before.window ?? rangeOf(samples)
  const panel = (values: ArrayLike<number>, from: number, to: number): Raster => {
    const grey = new Uint8Array(values.length)
    for (let i = 0; i < grey.length; i++) grey[i] = toByte(((values[i] as number) - from) / (to - from))
    return shrinkRaster(rasterOfGrey(grey, width, height), Math.max(1, Math.ceil(width / PANEL_WIDTH)))
  }
  const difference = samples.map((sample, i) => Math.abs((after[i] as number) - sample))
  return composePanels([
    { raster: panel(samples, low, high), caption: 'BEFORE' },
    { raster: panel(after, low, high), caption: 'FORGED, SYNTHETIC' },
    { raster: panel(difference, 0, Math.max(1, rangeOf(difference).high)), caption: 'DIFFERENCE' },
  ])
}

function rangeOf(samples: ArrayLike<number>): { readonly low: number; readonly high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as number
    if (sample < low) low = sample
    if (sample > high) high = sample
  }
  return high > low ? { low, high } : { low, high: low + 1 }
}

const toByte = (share: number): number => Math.round(255 * Math.min(1, Math.max(0, share)))
