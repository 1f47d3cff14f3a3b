/**
 * Normalise: brings any grey picture to the plane that features and cues are measured on.
 *
 * Source: docs/explanation/watchdog.md. Size, depth, window, borders and file format tell collections apart, not real from made: they go first. The
 * picture is shrunk by whole numbers only, as every other resampling leaves a lattice of its own. A header's window is not trusted.
 */
import { compressJpeg } from '../attack/jpeg.ts'
import type { GreyView } from '../pixels/grey-view.ts'
import { findContent } from './content-box.ts'
import { LARGEST_SIDE, LEAST_SIDE, type NormalPlane, type Refusal, type SourceBox } from './normal-plane.ts'
import { BLACK, findUsable, WHITE } from './usable-mask.ts'

/** Quality of the one round trip through JPEG that makes files of all formats alike. */
export const QUALITY = 90
/** Shares of the values that become black and white. */
const LOW = 0.005
const HIGH = 0.995
const BINS = 4096
/** An end of the values that holds more than a fiftieth of all within a hundredth of their range is background and left out of the shares. */
const END_BINS = Math.floor(BINS / 100)
const END_SHARE = 0.02
const LEAST_VALUES = 32
const LEAST_USABLE = 0.4

/**
 * Makes the plane of a picture. Cost: about 10 ms for 1024² on one core; buffers of some 4 MB.
 * @returns why there is none, where there is none
 */
export function normaliseView(view: GreyView): NormalPlane | Refusal {
  if (view.width < LEAST_SIDE || view.height < LEAST_SIDE) return 'too_small'
  const box = findContent(view)
  if (box === undefined) return 'blank'
  const [across, down] = [box.right - box.left, box.bottom - box.top]
  const shrink = Math.ceil(Math.max(across, down) / LARGEST_SIDE)
  const [width, height] = [Math.floor(across / shrink), Math.floor(down / shrink)]
  if (width < LEAST_SIDE || height < LEAST_SIDE) return 'too_small'
  const crop = { ...box, right: box.left + width * shrink, bottom: box.top + height * shrink }
  const small = shrinkView(view, crop, shrink)
  const bytes = stretchValues(small)
  if (bytes === undefined) return 'blank'
  if (countValues(bytes) < LEAST_VALUES) return 'too_few_values'
  const { usable, share } = findUsable(bytes, width)
  if (share < LEAST_USABLE) return 'too_few_values'
  const samples = Float32Array.from(compressJpeg({ width, height, samples: bytes }, QUALITY).samples)
  return { width, height, samples, usable, crop, shrink }
}

/** Sums over boxes of `shrink` × `shrink`: means would only differ by a factor that the stretch takes away. */
function shrinkView(
  { width: stride, samples }: GreyView,
  { left, top, right, bottom }: SourceBox,
  shrink: number,
): Float32Array {
  const width = (right - left) / shrink
  const height = (bottom - top) / shrink
  const small = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let row = 0; row < shrink; row++) {
      let from = (top + y * shrink + row) * stride + left
      for (let to = y * width; to < (y + 1) * width; to++) {
        let sum = small[to] as number
        for (let column = 0; column < shrink; column++) sum += samples[from++] as number
        small[to] = sum
      }
    }
  }
  return small
}

/** Values between two shares of all spread over 0 to 255 and rounded; undefined if they are all one. */
function stretchValues(values: Float32Array): Uint8Array | undefined {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    if (value < least) least = value
    if (value > most) most = value
  }
  if (!(most > least)) return undefined
  const [low, high] = findRange(values, least, (BINS - 1) / (most - least))
  const gain = (WHITE - BLACK) / (high - low)
  const bytes = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = ((values[i] as number) - low) * gain + 0.5
    bytes[i] = value < BLACK ? BLACK : value > WHITE ? WHITE : value
  }
  return bytes
}

/** The values that become black and white, by a histogram whose bins are 1 / `density` wide. */
function findRange(values: Float32Array, least: number, density: number): readonly [low: number, high: number] {
  const counts = new Uint32Array(BINS)
  for (let i = 0; i < values.length; i++) {
    const bin = (((values[i] as number) - least) * density) | 0
    counts[bin] = (counts[bin] as number) + 1
  }
  leaveOutEnd(counts.subarray(0, END_BINS), values.length)
  leaveOutEnd(counts.subarray(BINS - END_BINS), values.length)
  const total = counts.reduce((sum, count) => sum + count, 0)
  let [low, high, below] = [-1, BINS - 1, 0]
  for (let bin = 0; bin < BINS; bin++) {
    below += counts[bin] as number
    if (low < 0 && below > LOW * total) low = bin
    if (below >= HIGH * total) {
      high = bin
      break
    }
  }
  return [least + Math.max(0, low) / density, least + (Math.max(high, low) + 1) / density]
}

function leaveOutEnd(end: Uint32Array, total: number): void {
  if (end.reduce((sum, count) => sum + count, 0) > END_SHARE * total) end.fill(0)
}

function countValues(bytes: Uint8Array): number {
  const seen = new Uint8Array(256)
  for (let i = 0; i < bytes.length; i++) seen[bytes[i] as number] = 1
  return seen.reduce((sum, one) => sum + one, 0)
}
