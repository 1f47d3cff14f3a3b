/**
 * Residual: what a denoiser takes away from a plane, the attacker's guess at what a mark has added.
 *
 * Source: the local Wiener filter (J. S. Lee 1980), as M. Kutter, S. Voloshynovskiy and A. Herrigel, "The watermark copy attack"
 * (SPIE 3971, 2000) use it to estimate a mark nobody has shown them. Noise of the sensor comes along with the mark.
 */
import type { StoredPlane } from './plane-edit.ts'

/** One number a sample, of any sign; in row order, of the plane's size. */
export type Residual = Float32Array

/**
 * Plane less what the Wiener filter takes it to be.
 *
 * @param reach  the window is 2 · reach + 1 samples wide and high; as large as the pattern is coarse
 * Cost: two summed-area tables in double precision.
 */
export function residualOf({ width, height, samples }: StoredPlane, reach: number): Residual {
  const [sums, squares] = tables({ width, height, samples })
  const variances = new Float32Array(samples.length)
  const means = new Float32Array(samples.length)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const box = { x0: Math.max(0, x - reach), y0: Math.max(0, y - reach), x1: Math.min(width, x + reach + 1), y1: 0 }
      box.y1 = Math.min(height, y + reach + 1)
      const count = (box.x1 - box.x0) * (box.y1 - box.y0)
      const mean = sumOf(sums, width + 1, box) / count
      means[at] = mean
      variances[at] = Math.max(0, sumOf(squares, width + 1, box) / count - mean * mean)
    }
  }
  const noise = medianOf(variances)
  const residual = new Float32Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const kept = Math.max(0, (variances[i] as number) - noise) / Math.max(variances[i] as number, noise, 1e-6)
    residual[i] = ((samples[i] as number) - (means[i] as number)) * (1 - kept)
  }
  return residual
}

/** Adds a residual, `strength` times over, rounded and kept in 0 … `most`. A negative strength takes it away. */
export function addResidual<P extends StoredPlane>(plane: P, residual: Residual, strength: number, most: number): P {
  const samples = plane.samples.map((value, i) =>
    Math.max(0, Math.min(most, Math.round(value + strength * (residual[i] as number)))),
  )
  return { ...plane, samples }
}

interface Corners {
  x0: number
  y0: number
  x1: number
  y1: number
}

function tables({ width, height, samples }: StoredPlane): readonly [Float64Array, Float64Array] {
  const stride = width + 1
  const sums = new Float64Array(stride * (height + 1))
  const squares = new Float64Array(stride * (height + 1))
  for (let y = 0, i = 0; y < height; y++) {
    let sum = 0
    let square = 0
    for (let x = 0, at = (y + 1) * stride + 1; x < width; x++, at++, i++) {
      const value = samples[i] as number
      sum += value
      square += value * value
      sums[at] = (sums[at - stride] as number) + sum
      squares[at] = (squares[at - stride] as number) + square
    }
  }
  return [sums, squares]
}

function sumOf(table: Float64Array, stride: number, { x0, y0, x1, y1 }: Corners): number {
  const upper = (table[y0 * stride + x1] as number) - (table[y0 * stride + x0] as number)
  return (table[y1 * stride + x1] as number) - (table[y1 * stride + x0] as number) - upper
}

function medianOf(values: Float32Array): number {
  const sorted = values.slice().sort()
  return sorted[sorted.length >> 1] ?? 0
}
