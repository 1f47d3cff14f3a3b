/**
 * Residual map: places of a picture whose noise does not belong to the rest of it, or is there twice.
 *
 * Looks at the samples as they are, at their own size: for pictures stored without loss. The picture is its own measure; nothing is learnt. What it
 * can find is a place of another grain: put in, taken out and painted over, from another picture, or copied. What it cannot: an edit that leaves the
 * grain alone, as adding a smooth shadow does, and one whose grain was matched well. Advisory; docs/reference/watch-volumes.md has the figures.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { CELL, type CellGrid, measureCells } from './cell-grid.ts'
import { type Manner, type RarityMap, rateCells } from './cell-rarity.ts'
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
import { amongMany, fitTail, LEAST_CHANCE, tailMark } from './own-tail.ts'

const MOST_REGIONS = 8
/** Score of a picture with a copied place: noise does not repeat itself. */
const COPY_SCORE = 12
/** Two manners and three sizes. */
const MANNERS_AND_SIZES = 6
/** −log10 of the largest chance that a place is kept for. */
const MARK_TO_KEEP = -Math.log10(REPORT_BELOW)

interface Candidate {
  readonly column: number
  readonly row: number
  readonly side: number
  readonly mark: number
  readonly chance: number
  readonly why: ResidualReason
}

/** Cost: about 70 ms for 1024² on one core, six buffers of the picture's size at most. Deterministic. */
export function residualMap(view: GreyView): ResidualOutcome {
  const passed = highPass(view)
  const grid = measureCells(view, passed)
  const copies = findDuplicates(view, passed.fine)
  const { maps, cells } = rateCells(grid)
  if (cells < LEAST_CELLS) return tooLittle(cells, copies)
  const judged = maps.map((map) => judge(map, grid.columns))
  const odd = pickRegions(judged).filter(({ chance }) => chance < REPORT_BELOW)
  const regions = [...copies, ...odd.map((one) => regionOf(one))].sort((a, b) => a.p - b.p)
  const rarest = Math.max(...judged.map(({ most }) => most))
  return {
    isAdvisory: true,
    absent: null,
    regions: regions.slice(0, MOST_REGIONS),
    imageScore: round(copies.length > 0 ? Math.max(COPY_SCORE, rarest) : rarest),
    cells,
    heat: heatOf(grid, judged),
    sentence: sentenceFor(regions.length),
  }
}

interface Judged {
  readonly side: number
  readonly found: readonly Candidate[]
  /** −log10 of the smallest corrected chance; not cut off. */
  readonly most: number
  /** −log10 of each window's own chance, before correction. */
  readonly marks: Float64Array
}

function judge({ manner, side, rarity, deviation }: RarityMap, columns: number): Judged {
  const present = rarity.filter((value) => !Number.isNaN(value))
  const tail = fitTail(present, present.length / (side * side))
  const marks = rarity.map((value) => tailMark(tail, value))
  // Windows that overlap are no independent tries, and each is tried in several manners and sizes.
  const tries = Math.max(1, (MANNERS_AND_SIZES * present.length) / side)
  const found: Candidate[] = []
  let most = 0
  marks.forEach((mark, place) => {
    if (Number.isNaN(mark)) return
    const corrected = amongMany(mark, tries)
    most = Math.max(most, corrected)
    if (corrected < MARK_TO_KEEP) return
    const why = reasonOf(manner, deviation.subarray(place * 3, place * 3 + 3))
    const chance = Math.max(LEAST_CHANCE, 10 ** -corrected)
    found.push({ column: place % columns, row: Math.floor(place / columns), side, mark: corrected, chance, why })
  })
  return { side, found, most, marks }
}

function reasonOf(manner: Manner, [level = 0, ratio = 0, lag = 0]: Float64Array): ResidualReason {
  const isLevel = Math.abs(level) >= Math.max(Math.abs(ratio), Math.abs(lag))
  if (manner === 'smooth') return isLevel ? 'noise_low' : 'grain_coarse'
  return isLevel ? 'noise_high' : 'grain_fine'
}

/** The rarest first; what touches one that was taken is left out. */
function pickRegions(judged: readonly Judged[]): Candidate[] {
  const taken: Candidate[] = []
  const found = judged.flatMap((one) => one.found)
  for (const one of found.sort((a, b) => b.mark - a.mark || b.side - a.side || a.row - b.row || a.column - b.column)) {
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

/** The rarest window that covers a cell. */
function heatOf({ columns, rows, isUsable }: CellGrid, judged: readonly Judged[]): ResidualHeat {
  const most = new Float64Array(columns * rows)
  for (const { side, marks } of judged) {
    for (let place = 0; place < marks.length; place++) {
      const mark = marks[place] as number
      if (Number.isNaN(mark)) continue
      for (let v = 0; v < side; v++)
        for (let at = place + v * columns; at < place + v * columns + side; at++)
          if (mark > (most[at] as number)) most[at] = mark
    }
  }
  const values = Array.from(most, (mark, i) => (isUsable[i] === 1 ? round(Math.min(12, mark)) : -1))
  return { columns, rows, cell: CELL, values }
}

function tooLittle(cells: number, copies: readonly ResidualRegion[]): ResidualOutcome {
  return {
    isAdvisory: true,
    absent: copies.length > 0 ? null : 'too_little_usable',
    regions: copies,
    imageScore: copies.length > 0 ? COPY_SCORE : 0,
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
