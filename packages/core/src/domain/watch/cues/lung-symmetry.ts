/**
 * Lung symmetry: how far the right half of a frontal chest radiograph is the mirror image of the left one.
 *
 * Source: Radiology, March 2026 (symmetric lungs); mirror correlation as in symmetry detection by Marola (1989). People are not symmetric: heart, aortic arch, liver dome
 * and vessels differ. A generator that learned one half well may be too symmetric; a small one may be less so than people are.
 */

import type { WatchKind } from '../body-part.ts'
import type { Cue, CueMeasurement } from '../cue.ts'
import type { NormalPlane } from '../normal-plane.ts'
import { blurGrid, type Grid, shrinkGrid, subtractGrid } from './grid.ts'
import { type Lung, outlineLungs } from './lungs.ts'
import { type Midline, traceMidline } from './midline.ts'

/** Coarse grids are about this wide: a lung is then some 40 columns. */
export const COARSE_WIDTH = 128
/** A midline that stands out less, in standard deviations of the picture, is none. */
export const LEAST_CONTRAST = 0.2
/** Share of the width to each side that is compared, and how far the axis of detail may lie from the midline. */
const REACH = 0.36
const AXIS_SEARCH = 0.06

export const lungSymmetry: Cue = {
  id: 'lung-symmetry',
  title: 'Symmetry of the lungs',
  kinds: ['chest'],
  measures: [
    { name: 'symmetry.mirror', meaning: 'correlation of the halves, one mirrored, −1 to 1', perfect: 'high' },
    {
      name: 'symmetry.detail',
      meaning: 'highest correlation of fine detail over nearby axes, −1 to 1',
      perfect: 'high',
    },
    {
      name: 'symmetry.peak',
      meaning: 'how far that axis stands out among its neighbours, standard deviations',
      perfect: 'high',
    },
    {
      name: 'symmetry.area',
      meaning: 'difference of the lungs’ areas, logarithm of their ratio, from 0',
      perfect: 'low',
    },
    {
      name: 'symmetry.density',
      meaning: 'difference of the lungs’ mean values, shares of the range, from 0',
      perfect: 'low',
    },
    {
      name: 'symmetry.texture',
      meaning: 'difference of fine energy in the two halves, logarithm of the ratio, from 0',
      perfect: 'low',
    },
  ],
  measure: measureSymmetry,
}

function measureSymmetry(plane: NormalPlane, kind: WatchKind): CueMeasurement {
  if (kind !== 'chest') return absent('other_body_part')
  const factor = Math.max(1, Math.round(plane.width / COARSE_WIDTH))
  const coarse = blurGrid(shrinkGrid(plane, factor), 1)
  const midline = traceMidline(coarse)
  if (midline.contrast < LEAST_CONTRAST) return absent('no_midline')
  const [right, left] = outlineLungs(coarse, midline)
  if (right === null || left === null) return absent('no_midline')
  const detail = compareDetail(plane, { midline, factor })
  const values = [
    mirrorCorrelation(coarse, midline, 0),
    detail.best,
    detail.peak,
    Math.abs(Math.log(right.area / left.area)),
    Math.abs(right.level - left.level) / 255,
    detail.texture,
  ]
  return { id: 'lung-symmetry', values, absent: null, shapes: [boxOf(right, factor), boxOf(left, factor)] }
}

const absent = (reason: string): CueMeasurement => ({ id: 'lung-symmetry', values: null, absent: reason, shapes: [] })

function boxOf({ left, top, right, bottom }: Lung, factor: number) {
  return {
    kind: 'box',
    left: left * factor,
    top: top * factor,
    right: (right + 1) * factor,
    bottom: bottom * factor,
  } as const
}

interface Axis {
  readonly midline: Midline
  /** Samples of the plane that make one of the grid on which the midline was found. */
  readonly factor: number
}

/** Correlation of detail at half the plane's resolution for axes beside the midline, upright as a copying program's are. */
function compareDetail(
  plane: NormalPlane,
  { midline, factor }: Axis,
): { readonly best: number; readonly peak: number; readonly texture: number } {
  const half = shrinkGrid(plane, 2)
  const detail = limitGrid(subtractGrid(half, blurGrid(half, 2)))
  const scale = factor / 2
  const middle = midline.offset + (midline.slope * midline.columns.length) / 2
  const upright: Midline = {
    ...midline,
    top: Math.round(midline.top * scale),
    offset: (middle + 0.5) * scale - 0.5,
    slope: 0,
  }
  const reach = Math.round(AXIS_SEARCH * half.width)
  const rows = Math.round(midline.columns.length * scale)
  const long: Midline = { ...upright, columns: new Float64Array(rows) }
  const found: number[] = []
  for (let shift = -2 * reach; shift <= 2 * reach; shift++) found.push(mirrorCorrelation(detail, long, shift / 2))
  const best = Math.max(...found)
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length
  const spread = Math.sqrt(found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / found.length)
  return { best, peak: (best - mean) / Math.max(1e-6, spread), texture: compareEnergy(detail, long) }
}

/** Letters and hard edges count for no more than a strong vessel does. */
function limitGrid(grid: Grid): Grid {
  return { ...grid, samples: grid.samples.map((value) => Math.max(-8, Math.min(8, value))) }
}

/** Pearson correlation of the values left of the axis with those right of it, every second row. */
function mirrorCorrelation({ width, samples }: Grid, midline: Midline, shift: number): number {
  const reach = Math.round(REACH * width)
  let [n, a, b, aa, bb, ab] = [0, 0, 0, 0, 0, 0]
  for (let i = 0; i < midline.columns.length; i += 2) {
    const twice = Math.round(2 * (midline.offset + midline.slope * i + shift))
    const start = (midline.top + i) * width
    const first = Math.max(Math.ceil(twice / 2) + 1, 0)
    const last = Math.min(width - 1, twice, Math.floor(twice / 2) + reach)
    for (let x = first; x <= last; x++) {
      const [p, q] = [samples[start + x] as number, samples[start + twice - x] as number]
      n++
      a += p
      b += q
      aa += p * p
      bb += q * q
      ab += p * q
    }
  }
  const spread = (aa - (a * a) / n) * (bb - (b * b) / n)
  return n < 2 || !(spread > 1e-9) ? 0 : (ab - (a * b) / n) / Math.sqrt(spread)
}

function compareEnergy({ width, samples }: Grid, midline: Midline): number {
  let [left, right] = [1, 1]
  const reach = Math.round(REACH * width)
  for (let i = 0; i < midline.columns.length; i += 2) {
    const axis = Math.round(midline.offset)
    const start = (midline.top + i) * width
    for (let d = 1; d <= reach && axis - d >= 0 && axis + d < width; d++) {
      left += (samples[start + axis - d] as number) ** 2
      right += (samples[start + axis + d] as number) ** 2
    }
  }
  return Math.abs(Math.log(right / left))
}
