/**
 * Look: what the cells of a frame are like in each view in which it will be shown.
 *
 * Source: docs/reference/mark.md, "Chips", "Embedding".
 */
import type { Plane } from '../../pixels/plane.ts'
import { REACH } from './evidence.ts'
import { type CellGrid, dotIndex } from './geometry.ts'
import { sampleGrid } from './sample-grid.ts'
import { cellResidual, clipAt, localScale, weigh, weightAt } from './whiten.ts'

/** Stored values (canonical domain) that are shown as 0 and as 255; what lies beyond is shown as those. */
export type View = readonly [low: number, high: number]

/** Variance that compression and the like add to a sample, in squared grey levels. */
const LATER_NOISE = 16
/** Changes beyond this many standard deviations, of the picture and later noise, are lost on a reader. */
const CAP = 0.7
/** Standard deviation of the pixels of a dot below which a whole grey level would be seen, as a dot. */
const SMOOTH = 0.5
/** A change of this many grey levels, on average over a dot, is not seen on any picture. */
const FAINTEST = 0.5
/** Standard deviations of the pixels of a dot that hide a change: twice as much was seen on speckle. */
const VEIL = 1
/** Grey levels that no change of a dot is meant to exceed, whatever hides it. */
const LARGEST = 5

/** The cells of a frame in one view. */
export interface ViewLook {
  /** Weighed residuals, scaled so that their squares add up to 1. */
  readonly evidence: Float32Array
  /** What a change by one stored value adds to the evidence. */
  readonly yields: Float32Array
  /** The same, once the picture has been through something that adds noise of its own. */
  readonly worths: Float32Array
  /** What a change by one stored value adds to the sum of squared changes of grey levels. */
  readonly costs: Float32Array
  readonly caps: Float32Array
  /** The largest change of each cell, in stored values, that is hidden by what the picture has there. */
  readonly veils: Float32Array
}

/** The cells of a frame. */
export interface CellLook {
  readonly views: readonly View[]
  readonly looks: readonly ViewLook[]
  /** Smallest and largest stored value of each dot, over all components. */
  readonly least: Int32Array
  readonly most: Int32Array
  /** Pixels of each dot. */
  readonly areas: Int32Array
  /** The largest change of each cell, in stored values, that a reader has something of. */
  readonly caps: Float32Array
  /** The largest change of each cell, in stored values, that is hidden in every view. */
  readonly veils: Float32Array
}

export function lookAtCells(planes: readonly Plane[], grid: CellGrid, asked: readonly View[]): CellLook {
  const first = planes[0] as Plane
  const views: readonly View[] = asked.length > 0 ? asked : [[0, 2 ** first.bits - 1]]
  const looks = views.map((view) => lookAtView(planes, grid, view))
  const ranges = dotRanges(planes, grid)
  const caps = Float32Array.from(ranges.areas, (_, i) => Math.min(...looks.map((look) => look.caps[i] as number)))
  const veils = caps.map((_, i) => Math.min(...looks.map((look) => look.veils[i] as number)))
  return { views, looks, ...ranges, veils, caps: caps.map((cap, i) => Math.min(cap, veils[i] as number)) }
}

function lookAtView(planes: readonly Plane[], grid: CellGrid, view: View): ViewLook {
  const { width, height } = planes[0] as Plane
  const samples = renderGrey(planes, view)
  const step = Math.min(width, height) / grid.across / 2
  const axis = (count: number) => ({ first: 0, step, count: 2 * count + 1 })
  const values = sampleGrid({ width, height, samples }, axis(grid.columns), axis(grid.rows))
  const residuals = cellResidual(values, grid)
  const scales = localScale({ ...grid, values: residuals }, REACH)
  const weighed = weigh(residuals, scales)
  const size = Math.sqrt(weighed.reduce((sum, value) => sum + value * value, 1e-12))
  const { live, seen } = shownParts(samples, planes[0] as Plane, grid)
  const gain = 255 / (view[1] - view[0])
  const yields = residuals.map((value, i) => {
    const scale = scales[i] as number
    return Math.abs(value) > clipAt(scale) ? 0 : (gain * (live[i] as number) * weightAt(scale)) / size
  })
  const powers = scales.map((scale, i) => (live[i] as number) / (scale * scale + LATER_NOISE))
  const later = Math.sqrt(powers.reduce((sum, value) => sum + value, 1e-12))
  const worths = powers.map((power, i) => (yields[i] === 0 ? 0 : (gain * power) / later))
  return {
    worths,
    veils: veilsOf(samples, planes[0] as Plane, grid).map((veil, i) =>
      (live[i] as number) > 0 ? veil / gain : Infinity,
    ),
    caps: scales.map((scale, i) =>
      (live[i] as number) > 0.5 ? (CAP * Math.sqrt(scale * scale + LATER_NOISE)) / gain : Infinity,
    ),
    evidence: weighed.map((value) => value / size),
    yields,
    costs: seen.map((pixels) => pixels * gain * gain),
  }
}

/**
 * How large a change, in grey levels, is hidden by the restlessness of the pixels of a dot and of the dots around it: the
 * quietest of them counts, so that a flat place beside an edge is not taken for a restless one.
 */
function veilsOf(samples: Float32Array, { width, height }: Plane, grid: CellGrid): Float32Array {
  const cells = grid.columns * grid.rows
  const sums = new Float64Array(cells)
  const squares = new Float64Array(cells)
  const areas = new Float64Array(cells)
  forEachDotPixel(width, height, grid, (cell, pixel) => {
    const value = samples[pixel] as number
    areas[cell] = (areas[cell] as number) + 1
    sums[cell] = (sums[cell] as number) + value
    squares[cell] = (squares[cell] as number) + value * value
  })
  const spreads = Float32Array.from(sums, (sum, i) => {
    const area = Math.max(1, areas[i] as number)
    return Math.sqrt(Math.max(0, (squares[i] as number) / area - (sum / area) ** 2))
  })
  return spreads.map((_, i) => {
    const x = i % grid.columns
    const y = (i - x) / grid.columns
    let least = spreads[i] as number
    if (x > 0) least = Math.min(least, spreads[i - 1] as number)
    if (x + 1 < grid.columns) least = Math.min(least, spreads[i + 1] as number)
    if (y > 0) least = Math.min(least, spreads[i - grid.columns] as number)
    if (y + 1 < grid.rows) least = Math.min(least, spreads[i + grid.columns] as number)
    return least < SMOOTH ? FAINTEST : Math.max(2 * FAINTEST, Math.min(LARGEST, VEIL * least))
  })
}

/** The grey picture of a view, 0 to 255, not rounded. */
export function renderGrey(planes: readonly Plane[], [low, high]: View): Float32Array {
  const [red, green, blue] = planes as [Plane, Plane?, Plane?]
  const gain = 255 / (high - low)
  const out = new Float32Array(red.samples.length)
  const show = (value: number) => {
    const shown = (value - low) * gain
    return shown < 0 ? 0 : shown > 255 ? 255 : shown
  }
  for (let i = 0; i < out.length; i++) {
    const value = show(red.samples[i] as number)
    if (green === undefined || blue === undefined) out[i] = value
    else out[i] = 0.299 * value + 0.587 * show(green.samples[i] as number) + 0.114 * show(blue.samples[i] as number)
  }
  return out
}

/** For each dot, the part that shows every small change, and the pixels that may show one. */
function shownParts(samples: Float32Array, { width, height, samples: stored }: Plane, grid: CellGrid) {
  const live = new Float32Array(grid.columns * grid.rows)
  const seen = new Float32Array(live.length)
  const areas = new Float32Array(live.length)
  const blackest = samples.reduce((most, value, i) => (value === 0 ? Math.max(most, stored[i] as number) : most), -1)
  const whitest = samples.reduce(
    (least, value, i) => (value === 255 ? Math.min(least, stored[i] as number) : least),
    65_536,
  )
  forEachDotPixel(width, height, grid, (cell, pixel) => {
    areas[cell] = (areas[cell] as number) + 1
    const value = samples[pixel] as number
    if (value > 0 && value < 255) live[cell] = (live[cell] as number) + 1
    const raw = stored[pixel] as number
    if (raw >= blackest && raw <= whitest) seen[cell] = (seen[cell] as number) + 1
  })
  for (let i = 0; i < live.length; i++) live[i] = (live[i] as number) / Math.max(1, areas[i] as number)
  return { live, seen }
}

function dotRanges(planes: readonly Plane[], grid: CellGrid) {
  const { width, height } = planes[0] as Plane
  const cells = grid.columns * grid.rows
  const least = new Int32Array(cells).fill(65_535)
  const most = new Int32Array(cells)
  const areas = new Int32Array(cells)
  forEachDotPixel(width, height, grid, (cell, pixel) => {
    areas[cell] = (areas[cell] as number) + 1
    for (const { samples } of planes) {
      const value = samples[pixel] as number
      if (value < (least[cell] as number)) least[cell] = value
      if (value > (most[cell] as number)) most[cell] = value
    }
  })
  return { least, most, areas }
}

/** Calls back for each pixel of a dot, row by row. */
export function forEachDotPixel(
  width: number,
  height: number,
  grid: CellGrid,
  visit: (cell: number, pixel: number) => void,
): void {
  const side = Math.min(width, height)
  const columns = dotIndex(width, side, { across: grid.across, count: grid.columns })
  const rows = dotIndex(height, side, { across: grid.across, count: grid.rows })
  for (let y = 0; y < height; y++) {
    const row = rows[y] as number
    if (row < 0) continue
    for (let x = 0; x < width; x++) {
      const column = columns[x] as number
      if (column >= 0) visit(row * grid.columns + column, y * width + x)
    }
  }
}
