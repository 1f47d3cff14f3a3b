/**
 * Usable mask: which samples of a stretched picture take part in statistics of grain.
 *
 * Saturated samples among their like have no grain: background, shutters that slant, metal, letters burned in. A margin around them goes too, as
 * edges of letters and ringing of codecs are no grain either. A lone black or white sample is grain and stays.
 */

export const BLACK = 0
export const WHITE = 255
/** Samples around saturated ones that go with them. */
const MARGIN = 3

export interface Usable {
  /** 1 where a sample is usable. */
  readonly usable: Uint8Array
  /** Usable part of all, 0 to 1. */
  readonly share: number
}

/** @param bytes  rows of `width` samples */
export function findUsable(bytes: Uint8Array, width: number): Usable {
  const height = bytes.length / width
  const saturated = findSaturated(bytes, width, height)
  const usable = new Uint8Array(bytes.length).fill(1)
  for (let y = 0, at = 0; y < height; y++) {
    const [top, bottom] = [Math.max(0, y - MARGIN), Math.min(height - 1, y + MARGIN)]
    for (let x = 0; x < width; x++, at++) {
      if (saturated[at] === 0) continue
      // Within a saturated area the sample above and the one before have cleared all but the far corner.
      const isInside = y > 0 && x > 0 && saturated[at - width] === 1 && saturated[at - 1] === 1
      const [left, right] = [Math.max(0, x - MARGIN), Math.min(width - 1, x + MARGIN)]
      if (isInside) usable[bottom * width + right] = 0
      else for (let row = top; row <= bottom; row++) usable.fill(0, row * width + left, row * width + right + 1)
    }
  }
  let count = 0
  for (let i = 0; i < usable.length; i++) count += usable[i] as number
  return { usable, share: count / usable.length }
}

/** Samples at an end of the values that have three like neighbours of the four, or stand at the rim among two. */
function findSaturated(bytes: Uint8Array, width: number, height: number): Uint8Array {
  const saturated = new Uint8Array(bytes.length)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const value = bytes[at] as number
      if (value > BLACK + 1 && value < WHITE - 1) continue
      let like = 0
      if (x === 0 || isLike(value, bytes[at - 1] as number)) like++
      if (x === width - 1 || isLike(value, bytes[at + 1] as number)) like++
      if (y === 0 || isLike(value, bytes[at - width] as number)) like++
      if (y === height - 1 || isLike(value, bytes[at + width] as number)) like++
      if (like >= 3) saturated[at] = 1
    }
  }
  return saturated
}

const isLike = (one: number, other: number): boolean => (one <= BLACK + 1 ? other <= BLACK + 1 : other >= WHITE - 1)
