/**
 * Edge width: how far a picture's sharpest edges are blurred, so that what is put in is blurred as much.
 *
 * Method: along rows, where the slope is steepest, a Gaussian edge rises by √(2π) · deviation · slope. Limits: letters burnt in are sharper than
 * anatomy, and lie beyond what counts.
 */
import type { Field } from './field.ts'

/** Rows that are looked at, at most. */
const ROWS = 256
/** Samples to each side over which an edge rises. */
const REACH = 5
/** Shares of the steepest slopes between which edges count. */
const STEEPEST = { from: 0.98, to: 0.997 }
const LIMITS = { least: 0.5, most: 2.5 }

/** Deviation of the Gaussian that a sharp edge went through, samples: 0.5 to 2.5. */
export function edgeDeviation({ width, height, samples }: Field): number {
  const step = Math.max(1, Math.floor(height / ROWS))
  const slopes: { readonly at: number; readonly slope: number }[] = []
  for (let y = 0; y < height; y += step) {
    for (let x = REACH; x < width - REACH; x++) {
      const at = y * width + x
      const slope = Math.abs((samples[at + 1] as number) - (samples[at - 1] as number)) / 2
      if (slope > 0) slopes.push({ at, slope })
    }
  }
  slopes.sort((a, b) => a.slope - b.slope)
  const edges = slopes.slice(Math.floor(STEEPEST.from * slopes.length), Math.ceil(STEEPEST.to * slopes.length))
  const widths = edges.map(({ at, slope }) => {
    const piece = samples.subarray(at - REACH, at + REACH + 1)
    return (Math.max(...piece) - Math.min(...piece)) / (slope * Math.sqrt(2 * Math.PI))
  })
  const middle = widths.sort((a, b) => a - b)[widths.length >> 1] ?? LIMITS.least
  return Math.min(LIMITS.most, Math.max(LIMITS.least, middle))
}
