/**
 * Field: smooth chance and smoothing over a grid.
 *
 * Lattice noise: random values on a coarse lattice, joined smoothly, in octaves of halved size. Blurring is by Gaussian
 * kernels cut at three deviations; wide ones run on a shrunken grid.
 */
import type { Random } from './random.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

/**
 * Smooth noise of zero mean and about unit deviation.
 *
 * @param cellPx     pixels from one lattice point to the next in the coarsest octave
 * @param octaves    each with half the cell and `roughness` times the amplitude of the one before
 */
export function noiseField(
  { columns, rows }: Size,
  random: Random,
  cellPx: number,
  octaves = 1,
  roughness = 0.5,
): Float32Array {
  const field = new Float32Array(columns * rows)
  let [cell, amplitude, power] = [cellPx, 1, 0]
  for (let octave = 0; octave < octaves; octave++) {
    addLattice(field, { columns, rows }, random, Math.max(1, cell), amplitude)
    power += amplitude * amplitude
    cell /= 2
    amplitude *= roughness
  }
  // Smooth interpolation keeps about 0.55 of the lattice's variance in each octave.
  const unit = 1 / Math.sqrt(0.55 * power)
  for (let i = 0; i < field.length; i++) field[i] = (field[i] as number) * unit
  return field
}

function addLattice(
  field: Float32Array,
  { columns, rows }: Size,
  random: Random,
  cell: number,
  amplitude: number,
): void {
  const across = Math.ceil(columns / cell) + 2
  const down = Math.ceil(rows / cell) + 2
  const lattice = new Float32Array(across * down)
  for (let i = 0; i < lattice.length; i++) lattice[i] = random.normal(0, amplitude)
  const [shiftX, shiftY] = [random.uniform(), random.uniform()]
  const lefts = new Int32Array(columns)
  const weights = new Float32Array(columns)
  for (let u = 0; u < columns; u++) {
    const x = u / cell + shiftX
    const left = Math.floor(x)
    lefts[u] = left
    weights[u] = smoothStep(x - left)
  }
  for (let v = 0; v < rows; v++) {
    const y = v / cell + shiftY
    const top = Math.floor(y)
    const wy = smoothStep(y - top)
    for (let u = 0; u < columns; u++) {
      const at = top * across + (lefts[u] as number)
      const wx = weights[u] as number
      const upper = (lattice[at] as number) + wx * ((lattice[at + 1] as number) - (lattice[at] as number))
      const lower =
        (lattice[at + across] as number) +
        wx * ((lattice[at + across + 1] as number) - (lattice[at + across] as number))
      const i = v * columns + u
      field[i] = (field[i] as number) + upper + wy * (lower - upper)
    }
  }
}

const smoothStep = (x: number): number => x * x * (3 - 2 * x)

/** Gaussian blur with mirrored edges, into a new map. */
export function blurField(map: Float32Array, size: Size, deviationPx: number): Float32Array {
  if (deviationPx < 0.05) return map.slice()
  if (deviationPx <= 4) return blurDirect(map, size, deviationPx)
  const factor = Math.floor(deviationPx / 2)
  const small = shrinkField(map, size, factor)
  // Averaging over blocks and joining them again blur a little by themselves.
  const rest = Math.sqrt(Math.max(0.25, (deviationPx / factor) ** 2 - 1 / 4))
  return enlargeField(blurDirect(small.map, small, rest), small, size, factor)
}

function blurDirect(map: Float32Array, { columns, rows }: Size, deviationPx: number): Float32Array {
  const kernel = gaussianKernel(deviationPx)
  const middle = blurRows(map, columns, rows, kernel)
  return blurColumns(middle, columns, rows, kernel)
}

/** Half a kernel: the middle, then one side; sums to 1 with the other side. */
function gaussianKernel(deviation: number): Float64Array {
  const kernel = Float64Array.from({ length: Math.max(1, Math.ceil(3 * deviation)) + 1 }, (_, i) =>
    Math.exp(-0.5 * (i / deviation) ** 2),
  )
  const total = kernel.reduce((sum, value, i) => sum + (i === 0 ? value : 2 * value), 0)
  return kernel.map((value) => value / total)
}

function blurRows(map: Float32Array, columns: number, rows: number, kernel: Float64Array): Float32Array {
  const out = new Float32Array(map.length)
  const reach = kernel.length - 1
  const line = new Float64Array(columns + 2 * reach)
  for (let v = 0; v < rows; v++) {
    const start = v * columns
    for (let i = 0; i < line.length; i++) line[i] = map[start + mirror(i - reach, columns)] as number
    for (let u = 0; u < columns; u++) {
      let sum = (line[u + reach] as number) * (kernel[0] as number)
      for (let k = 1; k <= reach; k++)
        sum += (kernel[k] as number) * ((line[u + reach - k] as number) + (line[u + reach + k] as number))
      out[start + u] = sum
    }
  }
  return out
}

function blurColumns(map: Float32Array, columns: number, rows: number, kernel: Float64Array): Float32Array {
  const out = new Float32Array(map.length)
  const reach = kernel.length - 1
  for (let v = 0; v < rows; v++) {
    const to = out.subarray(v * columns, (v + 1) * columns)
    for (let k = 0; k <= reach; k++) {
      const above = mirror(v - k, rows) * columns
      const below = mirror(v + k, rows) * columns
      const weight = (k === 0 ? 0.5 : 1) * (kernel[k] as number)
      for (let u = 0; u < columns; u++)
        to[u] = (to[u] as number) + weight * ((map[above + u] as number) + (map[below + u] as number))
    }
  }
  return out
}

function mirror(index: number, length: number): number {
  let i = index
  while (i < 0 || i >= length) i = i < 0 ? -1 - i : 2 * length - 1 - i
  return i
}

/** Means over blocks of `factor`² pixels. */
export function shrinkField(
  map: Float32Array,
  { columns, rows }: Size,
  factor: number,
): Size & { readonly map: Float32Array } {
  const [across, down] = [Math.ceil(columns / factor), Math.ceil(rows / factor)]
  const small = new Float32Array(across * down)
  for (let y = 0; y < down; y++) {
    const bottom = Math.min(rows, (y + 1) * factor)
    for (let x = 0; x < across; x++) {
      const right = Math.min(columns, (x + 1) * factor)
      let sum = 0
      for (let v = y * factor; v < bottom; v++)
        for (let u = x * factor; u < right; u++) sum += map[v * columns + u] as number
      small[y * across + x] = sum / ((bottom - y * factor) * (right - x * factor))
    }
  }
  return { map: small, columns: across, rows: down }
}

/** Bilinear enlargement of what {@link shrinkField} made. */
export function enlargeField(map: Float32Array, small: Size, { columns, rows }: Size, factor: number): Float32Array {
  const out = new Float32Array(columns * rows)
  const middle = (factor - 1) / 2
  const lastX = Math.max(0, small.columns - 2)
  const lastY = Math.max(0, small.rows - 2)
  const right = small.columns > 1 ? 1 : 0
  const below = small.rows > 1 ? small.columns : 0
  for (let v = 0; v < rows; v++) {
    const y = Math.max(0, Math.min(small.rows - 1, (v - middle) / factor))
    const y0 = Math.min(lastY, Math.floor(y))
    for (let u = 0; u < columns; u++) {
      const x = Math.max(0, Math.min(small.columns - 1, (u - middle) / factor))
      const x0 = Math.min(lastX, Math.floor(x))
      const at = y0 * small.columns + x0
      const upper = (map[at] as number) + (x - x0) * ((map[at + right] as number) - (map[at] as number))
      const lower =
        (map[at + below] as number) + (x - x0) * ((map[at + below + right] as number) - (map[at + below] as number))
      out[v * columns + u] = upper + (y - y0) * (lower - upper)
    }
  }
  return out
}
