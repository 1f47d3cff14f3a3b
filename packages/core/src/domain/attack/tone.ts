/**
 * Tone: attacks that look at no neighbours, only at how bright a sample is.
 */
import { mapSamples, type Picture, toByte } from './picture.ts'

/** 255 · (v / 255)^exponent; below 1 is brighter. */
export function applyGamma(picture: Picture, exponent: number): Picture {
  return mapTone(picture, (value) => 255 * (value / 255) ** exponent)
}

/** v · contrast + offset, as windowing anew: a contrast above 1 is a narrower window, and clips. */
export function applyWindow(picture: Picture, contrast: number, offset: number): Picture {
  return mapTone(picture, (value) => value * contrast + offset)
}

/** Black becomes white. */
export function invertPicture(picture: Picture): Picture {
  return mapTone(picture, (value) => 255 - value)
}

/** Any curve over 0 … 255; rounded and kept in range. */
export function mapTone(picture: Picture, curve: (value: number) => number): Picture {
  return mapSamples(
    picture,
    Uint8Array.from({ length: 256 }, (_, value) => toByte(curve(value))),
  )
}
