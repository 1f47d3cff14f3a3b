/**
 * Resize: a picture brought to another size, its aspect too if asked.
 *
 * Source: separable resampling as Pillow's `Image.resize` does it: weights in 22 bits, each pass rounded to 8 bits. The
 * width is brought to size before the height (Pillow takes the height first where that is cheaper). When a picture is made smaller the filters widen with it, except `sampled`, which is bilinear
 * between the four nearest samples at any size, as OpenCV's INTER_LINEAR.
 */
import { createPicture, type Picture } from './picture.ts'

const PRECISION = 22

interface Filter {
  /** Half its width, in samples of the wider grid. */
  readonly support: number
  weigh(distance: number): number
  readonly widens: boolean
}

const FILTERS = {
  area: { support: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0), widens: true },
  bilinear: { support: 1, weigh: triangle, widens: true },
  lanczos: { support: 3, weigh: lanczos, widens: true },
  sampled: { support: 1, weigh: triangle, widens: false },
} as const satisfies Record<string, Filter>

export type ResizeFilter = keyof typeof FILTERS

export interface Size {
  /** Columns, at least 1. */
  readonly width: number
  /** Rows, at least 1. */
  readonly height: number
}

export function resizePicture(picture: Picture, { width, height }: Size, filter: ResizeFilter = 'lanczos'): Picture {
  const wide = width === picture.width ? picture : resizeRows(picture, width, FILTERS[filter])
  return height === picture.height ? wide : resizeColumns(wide, height, FILTERS[filter])
}

/** Width and height multiplied, rounded to whole samples. */
export function scalePicture(picture: Picture, x: number, y = x, filter: ResizeFilter = 'lanczos'): Picture {
  const width = Math.max(1, Math.round(picture.width * x))
  const height = Math.max(1, Math.round(picture.height * y))
  return resizePicture(picture, { width, height }, filter)
}

/** For each sample of the new line, which of the old ones make it, and how much of each. */
interface Taps {
  readonly from: Int32Array
  readonly count: Int32Array
  /** `span` weights for each sample. */
  readonly weights: Int32Array
  readonly span: number
}

function findTaps(before: number, after: number, filter: Filter): Taps {
  const scale = before / after
  const widening = filter.widens ? Math.max(1, scale) : 1
  const support = filter.support * widening
  const span = Math.ceil(support) * 2 + 1
  const taps = {
    from: new Int32Array(after),
    count: new Int32Array(after),
    weights: new Int32Array(after * span),
    span,
  }
  const row = new Float64Array(span)
  for (let i = 0; i < after; i++) {
    const center = (i + 0.5) * scale
    const from = Math.max(0, Math.trunc(center - support + 0.5))
    const count = Math.min(before, Math.trunc(center + support + 0.5)) - from
    let sum = 0
    for (let j = 0; j < count; j++) sum += row[j] = filter.weigh((j + from - center + 0.5) / widening)
    taps.from[i] = from
    taps.count[i] = count
    for (let j = 0; j < count; j++) taps.weights[i * span + j] = roundAway(((row[j] as number) / sum) * 2 ** PRECISION)
  }
  return taps
}

function resizeRows({ width, height, samples }: Picture, target: number, filter: Filter): Picture {
  const { from, count, weights, span } = findTaps(width, target, filter)
  const result = createPicture(target, height)
  for (let x = 0; x < target; x++) {
    const taps = count[x] as number
    let at = from[x] as number
    for (let y = 0, to = x; y < height; y++, to += target, at += width) {
      let sum = 1 << (PRECISION - 1)
      for (let j = 0; j < taps; j++) {
        sum = (sum + Math.imul(samples[at + j] as number, weights[x * span + j] as number)) | 0
      }
      result.samples[to] = clip(sum)
    }
  }
  return result
}

function resizeColumns({ width, samples, height }: Picture, target: number, filter: Filter): Picture {
  const { from, count, weights, span } = findTaps(height, target, filter)
  const result = createPicture(width, target)
  const sums = new Int32Array(width)
  for (let y = 0; y < target; y++) {
    sums.fill(1 << (PRECISION - 1))
    for (let j = 0; j < (count[y] as number); j++) {
      const weight = weights[y * span + j] as number
      const at = ((from[y] as number) + j) * width
      for (let x = 0; x < width; x++) sums[x] = (sums[x] as number) + Math.imul(samples[at + x] as number, weight)
    }
    for (let x = 0, to = y * width; x < width; x++, to++) result.samples[to] = clip(sums[x] as number)
  }
  return result
}

function clip(sum: number): number {
  const value = sum >> PRECISION
  return value < 0 ? 0 : value > 255 ? 255 : value
}

function roundAway(value: number): number {
  return Math.trunc(value < 0 ? value - 0.5 : value + 0.5)
}

function triangle(distance: number): number {
  return Math.max(0, 1 - Math.abs(distance))
}

function lanczos(distance: number): number {
  if (distance <= -3 || distance >= 3) return 0
  return sinc(distance) * sinc(distance / 3)
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}
