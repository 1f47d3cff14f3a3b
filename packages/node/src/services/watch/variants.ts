/**
 * Variants: what happens to a true picture on its way without anybody meaning harm. A verdict that turns over by it is worth nothing.
 *
 * Pictures are rendered to 8 bits as they are stored, from 0 to white; no window is applied.
 */
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import { createPicture, type Picture, toByte } from '@fiducial/core/domain/attack/picture.ts'
import { scalePicture } from '@fiducial/core/domain/attack/resize.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'

export interface Variant {
  /** Stable. */
  readonly id: string
  apply(picture: Picture): Picture
}

/** Columns and rows of black that a viewer's export puts around a picture, as a share of the longer side. */
const BORDER = 1 / 16

export const VARIANTS: readonly Variant[] = [
  { id: 'png', apply: (picture) => picture },
  { id: 'jpeg-90', apply: (picture) => compressJpeg(picture, 90) },
  { id: 'jpeg-75', apply: (picture) => compressJpeg(picture, 75) },
  { id: 'resize-0.75', apply: (picture) => scalePicture(picture, 0.75) },
  { id: 'resize-1.25', apply: (picture) => scalePicture(picture, 1.25) },
  { id: 'border', apply: addBorder },
]

export const findVariant = (id: string): Variant | undefined => VARIANTS.find((variant) => variant.id === id)

/** A view as another one, of 8 bits. */
export function varyView(view: GreyView, variant: Variant): GreyView {
  const picture = createPicture(view.width, view.height)
  const scale = 255 / view.white
  for (let i = 0; i < picture.samples.length; i++) picture.samples[i] = toByte((view.samples[i] as number) * scale)
  const { width, height, samples } = variant.apply(picture)
  return { width, height, samples: Float32Array.from(samples), white: 255, window: null }
}

function addBorder(picture: Picture): Picture {
  const wide = Math.round(Math.max(picture.width, picture.height) * BORDER)
  const framed = createPicture(picture.width + 2 * wide, picture.height + 2 * wide)
  for (let row = 0; row < picture.height; row++) {
    const from = row * picture.width
    framed.samples.set(picture.samples.subarray(from, from + picture.width), (row + wide) * framed.width + wide)
  }
  return framed
}
