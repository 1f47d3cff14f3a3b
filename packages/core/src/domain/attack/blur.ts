/**
 * Blur: gaussian blur and the median of 3 × 3.
 *
 * Borders: the gaussian mirrors at the last sample without repeating it (OpenCV's default), the median repeats it.
 */
import { createPicture, type Picture } from './picture.ts'

/** @param deviation of the gaussian, in samples; it is cut off at three deviations, rounded up */
export function blurGaussian(picture: Picture, deviation: number): Picture {
  const kernel = gaussian(deviation)
  const reach = (kernel.length - 1) / 2
  const { width, height, samples } = picture
  const result = createPicture(width, height)
  const columns = new Float32Array(width)
  const padded = new Float32Array(width + 2 * reach)
  for (let row = 0; row < height; row++) {
    columns.fill(0)
    for (let k = -reach; k <= reach; k++) {
      const weight = kernel[k + reach] as number
      const at = mirror(row + k, height) * width
      for (let x = 0; x < width; x++) columns[x] = (columns[x] as number) + weight * (samples[at + x] as number)
    }
    padded.set(columns, reach)
    for (let k = 1; k <= reach; k++) {
      padded[reach - k] = columns[mirror(-k, width)] as number
      padded[reach + width - 1 + k] = columns[mirror(width - 1 + k, width)] as number
    }
    for (let x = 0, to = row * width; x < width; x++, to++) {
      let sum = 0.5
      for (let k = 0; k < kernel.length; k++) sum += (kernel[k] as number) * (padded[x + k] as number)
      result.samples[to] = sum > 255 ? 255 : sum
    }
  }
  return result
}

/** Each sample becomes the median of itself and its eight neighbours. */
export function filterMedian({ width, height, samples }: Picture): Picture {
  const result = createPicture(width, height)
  // The median of nine is the median of: largest minimum, median of medians, smallest maximum of its columns.
  const [low, middle, high] = [new Uint8Array(width + 2), new Uint8Array(width + 2), new Uint8Array(width + 2)]
  for (let row = 0; row < height; row++) {
    const above = Math.max(0, row - 1) * width
    const at = row * width
    const below = Math.min(height - 1, row + 1) * width
    for (let x = 0; x < width; x++) {
      const a = samples[above + x] as number
      const b = samples[at + x] as number
      const c = samples[below + x] as number
      const smaller = a < b ? a : b
      const larger = a < b ? b : a
      low[x + 1] = smaller < c ? smaller : c
      high[x + 1] = larger > c ? larger : c
      middle[x + 1] = c < smaller ? smaller : c > larger ? larger : c
    }
    for (const line of [low, middle, high]) {
      line[0] = line[1] as number
      line[width + 1] = line[width] as number
    }
    for (let x = 0; x < width; x++) {
      const floor = Math.max(low[x] as number, low[x + 1] as number, low[x + 2] as number)
      const roof = Math.min(high[x] as number, high[x + 1] as number, high[x + 2] as number)
      const center = median(middle[x] as number, middle[x + 1] as number, middle[x + 2] as number)
      result.samples[at + x] = median(floor, center, roof)
    }
  }
  return result
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}

function gaussian(deviation: number): Float32Array {
  const reach = Math.max(1, Math.ceil(3 * deviation))
  const weights = Float32Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)),
  )
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

function mirror(index: number, length: number): number {
  if (length === 1) return 0
  let at = Math.abs(index) % (2 * length - 2)
  if (at >= length) at = 2 * length - 2 - at
  return at
}
