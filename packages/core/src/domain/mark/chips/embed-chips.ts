/**
 * Embed chips: puts a record id all over a frame, as faintly as the limits ask.
 *
 * Source: docs/reference/mark.md, "Chips", "Embedding": free for an embedder but for what a reader needs; this is ours.
 */
import { maximumOf, type Plane } from '../../pixels/plane.ts'
import { bestInputs, CODED_BITS, encodeInputs } from './code.ts'
import { codedEvidence } from './evidence.ts'
import { acrossChoices, type CellGrid, gridOf } from './geometry.ts'
import { type CellLook, lookAtCells, type View } from './look.ts'
import { widenMargins } from './margins.ts'
import { paintCells } from './paint.ts'
import { makePattern, messageBits, type Pattern } from './pattern.ts'
import { type ChipLimits, createPlanner } from './plan-cells.ts'
import { type ChipReport, reportChips } from './report.ts'
import { type ChipSide, cellHalves, cellSigns, formatSide } from './side.ts'

export type { ChipLimits } from './plan-cells.ts'

export interface ChipOptions {
  /** 32 secret bytes. */
  readonly key: Uint8Array
  /** 8 bytes. */
  readonly id: Uint8Array
  /** How the picture will be shown; none stands for all there is. */
  readonly views: readonly View[]
  readonly limits: ChipLimits
}

export interface ChippedFrame {
  readonly planes: readonly Plane[]
  /** What takes the chips off, chipSideLength bytes. */
  readonly side: Uint8Array
  readonly report: ChipReport
}

/** With less evidence than this the picture itself is in the way, and more, smaller cells are better. */
const ENOUGH = 500

/**
 * Puts chips on the components of one frame; all of them change alike.
 * @param planes  1 or 3, of one shape
 * @returns undefined where chips are not offered: a shorter side below 250 pixels, or a picture with no room (constant, saturated)
 * @throws {RangeError} for planes of different shapes, or a key or id of another length
 */
export function embedChips(planes: readonly Plane[], options: ChipOptions): ChippedFrame | undefined {
  const first = checkFrame(planes, options)
  const pattern = makePattern(options.key)
  const message = messageBits(options.key, options.id)
  let chipped: ChippedFrame | undefined
  for (const across of acrossChoices(first)) {
    const grid = gridOf(first, across)
    const look = lookAtCells(planes, grid, options.views)
    const coded = encodeInputs(bestInputs(hostEvidence(look, grid, pattern), message))
    const signs = cellSigns(pattern, grid, coded)
    const planner = createPlanner({ first, grid, look, signs, limits: options.limits })
    const plan = widenMargins({ grid, look, pattern, planner, signs, coded, message, maximum: maximumOf(first) })
    if (plan === undefined) continue
    const side: ChipSide = { grid, coded, ...plan }
    const paint = { unit: side.unit, halves: cellHalves(pattern, side) }
    const painted = planes.map((plane) => paintCells(plane, grid, paint))
    const report = reportChips({ planes, painted, grid, views: look.views })
    chipped = { planes: painted, side: formatSide(first, side), report }
    if (leastYield(look, planner.changesOf(plan)) > ENOUGH) break
  }
  return chipped
}

/** What changes add to the evidence of all cells, squared, in the view in which it is least. */
function leastYield({ looks }: CellLook, changes: Float32Array): number {
  const sums = looks.map(({ yields }) =>
    yields.reduce((sum, value, i) => sum + value * Math.abs(changes[i] as number), 0),
  )
  return Math.min(...sums) ** 2
}

/** What the picture's own cells say for each coded bit, in all views together. */
function hostEvidence({ looks }: CellLook, grid: CellGrid, pattern: Pattern): Float64Array {
  const sum = new Float64Array(CODED_BITS)
  for (const { evidence } of looks) {
    codedEvidence(evidence, grid, pattern, { x: 0, y: 0, across: grid.across }).forEach((value, b) => {
      sum[b] = (sum[b] as number) + value
    })
  }
  return sum
}

function checkFrame(planes: readonly Plane[], { key, id }: ChipOptions): Plane {
  const first = planes[0]
  if (first === undefined || (planes.length !== 1 && planes.length !== 3))
    throw new RangeError('a frame has 1 or 3 components')
  const isAlike = (plane: Plane) =>
    plane.width === first.width && plane.height === first.height && plane.bits === first.bits
  if (!planes.every(isAlike)) throw new RangeError('components of one frame have one shape')
  if (key.length !== 32 || id.length !== 8) throw new RangeError('a key has 32 bytes, an id 8')
  return first
}
