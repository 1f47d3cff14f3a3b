/**
 * Spine straightness: how far the midline of a frontal chest radiograph is a straight line.
 *
 * Source: Radiology, March 2026 (straight spine). Real spines bend a little, and patients stand askew; scoliosis bends more. The midline is that
 * of the mediastinum as midline.ts traces it: vertebrae themselves are hardly seen in many chest radiographs.
 */
import type { WatchKind } from '../body-part.ts'
import type { Cue, CueMeasurement } from '../cue.ts'
import type { NormalPlane } from '../normal-plane.ts'
import { blurGrid, type Grid, shrinkGrid } from './grid.ts'
import { COARSE_WIDTH, LEAST_CONTRAST } from './lung-symmetry.ts'
import { type Midline, traceMidline } from './midline.ts'

export const spineStraightness: Cue = {
  id: 'spine-straightness',
  title: 'Straightness of the spine',
  kinds: ['chest'],
  measures: [
    {
      name: 'spine.deviation',
      meaning: 'root mean square distance to the straight line, percent of the width',
      perfect: 'low',
    },
    {
      name: 'spine.curvature',
      meaning: 'deviation of the best arc from the straight line, percent of the width',
      perfect: 'low',
    },
    {
      name: 'spine.roughness',
      meaning: 'root mean square of what neither explains, percent of the width',
      perfect: 'low',
    },
    { name: 'spine.tilt', meaning: 'how far the line leans, degrees, from 0', perfect: 'low' },
    {
      name: 'spine.offset',
      meaning: 'distance of the line’s middle from the picture’s, percent of the width',
      perfect: 'low',
    },
    {
      name: 'spine.edges',
      meaning: 'how much sharpness of the band’s borders changes from row to row, logarithm',
      perfect: 'low',
    },
  ],
  measure: measureSpine,
}

function measureSpine(plane: NormalPlane, kind: WatchKind): CueMeasurement {
  if (kind !== 'chest') return { id: 'spine-straightness', values: null, absent: 'other_body_part', shapes: [] }
  const factor = Math.max(1, Math.round(plane.width / COARSE_WIDTH))
  const coarse = blurGrid(shrinkGrid(plane, factor), 1)
  const midline = traceMidline(coarse)
  if (midline.contrast < LEAST_CONTRAST)
    return { id: 'spine-straightness', values: null, absent: 'no_midline', shapes: [] }
  const { columns, slope, offset } = midline
  const residual = columns.map((x, i) => x - offset - slope * i)
  const arc = fitArc(residual)
  const percent = 100 / coarse.width
  const values = [
    rootMeanSquare(residual) * percent,
    rootMeanSquare(arc) * percent,
    rootMeanSquare(residual.map((value, i) => value - (arc[i] as number))) * percent,
    (Math.abs(Math.atan(slope)) * 180) / Math.PI,
    Math.abs(offset + (slope * columns.length) / 2 - coarse.width / 2) * percent,
    measureEdges(coarse, midline),
  ]
  return {
    id: 'spine-straightness',
    values,
    absent: null,
    shapes: [{ kind: 'line', points: traceLine(midline, factor) }],
  }
}

/** The part of a residual that a parabola explains. */
function fitArc(residual: Float64Array): Float64Array {
  const n = residual.length
  const basis = residual.map((_, i) => ((2 * i) / (n - 1) - 1) ** 2)
  const mean = basis.reduce((sum, value) => sum + value, 0) / n
  let [above, below] = [0, 0]
  for (let i = 0; i < n; i++) {
    basis[i] = (basis[i] as number) - mean
    above += (basis[i] as number) * (residual[i] as number)
    below += (basis[i] as number) ** 2
  }
  return basis.map((value) => (value * above) / below)
}

function rootMeanSquare(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
}

/** Spread of the logarithm of the steepest step beside the midline, over rows. */
function measureEdges({ width, samples }: Grid, { top, columns }: Midline): number {
  const reach = Math.round(0.18 * width)
  let [sum, squares] = [0, 0]
  for (let i = 0; i < columns.length; i++) {
    const x = Math.round(columns[i] as number)
    const start = (top + i) * width
    let steepest = 0
    for (let at = Math.max(1, x - reach); at < Math.min(width - 1, x + reach); at++) {
      steepest = Math.max(steepest, Math.abs((samples[start + at + 1] as number) - (samples[start + at - 1] as number)))
    }
    const value = Math.log(1 + steepest)
    sum += value
    squares += value * value
  }
  const mean = sum / columns.length
  return Math.sqrt(Math.max(0, squares / columns.length - mean * mean))
}

/** Every fourth row is a corner. */
function traceLine({ top, columns }: Midline, factor: number): Float32Array {
  const points: number[] = []
  for (let i = 0; i < columns.length; i += 4)
    points.push(((columns[i] as number) + 0.5) * factor, (top + i + 0.5) * factor)
  return Float32Array.from(points)
}
