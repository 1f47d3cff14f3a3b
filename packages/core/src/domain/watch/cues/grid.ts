/**
 * Grid: values of a picture at one resolution, with the few filters that cues share.
 *
 * Box filters stand for Gaussian ones: two additions a sample at any radius, the same result in every engine. Borders repeat the outermost value.
 */

export interface Grid {
  readonly width: number
  readonly height: number
  /** width × height values, row by row. */
  readonly samples: Float32Array
}

/** A smaller grid: each value the mean of factor × factor; incomplete last rows and columns are dropped. Factor 1 gives the grid itself. */
export function shrinkGrid(grid: Grid, factor: number): Grid {
  if (factor === 1) return grid
  const width = Math.floor(grid.width / factor)
  const height = Math.floor(grid.height / factor)
  const samples = new Float32Array(width * height)
  for (let y = 0; y < height * factor; y++) {
    const to = Math.floor(y / factor) * width
    let from = y * grid.width
    for (let x = 0; x < width; x++) {
      let sum = 0
      for (let i = 0; i < factor; i++) sum += grid.samples[from++] as number
      samples[to + x] = (samples[to + x] as number) + sum
    }
  }
  const share = 1 / (factor * factor)
  for (let i = 0; i < samples.length; i++) samples[i] = (samples[i] as number) * share
  return { width, height, samples }
}

/** Mean over a square of 2 × radius + 1 samples a side. Cost: two passes, two buffers. */
export function blurGrid({ width, height, samples }: Grid, radius: number): Grid {
  const rows = new Float32Array(samples.length)
  const share = 1 / (2 * radius + 1)
  for (let y = 0; y < height; y++) {
    const start = y * width
    const last = start + width - 1
    let sum = (samples[start] as number) * (radius + 1)
    for (let i = 1; i <= radius; i++) sum += samples[Math.min(last, start + i)] as number
    for (let x = 0; x < width; x++) {
      rows[start + x] = sum * share
      sum +=
        (samples[Math.min(last, start + x + radius + 1)] as number) -
        (samples[Math.max(start, start + x - radius)] as number)
    }
  }
  return { width, height, samples: blurColumns(rows, { width, height, radius }) }
}

interface ColumnBlur {
  readonly width: number
  readonly height: number
  readonly radius: number
}

function blurColumns(rows: Float32Array, { width, height, radius }: ColumnBlur): Float32Array {
  const blurred = new Float32Array(rows.length)
  const sums = new Float64Array(width)
  const rowAt = (y: number): number => Math.max(0, Math.min(height - 1, y)) * width
  for (let i = -radius; i <= radius; i++) {
    const at = rowAt(i)
    for (let x = 0; x < width; x++) sums[x] = (sums[x] as number) + (rows[at + x] as number)
  }
  const share = 1 / (2 * radius + 1)
  for (let y = 0; y < height; y++) {
    const to = y * width
    const next = rowAt(y + radius + 1)
    const past = rowAt(y - radius)
    for (let x = 0; x < width; x++) {
      const sum = sums[x] as number
      blurred[to + x] = sum * share
      sums[x] = sum + (rows[next + x] as number) - (rows[past + x] as number)
    }
  }
  return blurred
}

/** First minus second, value by value; both of one size. */
export function subtractGrid(first: Grid, second: Grid): Grid {
  const samples = new Float32Array(first.samples.length)
  for (let i = 0; i < samples.length; i++) samples[i] = (first.samples[i] as number) - (second.samples[i] as number)
  return { width: first.width, height: first.height, samples }
}

/** Value at a share of all values in order, 0 to 1; NaN for no values. Sorts in place. */
export function quantileOf(values: Float64Array, share: number): number {
  values.sort()
  return values.length === 0
    ? Number.NaN
    : (values[Math.min(values.length - 1, Math.floor(share * values.length))] as number)
}

/** Pearson correlation; 0 where either side does not vary. */
export function correlate(first: Float64Array, second: Float64Array): number {
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0]
  const n = first.length
  for (let i = 0; i < n; i++) {
    const [x, y] = [first[i] as number, second[i] as number]
    a += x
    b += y
    aa += x * x
    bb += y * y
    ab += x * y
  }
  const spread = (aa - (a * a) / n) * (bb - (b * b) / n)
  return n < 2 || !(spread > 1e-12) ? 0 : (ab - (a * b) / n) / Math.sqrt(spread)
}
