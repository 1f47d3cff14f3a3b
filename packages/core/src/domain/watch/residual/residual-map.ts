/**
 * Residual map: places of a picture whose noise does not belong to the rest of it, or is there twice.
 *
 * Looks at the samples as they are, at their own size: for pictures stored without loss. The picture is its own measure; nothing is learnt. What it
 * can find is a place of another grain: put in, taken out and painted over, from another picture, or copied. What it cannot: an edit that leaves the
 * grain alone, as adding a smooth shadow does, and one whose grain was matched well. Advisory; docs/reference/watch-volumes.md has the figures.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { CELL, type CellGrid, measureCells, NOISE_COUNT } from './cell-grid.ts'
import { type RarityMap, rateCells } from './cell-rarity.ts'
import { findDuplicates } from './duplicates.ts'
import { highPass } from './high-pass.ts'
import {
  LEAST_CELLS,
  REASON_SENTENCES,
  REPORT_BELOW,
  type ResidualHeat,
  type ResidualOutcome,
  type ResidualReason,
  type ResidualRegion,
} from './outcome.ts'
import { amongMany, fitTail, LEAST_CHANCE, tailChance } from './own-tail.ts'

const MOST_REGIONS = 8

interface Candidate {
  readonly column: number
  readonly row: number
  readonly side: number
  readonly chance: number
  readonly why: ResidualReason
}

/** Cost: 40 ms for 1024² on one core, eight buffers of the picture's size at most. Deterministic. */
export function residualMap(view: GreyView): ResidualOutcome {
  const passed = highPass(view)
  const grid = measureCells(view, passed)
  const cells = grid.isUsable.reduce((sum, usable) => sum + usable, 0)
  const copies = findDuplicates(view, passed.fine)
  if (cells < LEAST_CELLS) return tooLittle(cells, copies)
  const candidates = rateCells(grid).map((map) => judge(map, grid.columns))
  const regions = pickRegions([...candidates.flatMap(({ found }) => found)])
  const all = [...copies, ...regions.map((one) => regionOf(one))]
  const best = Math.min(...candidates.map(({ least }) => least))
  // Windows of different sizes see much the same; so many tries are counted, rather too many than too few.
  const p = copies.length > 0 ? LEAST_CHANCE : amongMany(best, candidates.length)
  const shown = all.filter((region) => region.p < REPORT_BELOW).sort((a, b) => a.p - b.p)
  return {
    isAdvisory: true,
    absent: null,
    regions: shown.slice(0, MOST_REGIONS),
    imageScore: round(-Math.log10(p)),
    cells,
    heat: heatOf(grid, candidates.map(({ chances, side }) => ({ chances, side }))),
    sentence: sentenceFor(shown.length),
  }
}

interface Judged {
  readonly side: number
  readonly found: readonly Candidate[]
  /** Corrected for the windows of this size. */
  readonly least: number
  readonly chances: Float64Array
}

function judge({ side, rarity, deviation }: RarityMap, columns: number): Judged {
  const present = rarity.filter((value) => !Number.isNaN(value))
  const tail = fitTail(present)
  // Windows that overlap are no independent tries: side² of them count once.
  const tries = Math.max(1, present.length / (side > 1 ? side : 1))
  const chances = Float64Array.from(rarity, (value) => (Number.isNaN(value) ? Number.NaN : tailChance(tail, value)))
  const found: Candidate[] = []
  let least = 1
  chances.forEach((chance, place) => {
    if (Number.isNaN(chance)) return
    const corrected = amongMany(chance, tries)
    least = Math.min(least, corrected)
    if (corrected >= REPORT_BELOW) return
    const why = reasonOf(deviation.subarray(place * NOISE_COUNT, (place + 1) * NOISE_COUNT))
    found.push({ column: place % columns, row: Math.floor(place / columns), side, chance: corrected, why })
  })
  return { side, found, least, chances }
}

/** The number that departs most says why. */
function reasonOf(deviation: Float64Array): ResidualReason {
  const [level = 0, ratio = 0, lag = 0, tails = 0] = deviation
  const most = Math.max(Math.abs(level), Math.abs(ratio), Math.abs(lag), Math.abs(tails))
  if (Math.abs(level) === most) return level < 0 ? 'noise_low' : 'noise_high'
  if (Math.abs(tails) === most) return 'grain_tails'
  return (Math.abs(ratio) === most ? ratio : lag) > 0 ? 'grain_coarse' : 'grain_fine'
}

/** The rarest first; what touches one that was taken is left out. */
function pickRegions(found: readonly Candidate[]): Candidate[] {
  const taken: Candidate[] = []
  for (const one of found.toSorted((a, b) => a.chance - b.chance || b.side - a.side || a.row - b.row)) {
    if (taken.length === MOST_REGIONS) break
    if (!taken.some((other) => touches(one, other))) taken.push(one)
  }
  return taken
}

const touches = (a: Candidate, b: Candidate): boolean =>
  a.column <= b.column + b.side && b.column <= a.column + a.side && a.row <= b.row + b.side && b.row <= a.row + a.side

const regionOf = ({ column, row, side, chance, why }: Candidate): ResidualRegion => ({
  left: column * CELL,
  top: row * CELL,
  right: (column + side) * CELL,
  bottom: (row + side) * CELL,
  p: chance,
  why,
  sentence: REASON_SENTENCES[why],
})

/** The smallest chance of any window that covers a cell. */
function heatOf(
  { columns, rows, isUsable }: CellGrid,
  maps: readonly { readonly side: number; readonly chances: Float64Array }[],
): ResidualHeat {
  const least = new Float64Array(columns * rows).fill(1)
  for (const { side, chances } of maps) {
    for (let row = 0; row + side <= rows; row++) {
      for (let column = 0; column + side <= columns; column++) {
        const chance = chances[row * columns + column] as number
        if (Number.isNaN(chance)) continue
        for (let v = row; v < row + side; v++)
          for (let u = column; u < column + side; u++)
            least[v * columns + u] = Math.min(least[v * columns + u] as number, chance)
      }
    }
  }
  const values = Array.from(least, (chance, i) => (isUsable[i] === 1 ? round(-Math.log10(chance)) : -1))
  return { columns, rows, cell: CELL, values }
}

function tooLittle(cells: number, copies: readonly ResidualRegion[]): ResidualOutcome {
  return {
    isAdvisory: true,
    absent: copies.length > 0 ? null : 'too_little_usable',
    regions: copies,
    imageScore: copies.length > 0 ? -Math.log10(LEAST_CHANCE) : 0,
    cells,
    heat: null,
    sentence:
      copies.length > 0 ? sentenceFor(copies.length) : 'Too little of the image shows noise that can be compared.',
  }
}

function sentenceFor(count: number): string {
  if (count === 0) return 'No place of the image carries another noise than the rest.'
  const places = count === 1 ? 'One place of the image departs' : `${count} places of the image depart`
  return `${places} from the noise of the rest. Devices, markers and metal do so too; look at the places.`
}

const round = (value: number): number => Math.round(Math.max(0, value) * 100) / 100
