/**
 * Lattice: what a mean spectrum shows at halves and quarters of the sampling frequency, and in which directions it is strong.
 *
 * Source: Zhang et al. 2019; Frank et al. 2020 (upsampling in generators leaves a lattice). Corners of the spectrum are not looked at: the round trip
 * through JPEG leaves chance there.
 */
import { SIDE } from '../fft.ts'
import { logOf } from './moments.ts'
import { centred, RING_OF } from './patch-spectra.ts'

const HALF = SIDE / 2

/** Last parts of the names of what {@link describeLattice} tells. */
export const LATTICE_NAMES = [
  'peak-half-axis',
  'peak-quarter-axis',
  'axis-middle',
  'axis-high',
  'across-middle',
  'across-high',
] as const

/** Peaks at halves and quarters of the sampling frequency against their surroundings; axes against diagonals; rows against columns. */
export function describeLattice(mean: Float64Array): number[] {
  const peak = (...places: (readonly [number, number])[]): number =>
    places.reduce((sum, [u, v]) => sum + logOf(aroundMean(mean, u, v, 0)) - logOf(aroundMean(mean, u, v, 3)), 0) /
    places.length
  const quarter = HALF / 2
  const sector = (from: number, to: number, isIn: (u: number, v: number) => boolean): number => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < mean.length; i++) {
      const ring = RING_OF[i] as number
      if (ring < from || ring >= to || !isIn(Math.abs(centred(i % SIDE)), Math.abs(centred(Math.floor(i / SIDE)))))
        continue
      sum += mean[i] as number
      count++
    }
    return logOf(sum / Math.max(1, count))
  }
  const isAxis = (u: number, v: number): boolean => 3 * Math.min(u, v) < Math.max(u, v)
  const axis = (from: number, to: number): number =>
    sector(from, to, isAxis) - sector(from, to, (u, v) => 3 * Math.min(u, v) > 2 * Math.max(u, v))
  const across = (from: number, to: number): number =>
    sector(from, to, (u, v) => u > 2 * v) - sector(from, to, (u, v) => v > 2 * u)
  return [
    peak([HALF, 0], [0, HALF]),
    peak([quarter, 0], [0, quarter]),
    axis(8, 18),
    axis(20, 33),
    across(8, 18),
    across(20, 33),
  ]
}

/** Mean at a frequency, or on the square ring `distance` around it. */
function aroundMean(mean: Float64Array, u: number, v: number, distance: number): number {
  if (distance === 0) return mean[v * SIDE + u] as number
  let [sum, count] = [0, 0]
  for (let dv = -distance; dv <= distance; dv++) {
    for (let du = -distance; du <= distance; du++) {
      if (Math.max(Math.abs(du), Math.abs(dv)) < distance - 1) continue
      sum += mean[((v + dv) & (SIDE - 1)) * SIDE + ((u + du) & (SIDE - 1))] as number
      count++
    }
  }
  return sum / count
}
