/**
 * Grain uniformity: whether grain is the same all over the picture, as quantum noise is not.
 *
 * Source: Radiology, March 2026 (uniform grain); noise level by Immerkær (1996); that noise of X-rays depends on what the beam passed is the Poisson law.
 * Processing, compression and shrinking change grain too, so that a norm is only good for pictures of the same kind.
 */
import type { Cue, CueMeasurement } from '../cue.ts'
import type { NormalPlane } from '../normal-plane.ts'
import { boxOf } from './bone-smoothness.ts'
import { correlate, quantileOf } from './grid.ts'
import { layTiles, type Tile } from './tiles.ts'

const SIDE = 24
const LEAST = 24

export const grainUniformity: Cue = {
  id: 'grain-uniformity',
  title: 'Uniformity of grain',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  measures: [
    { name: 'grain.level', meaning: 'level of noise in quiet parts, logarithm of grey steps', perfect: 'low' },
    {
      name: 'grain.spread',
      meaning: 'how much noise differs between parts of equal brightness, logarithm',
      perfect: 'low',
    },
    { name: 'grain.tone', meaning: 'correlation of noise with brightness, −1 to 1', perfect: 'low' },
    { name: 'grain.reach', meaning: 'correlation of grain with its neighbour, −1 to 1', perfect: 'high' },
    { name: 'grain.reach-spread', meaning: 'how much that differs between parts', perfect: 'low' },
    {
      name: 'grain.tail',
      meaning: 'mean over root mean square of grain; .80 for a normal distribution',
      perfect: 'high',
    },
    { name: 'grain.phase', meaning: 'how much grain differs between even and odd places, logarithm', perfect: 'high' },
    { name: 'grain.direction', meaning: 'grain along rows against columns, logarithm, from 0', perfect: 'low' },
  ],
  measure: measureGrain,
}

interface Grain {
  readonly tile: Tile
  readonly level: number
  readonly brightness: number
  readonly reach: number
  readonly tail: number
  readonly phases: Float64Array
  readonly direction: number
}

function measureGrain(plane: NormalPlane): CueMeasurement {
  const parts = layTiles(plane, SIDE).map((tile) => grainOf(plane, tile))
  if (parts.length < LEAST) return { id: 'grain-uniformity', values: null, absent: 'too_little_usable', shapes: [] }
  const levels = Float64Array.from(parts, (part) => part.level)
  const brightness = Float64Array.from(parts, (part) => part.brightness)
  const residuals = explain(levels, brightness)
  const values = [
    quantileOf(levels.slice(), 0.25),
    spreadOf(residuals),
    correlate(levels, brightness),
    quantileOf(
      Float64Array.from(parts, (part) => part.reach),
      0.5,
    ),
    spreadOf(Float64Array.from(parts, (part) => part.reach)),
    quantileOf(
      Float64Array.from(parts, (part) => part.tail),
      0.5,
    ),
    phaseOf(parts),
    Math.abs(
      quantileOf(
        Float64Array.from(parts, (part) => part.direction),
        0.5,
      ),
    ),
  ]
  const calm = parts
    .map((part, i) => ({ part, residual: Math.abs(residuals[i] as number) }))
    .sort((a, b) => a.residual - b.residual)
  return { id: 'grain-uniformity', values, absent: null, shapes: calm.slice(0, 3).map(({ part }) => boxOf(part.tile)) }
}

/** The residual of a separable second difference: planes and gentle slopes leave nothing. */
function grainOf({ width, samples }: NormalPlane, tile: Tile): Grain {
  const { left, top, side } = tile
  const phases = new Float64Array(4)
  let [size, square, product, brightness, rows, columns] = [0, 0, 0, 0, 0, 0]
  for (let y = top; y < top + side; y++) {
    let before = 0
    for (let i = y * width + left, x = left; x < left + side; i++, x++) {
      const [north, south] = [i - width, i + width]
      const across = (samples[i - 1] as number) + (samples[i + 1] as number)
      const down = (samples[north] as number) + (samples[south] as number)
      const corners =
        (samples[north - 1] as number) +
        (samples[north + 1] as number) +
        (samples[south - 1] as number) +
        (samples[south + 1] as number)
      const center = samples[i] as number
      const value = (4 * center - 2 * (across + down) + corners) / 6
      size += Math.abs(value)
      square += value * value
      product += value * before
      before = value
      brightness += center
      rows += (2 * center - across) ** 2
      columns += (2 * center - down) ** 2
      const phase = (y & 1) * 2 + (x & 1)
      phases[phase] = (phases[phase] as number) + value * value
    }
  }
  const n = side * side
  return {
    tile,
    level: Math.log(size / n + 0.02),
    brightness: brightness / n,
    reach: square < 1e-6 ? 0 : product / square,
    tail: square < 1e-6 ? 0.8 : size / Math.sqrt(n * square),
    phases,
    direction: Math.log((rows + 1) / (columns + 1)),
  }
}

/** What a parabola of the brightness leaves of the levels. */
function explain(levels: Float64Array, brightness: Float64Array): Float64Array {
  const residual = center(levels)
  const first = center(brightness)
  const second = center(first.map((value) => value * value))
  remove(second, first)
  remove(residual, first)
  remove(residual, second)
  return residual
}

function center(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.map((value) => value - mean)
}

function remove(from: Float64Array, direction: Float64Array): void {
  let [above, below] = [0, 1e-9]
  for (let i = 0; i < from.length; i++) {
    above += (from[i] as number) * (direction[i] as number)
    below += (direction[i] as number) ** 2
  }
  for (let i = 0; i < from.length; i++) from[i] = (from[i] as number) - (above / below) * (direction[i] as number)
}

/** Half the distance of the quartiles. */
function spreadOf(values: Float64Array): number {
  return (quantileOf(values.slice(), 0.75) - quantileOf(values.slice(), 0.25)) / 2
}

function phaseOf(parts: readonly Grain[]): number {
  const medians = [0, 1, 2, 3].map((phase) => {
    const shares = Float64Array.from(
      parts,
      ({ phases }) => ((phases[phase] as number) + 0.1) / (phases.reduce((a, b) => a + b, 0) + 0.4),
    )
    return quantileOf(shares, 0.5)
  })
  return Math.log(Math.max(...medians) / Math.min(...medians))
}
