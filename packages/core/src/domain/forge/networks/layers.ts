/**
 * Layers: the few steps that the forge's networks are made of, forward only.
 *
 * Source: the definitions of PyTorch's Conv2d (kernel 3, padding 1), leaky_relu, interpolate (nearest), PixelShuffle and PixelUnshuffle,
 * which vectors/forge-networks compares with. Sums are made in double precision and kept in single, so that results differ from PyTorch's
 * in the last digits only, and are the same in every engine.
 */
import { createMaps, type Maps } from './maps.ts'

/** A convolution of 3 × 3 samples. */
export interface Kernel {
  readonly inputs: number
  readonly outputs: number
  /** Distance of the samples that are made, in samples of the input. */
  readonly stride: 1 | 2
  /** outputs × inputs × 3 × 3. */
  readonly weights: Float32Array
  /** One for each output. */
  readonly shifts: Float32Array
}

/** What negative values are multiplied with by {@link leak}. */
const SLOPE = 0.125

/**
 * Zeros lie around the input. Cost: about 4 · 10⁹ products a second on one core.
 * @param added  one more shift for each output
 * @throws {RangeError} for another number of planes, or odd sides before a stride of 2
 */
export function convolve(maps: Maps, kernel: Kernel, added?: Float32Array): Maps {
  const { inputs, outputs, stride, weights, shifts } = kernel
  if (maps.channels !== inputs) throw new RangeError(`${maps.channels} planes for a layer of ${inputs}`)
  if (maps.width % stride !== 0 || maps.height % stride !== 0) throw new RangeError('sides are odd')
  const padded = surround(maps)
  const made = createMaps(outputs, maps.width / stride, maps.height / stride)
  const sums = new Float64Array(made.width)
  const pitch = maps.width + 2
  for (let y = 0; y < made.height; y++) {
    for (let output = 0; output < outputs; output++) {
      sums.fill((shifts[output] as number) + (added?.[output] ?? 0))
      for (let input = 0; input < inputs; input++) {
        const at = (input * (maps.height + 2) + y * stride) * pitch
        addRows(sums, padded, { at, pitch, stride, weights, from: (output * inputs + input) * 9 })
      }
      made.values.set(sums, (output * made.height + y) * made.width)
    }
  }
  return made
}

/** Negative values divided by eight, in place. */
export function leak(maps: Maps): Maps {
  const { values } = maps
  for (let i = 0; i < values.length; i++) if ((values[i] as number) < 0) values[i] = (values[i] as number) * SLOPE
  return maps
}

/** The second maps added to the first ones, in place. */
export function addMaps(maps: Maps, others: Maps): Maps {
  for (let i = 0; i < maps.values.length; i++)
    maps.values[i] = (maps.values[i] as number) + (others.values[i] as number)
  return maps
}

/** Each sample four times. */
export function enlarge({ channels, width, height, values }: Maps): Maps {
  const made = createMaps(channels, 2 * width, 2 * height)
  for (let row = 0; row < channels * height; row++) {
    const to = 4 * row * width
    for (let x = 0; x < 2 * width; x++) made.values[to + x] = values[row * width + (x >> 1)] as number
    made.values.copyWithin(to + 2 * width, to, to + 2 * width)
  }
  return made
}

/** One plane from factor² planes, each of which holds one phase of it. */
export function shuffle({ width, height, values }: Maps, factor: number): Maps {
  const made = createMaps(1, width * factor, height * factor)
  for (let y = 0; y < made.height; y++) {
    for (let x = 0; x < made.width; x++) {
      const plane = (y % factor) * factor + (x % factor)
      made.values[y * made.width + x] = values[phaseAt(plane, x, y, factor, width, height)] as number
    }
  }
  return made
}

/** The inverse of {@link shuffle}. */
export function unshuffle({ width, height, values }: Maps, factor: number): Maps {
  const made = createMaps(factor * factor, width / factor, height / factor)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const plane = (y % factor) * factor + (x % factor)
      made.values[phaseAt(plane, x, y, factor, made.width, made.height)] = values[y * width + x] as number
    }
  }
  return made
}

const phaseAt = (plane: number, x: number, y: number, factor: number, width: number, height: number): number =>
  (plane * height + Math.floor(y / factor)) * width + Math.floor(x / factor)

interface Rows {
  /** Where the uppermost of three rows begins. */
  readonly at: number
  readonly pitch: number
  readonly stride: number
  readonly weights: Float32Array
  /** Where the nine weights begin. */
  readonly from: number
}

/** Everything is in numbers of its own, which engines keep in registers. */
function addRows(sums: Float64Array, padded: Float32Array, { at, pitch, stride, weights, from }: Rows): void {
  const [a, b, c] = [weights[from] as number, weights[from + 1] as number, weights[from + 2] as number]
  const [d, e, f] = [weights[from + 3] as number, weights[from + 4] as number, weights[from + 5] as number]
  const [g, h, i] = [weights[from + 6] as number, weights[from + 7] as number, weights[from + 8] as number]
  let upper = at
  let middle = upper + pitch
  let lower = middle + pitch
  for (let x = 0; x < sums.length; x++) {
    sums[x] =
      (sums[x] as number) +
      (a * (padded[upper] as number) + b * (padded[upper + 1] as number) + c * (padded[upper + 2] as number)) +
      (d * (padded[middle] as number) + e * (padded[middle + 1] as number) + f * (padded[middle + 2] as number)) +
      (g * (padded[lower] as number) + h * (padded[lower + 1] as number) + i * (padded[lower + 2] as number))
    upper += stride
    middle += stride
    lower += stride
  }
}

/** The planes with one zero around each. */
function surround({ channels, width, height, values }: Maps): Float32Array {
  const padded = new Float32Array(channels * (width + 2) * (height + 2))
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      const from = (channel * height + y) * width
      padded.set(values.subarray(from, from + width), (channel * (height + 2) + y + 1) * (width + 2) + 1)
    }
  }
  return padded
}
