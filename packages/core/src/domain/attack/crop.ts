/**
 * Crop: a part of a picture.
 *
 * "Crop p % per side" is read as: each side is shortened by p %, so that (1 − p)² of the area is left; where the part lies is
 * left to chance. Cropping by 50 % leaves a quarter of the picture.
 */
import { createPicture, type Picture } from './picture.ts'
import { createRandom } from './random.ts'

/** In samples, inside the picture. */
export interface Area {
  readonly left: number
  readonly top: number
  /** At least 1. */
  readonly width: number
  /** At least 1. */
  readonly height: number
}

/** @throws {RangeError} if the area does not lie in the picture */
export function cropPicture(picture: Picture, { left, top, width, height }: Area): Picture {
  const isInside = left >= 0 && top >= 0 && width > 0 && height > 0
  if (!isInside || left + width > picture.width || top + height > picture.height) {
    throw new RangeError('the area does not lie in the picture')
  }
  const result = createPicture(width, height)
  for (let row = 0; row < height; row++) {
    const from = (top + row) * picture.width + left
    result.samples.set(picture.samples.subarray(from, from + width), row * width)
  }
  return result
}

/** The area that is left when each side is shortened by `part`, 0 … 1, at a place that `seed` decides. */
export function areaAfterCrop({ width, height }: Picture, part: number, seed: number): Area {
  const random = createRandom(seed)
  const kept = {
    width: Math.max(1, Math.round(width * (1 - part))),
    height: Math.max(1, Math.round(height * (1 - part))),
  }
  const left = random.integer(width - kept.width + 1)
  return { left, top: random.integer(height - kept.height + 1), ...kept }
}

/** Shortens each side by `part`, 0 … 1. */
export function cropSides(picture: Picture, part: number, seed: number): Picture {
  return cropPicture(picture, areaAfterCrop(picture, part, seed))
}
