/**
 * Field: filters over planes of real numbers, which is what forgeries are made in before they are rounded.
 *
 * Edges are mirrored without repeating the outermost sample.
 */

export interface Field {
  /** Columns. */
  readonly width: number
  /** Rows. */
  readonly height: number
  /** width × height values, row by row. */
  readonly samples: Float32Array
}

/** Above this a Gaussian is made of three box means (Wells 1986), whose cost does not grow with it. */
const MOST_BY_WEIGHTS = 4

/** Gaussian of a deviation in samples; a copy where it is below 0.1. Cost: three buffers of the field's size. */
export function blurField(field: Field, deviation: number): Field {
  if (deviation < 0.1) return { ...field, samples: field.samples.slice() }
  if (deviation > MOST_BY_WEIGHTS) {
    const reach = Math.max(1, Math.round((Math.sqrt(4 * deviation * deviation + 1) - 1) / 2))
    return boxMean(boxMean(boxMean(field, reach), reach), reach)
  }
  const weights = gaussianWeights(deviation)
  return weighField(field, weights, weights)
}

/** Odd numbers of weights along rows and along columns. */
export function weighField(field: Field, along: Float32Array, across: Float32Array): Field {
  return weighColumns(weighRows(field, along), across)
}

/** 2 · reach + 1 weights, sum 1. */
export function gaussianWeights(deviation: number): Float32Array {
  const reach = Math.max(1, Math.ceil(3 * deviation))
  const weights = Float32Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)),
  )
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/** Mean over (2 · reach + 1)² samples by running sums. */
export function boxMean({ width, height, samples }: Field, reach: number): Field {
  const scale = 1 / (2 * reach + 1)
  const rows = new Float32Array(samples.length)
  for (let y = 0; y < height; y++) {
    const at = y * width
    let sum = 0
    for (let d = -reach; d <= reach; d++) sum += samples[at + mirrorIndex(d, width)] as number
    for (let x = 0; x < width; x++) {
      rows[at + x] = sum * scale
      sum +=
        (samples[at + mirrorIndex(x + reach + 1, width)] as number) -
        (samples[at + mirrorIndex(x - reach, width)] as number)
    }
  }
  const result = new Float32Array(samples.length)
  const sums = new Float64Array(width)
  const add = (row: number, sign: number): void => {
    const at = mirrorIndex(row, height) * width
    for (let x = 0; x < width; x++) sums[x] = (sums[x] as number) + sign * (rows[at + x] as number)
  }
  for (let d = -reach; d <= reach; d++) add(d, 1)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) result[y * width + x] = (sums[x] as number) * scale
    add(y + reach + 1, 1)
    add(y - reach, -1)
  }
  return { width, height, samples: result }
}

/** An index beyond an edge, brought back as in a mirror. */
export function mirrorIndex(index: number, length: number): number {
  if (index >= 0 && index < length) return index
  if (length === 1) return 0
  const at = Math.abs(index) % (2 * length - 2)
  return at < length ? at : 2 * length - 2 - at
}

/** The mean of whole squares of `factor` samples a side; what is left over at the right and below is dropped. */
export function shrinkField({ width, height, samples }: Field, factor: number): Field {
  const size = { width: Math.floor(width / factor), height: Math.floor(height / factor) }
  const result = new Float32Array(size.width * size.height)
  for (let y = 0; y < size.height * factor; y++) {
    const to = Math.floor(y / factor) * size.width
    for (let x = 0; x < size.width * factor; x++) {
      const i = to + Math.floor(x / factor)
      result[i] = (result[i] as number) + (samples[y * width + x] as number)
    }
  }
  const scale = 1 / (factor * factor)
  return { ...size, samples: result.map((sum) => sum * scale) }
}

/** The value between samples of one row, by the cubic of Keys (1981, a = −1/2); beyond the ends the outermost value. */
export function cubicInRow(samples: Float32Array, from: number, width: number, x: number): number {
  const base = Math.floor(x)
  const t = x - base
  const at = (i: number): number => samples[from + Math.min(width - 1, Math.max(0, i))] as number
  if (t === 0) return at(base)
  const [a, b, c, d] = [at(base - 1), at(base), at(base + 1), at(base + 2)]
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
}

/** Bilinear; beyond the edges the outermost value. */
export function valueAt({ width, height, samples }: Field, x: number, y: number): number {
  const u = Math.min(width - 1, Math.max(0, x))
  const v = Math.min(height - 1, Math.max(0, y))
  const left = Math.min(width - 2, Math.floor(u))
  const top = Math.min(height - 2, Math.floor(v))
  const [s, t] = [u - left, v - top]
  const at = top * width + left
  const upper = (samples[at] as number) * (1 - s) + (samples[at + 1] as number) * s
  const lower = (samples[at + width] as number) * (1 - s) + (samples[at + width + 1] as number) * s
  return upper * (1 - t) + lower * t
}

function weighRows({ width, height, samples }: Field, weights: Float32Array): Field {
  const reach = weights.length >> 1
  const result = new Float32Array(samples.length)
  const line = new Float32Array(width + 2 * reach)
  for (let y = 0; y < height; y++) {
    const at = y * width
    line.set(samples.subarray(at, at + width), reach)
    for (let d = 1; d <= reach; d++) {
      line[reach - d] = samples[at + mirrorIndex(-d, width)] as number
      line[reach + width - 1 + d] = samples[at + mirrorIndex(width - 1 + d, width)] as number
    }
    for (let x = 0; x < width; x++) {
      let sum = 0
      for (let k = 0; k < weights.length; k++) sum += (weights[k] as number) * (line[x + k] as number)
      result[at + x] = sum
    }
  }
  return { width, height, samples: result }
}

function weighColumns({ width, height, samples }: Field, weights: Float32Array): Field {
  const reach = weights.length >> 1
  const result = new Float32Array(samples.length)
  for (let y = 0; y < height; y++) {
    const to = y * width
    for (let k = 0; k < weights.length; k++) {
      const weight = weights[k] as number
      const at = mirrorIndex(y + k - reach, height) * width
      for (let x = 0; x < width; x++) result[to + x] = (result[to + x] as number) + weight * (samples[at + x] as number)
    }
  }
  return { width, height, samples: result }
}
