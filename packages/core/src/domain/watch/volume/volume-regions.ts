/**
 * Volume regions: places of a volume, a few cells and slices large, whose noise departs from that of the same place in other slices and of the same
 * slice in other places.
 *
 * What a slice and what a place have in common is taken away by medians, one after the other; what is left is averaged over boxes and held against all
 * other boxes of the volume. Nothing is learnt.
 */
import { amongMany, fitTail, LEAST_CHANCE, rarityOfDeviation, tailMark } from '../residual/own-tail.ts'
import { medianOf, spreadOf } from '../residual/robust-fit.ts'
import { REGION_BELOW, VOLUME_SENTENCES, type VolumeReason, type VolumeRegion } from './outcome.ts'
import { NUMBERS, type SliceCells } from './slice-cells.ts'

export interface BoxSize {
  /** Cells to a side. */
  readonly side: number
  readonly slices: number
}

const CLIP = 5
const USABLE_SHARE = 0.7
const MOST_REGIONS = 8
const MANNERS: readonly { readonly number: number; readonly sign: 1 | -1; readonly why: VolumeReason }[] = [
  { number: 0, sign: -1, why: 'noise_low' },
  { number: 0, sign: 1, why: 'noise_high' },
  { number: 1, sign: 1, why: 'link_high' },
  { number: 1, sign: -1, why: 'link_low' },
  { number: 2, sign: -1, why: 'between_high' },
  { number: 2, sign: 1, why: 'between_low' },
]

interface Candidate {
  readonly column: number
  readonly row: number
  readonly slice: number
  readonly mark: number
  readonly why: VolumeReason
}

/** @returns regions, strangest first, and −log10 of the chance of the strangest box */
export function findVolumeRegions(
  cells: SliceCells,
  size: BoxSize,
): { readonly regions: readonly VolumeRegion[]; readonly score: number } {
  const found: Candidate[] = []
  let score = 0
  for (let k = 0; k < NUMBERS; k++) {
    const boxes = averageBoxes(takeCommonAway(cells, k), cells, size)
    for (const { sign, why } of MANNERS.filter(({ number }) => number === k)) {
      const candidates = judgeBoxes(boxes, { cells, size, sign, why })
      for (const one of candidates) {
        score = Math.max(score, one.mark)
        if (one.mark > -Math.log10(REGION_BELOW)) found.push(one)
      }
    }
  }
  return { regions: pick(found, size).map((one) => regionOf(one, cells, size)), score: Math.round(score * 100) / 100 }
}

/** One number of all cells, slice after slice, in deviations; NaN where it is not known. */
function takeCommonAway({ columns, rows, slices }: SliceCells, k: number): Float64Array {
  const count = columns * rows
  const rest = new Float64Array(count * slices.length)
  slices.forEach((numbers, slice) => {
    for (let at = 0; at < count; at++) rest[slice * count + at] = numbers[at * NUMBERS + k] as number
  })
  for (let slice = 0; slice < slices.length; slice++) subtractMedian(rest, slice * count, 1, count)
  for (let at = 0; at < count; at++) subtractMedian(rest, at, count, slices.length)
  const spread = Math.max(1e-9, spreadOf(rest.filter((value) => !Number.isNaN(value))))
  return rest.map((value) => Math.max(-CLIP, Math.min(CLIP, value / spread)))
}

function subtractMedian(values: Float64Array, first: number, stride: number, count: number): void {
  const present: number[] = []
  for (let i = 0; i < count; i++) {
    const value = values[first + i * stride] as number
    if (!Number.isNaN(value)) present.push(value)
  }
  const middle = medianOf(Float64Array.from(present))
  for (let i = 0; i < count; i++) values[first + i * stride] = (values[first + i * stride] as number) - middle
}

function averageBoxes(
  rest: Float64Array,
  { columns, rows, slices }: SliceCells,
  { side, slices: depth }: BoxSize,
): Float64Array {
  const count = columns * rows
  const means = new Float64Array(rest.length).fill(Number.NaN)
  for (let slice = 0; slice + depth <= slices.length; slice++) {
    for (let row = 0; row + side <= rows; row++) {
      for (let column = 0; column + side <= columns; column++) {
        let [sum, known] = [0, 0]
        for (let w = slice; w < slice + depth; w++)
          for (let v = row; v < row + side; v++)
            for (let at = w * count + v * columns + column, end = at + side; at < end; at++) {
              const value = rest[at] as number
              if (Number.isNaN(value)) continue
              sum += value
              known++
            }
        if (known >= USABLE_SHARE * side * side * depth) means[slice * count + row * columns + column] = sum / known
      }
    }
  }
  return means
}

function judgeBoxes(
  boxes: Float64Array,
  {
    cells,
    size,
    sign,
    why,
  }: { readonly cells: SliceCells; readonly size: BoxSize; readonly sign: number; readonly why: VolumeReason },
): Candidate[] {
  const present = boxes.filter((value) => !Number.isNaN(value))
  if (present.length < 64) return []
  const middle = medianOf(present)
  const spread = Math.max(1e-9, spreadOf(present))
  const rarityAt = (value: number): number => rarityOfDeviation((sign * (value - middle)) / spread)
  const overlap = size.side * size.side * size.slices
  const tail = fitTail(present.map(rarityAt), present.length / overlap)
  const tries = (MANNERS.length * present.length) / size.side
  const count = cells.columns * cells.rows
  const candidates: Candidate[] = []
  boxes.forEach((value, at) => {
    const mark = amongMany(tailMark(tail, rarityAt(value)), tries)
    if (!(mark > 0)) return
    const place = at % count
    candidates.push({
      column: place % cells.columns,
      row: Math.floor(place / cells.columns),
      slice: Math.floor(at / count),
      mark,
      why,
    })
  })
  return candidates
}

function pick(found: Candidate[], { side, slices }: BoxSize): Candidate[] {
  const taken: Candidate[] = []
  for (const one of found.sort(
    (a, b) => b.mark - a.mark || a.slice - b.slice || a.row - b.row || a.column - b.column,
  )) {
    if (taken.length === MOST_REGIONS) break
    const isApart = taken.every(
      (other) =>
        Math.abs(one.column - other.column) > side ||
        Math.abs(one.row - other.row) > side ||
        Math.abs(one.slice - other.slice) > slices,
    )
    if (isApart) taken.push(one)
  }
  return taken
}

const regionOf = (
  { column, row, slice, mark, why }: Candidate,
  { cell }: SliceCells,
  { side, slices }: BoxSize,
): VolumeRegion => ({
  left: column * cell,
  top: row * cell,
  right: (column + side) * cell,
  bottom: (row + side) * cell,
  first: slice,
  last: slice + slices,
  p: Math.max(LEAST_CHANCE, 10 ** -mark),
  why,
  sentence: VOLUME_SENTENCES[why],
})
