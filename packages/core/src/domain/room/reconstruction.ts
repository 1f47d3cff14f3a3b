/**
 * Reconstruction: the noise that filtered back-projection leaves in a slice.
 *
 * Each ray through the slice counts quanta; the thicker the body on its way, the fewer, and the noisier its logarithm.
 * Filtering and back-projecting that noise alone gives the grain and the streaks of real slices: fine, stronger in the
 * middle, drawn out across shoulders. Parallel beams; the ramp filter of Ramachandran and Lakshminarayanan (1971).
 */
import type { Random } from './random.ts'

const WATER_PER_MM = 0.0193

export interface ScanInput {
  /** Hounsfield values, `size`² pixels. */
  readonly hounsfield: Float32Array
  readonly size: number
  readonly pixelMm: number
  /** Quanta a ray would count in air. */
  readonly openQuanta: number
  readonly views: number
}

/** Noise in Hounsfield units for each pixel inside the circle of the scan; zero outside. */
export function reconstructNoise(
  { hounsfield, size, pixelMm, openQuanta, views }: ScanInput,
  random: Random,
): Float32Array {
  const coarse = shrinkToMu(hounsfield, size, 4)
  const out = new Float32Array(size * size)
  const kernel = rampKernel(size, pixelMm)
  const row = new Float32Array(size)
  for (let view = 0; view < views; view++) {
    const angle = ((view + random.uniform()) / views) * Math.PI
    const path = projectCoarse(coarse, size / 4, pixelMm * 4, angle)
    for (let i = 0; i < size; i++) {
      const depth = path[Math.min(path.length - 1, i >> 2)] as number
      row[i] = random.normal(0, Math.sqrt(Math.exp(Math.min(depth, 12)) / openQuanta))
    }
    backProject(filterRow(row, kernel, pixelMm), out, size, angle)
  }
  const unit = (Math.PI / views) * (1000 / WATER_PER_MM)
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) * unit
  return out
}

function shrinkToMu(hounsfield: Float32Array, size: number, factor: number): Float32Array {
  const across = size / factor
  const mu = new Float32Array(across * across)
  const share = WATER_PER_MM / (factor * factor)
  for (let v = 0; v < size; v++) {
    for (let u = 0; u < size; u++) {
      const at = Math.floor(v / factor) * across + Math.floor(u / factor)
      mu[at] = (mu[at] as number) + share * Math.max(0, 1 + (hounsfield[v * size + u] as number) / 1000)
    }
  }
  return mu
}

/** Line integrals of a small map: each pixel gives its weight to the two bins next to its shadow. */
function projectCoarse(mu: Float32Array, size: number, pixelMm: number, angle: number): Float32Array {
  const path = new Float32Array(size)
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)]
  const middle = (size - 1) / 2
  for (let v = 0; v < size; v++) {
    let at = (v - middle) * sine - middle * cosine + middle
    for (let u = 0; u < size; u++, at += cosine) {
      const value = mu[v * size + u] as number
      if (value === 0 || at < 0 || at >= size - 1) continue
      const bin = Math.floor(at)
      path[bin] = (path[bin] as number) + value * (bin + 1 - at) * pixelMm
      path[bin + 1] = (path[bin + 1] as number) + value * (at - bin) * pixelMm
    }
  }
  return path
}

/** The ramp in space, softened by [¼ ½ ¼] as a standard kernel does. */
function rampKernel(size: number, pixelMm: number): Float32Array {
  const ramp = (n: number): number => (n === 0 ? 0.25 : n % 2 === 0 ? 0 : -1 / (Math.PI * n) ** 2) / (pixelMm * pixelMm)
  return Float32Array.from(
    { length: size },
    (_, n) => 0.25 * ramp(Math.abs(n - 1)) + 0.5 * ramp(n) + 0.25 * ramp(n + 1),
  )
}

function filterRow(row: Float32Array, kernel: Float32Array, pixelMm: number): Float32Array {
  const out = new Float32Array(row.length)
  // Taps far out weigh less than a thousandth of the middle.
  const reach = 24
  for (let i = 0; i < row.length; i++) {
    let sum = (row[i] as number) * (kernel[0] as number)
    for (let n = 1; n <= reach; n++) sum += (kernel[n] as number) * ((row[i - n] ?? 0) + (row[i + n] ?? 0))
    out[i] = sum * pixelMm
  }
  return out
}

function backProject(filtered: Float32Array, out: Float32Array, size: number, angle: number): void {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)]
  const middle = (size - 1) / 2
  const radius = middle - 1
  for (let v = 0; v < size; v++) {
    const y = v - middle
    const half = Math.floor(Math.sqrt(Math.max(0, radius * radius - y * y)))
    let at = y * sine - half * cosine + middle
    const end = v * size + Math.floor(middle) + half
    for (let i = v * size + Math.ceil(middle) - half; i <= end; i++, at += cosine) {
      const bin = at | 0
      const low = filtered[bin] as number
      out[i] = (out[i] as number) + low + (at - bin) * ((filtered[bin + 1] as number) - low)
    }
  }
}
