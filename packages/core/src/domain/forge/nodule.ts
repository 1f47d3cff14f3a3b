/**
 * Nodule: a round shadow as a small tumour casts it, blended into the grain of the lung around it.
 *
 * Drawn in stored values; no claim to fool a radiologist, only to be there.
 */
import type { GreyImage } from './samples.ts'

/** Where, as shares of columns and rows: the middle of the lung at the left of a frontal picture. */
const PLACE = { x: 0.32, y: 0.4 }
const RADIUS_SHARE = 1 / 55
/** How much denser than its surroundings, as a share of the window. */
const CONTRAST = 0.24

/** @returns new stored values; those of `image` stay as they are */
export function paintNodule(image: GreyImage): Uint16Array | Int16Array {
  const { columns, rows, bitsStored, isInverted, window, rescale } = image
  const samples = image.samples.slice()
  const [x, y] = [PLACE.x * columns, PLACE.y * rows]
  const radius = columns * RADIUS_SHARE
  const rise = ((isInverted ? -1 : 1) * CONTRAST * Math.min(window.width, 2 ** bitsStored)) / rescale.slope
  const reach = Math.ceil(1.4 * radius)
  for (let v = Math.max(0, Math.round(y) - reach); v < Math.min(rows, y + reach); v++) {
    for (let u = Math.max(0, Math.round(x) - reach); u < Math.min(columns, x + reach); u++) {
      const angle = Math.atan2(v - y, u - x)
      // Lobes, as growing tissue has them.
      const edge = radius * (1 + 0.1 * Math.cos(3 * angle + 0.7) + 0.06 * Math.cos(5 * angle + 2))
      const share = Math.max(0, 1 - (Math.hypot(u - x, v - y) / edge) ** 2)
      if (share === 0) continue
      const at = v * columns + u
      // A sphere's thickness, so that the shadow is soft at its edge.
      samples[at] = clamp((samples[at] as number) + rise * Math.sqrt(share), image)
    }
  }
  return samples
}

function clamp(value: number, { samples, bitsStored }: GreyImage): number {
  const isSigned = samples instanceof Int16Array
  const [low, high] = isSigned ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1]
  return Math.max(low, Math.min(high, Math.round(value)))
}
