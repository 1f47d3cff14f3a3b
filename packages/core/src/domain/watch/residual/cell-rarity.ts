/**
 * Cell rarity: how far the noise of each place departs from that of like places of the same picture, in the two ways that edits depart in.
 *
 * What light, structure and position explain is fitted away from each number of a cell; a window's mean is then held against the ring around it, and
 * against all other windows. Made places are smoother (less noise, coarser grain); places from elsewhere, or with noise added, are rougher (more
 * noise, finer grain). Real structure that leaks through the high pass makes noise larger and grain coarser at once: neither.
 * Known flaw: more noise of the same grain is hardly seen, as structure looks like it.
 * Limits: markers, saturated places and the picture's edge are left out.
 */

import { chooseCells } from './cell-choice.ts'
import type { CellGrid } from './cell-grid.ts'
import { NOISE_COUNT, SIGHT_COUNT } from './cell-grid.ts'
import { rarityOfDeviation } from './own-tail.ts'
import { fitAway, medianOf, quantileOf, spreadOf } from './robust-fit.ts'
import { type Box, sumBox, tablesOf } from './summed-area.ts'

/** Cells to a side of the windows. */
const SIDES = [2, 3, 4] as const
/** Cells that the ring around a window is wide. */
const RING = 2
/** Shares of the window's, and the ring's, cells that have to be usable. */
const USABLE_SHARE = 0.8
const RING_SHARE = 0.4
/** Share of cells at either end of structure that count as the last before them. */
const BULK = 0.05
/** Deviations to which a single cell's numbers are drawn in. */
const CLIP = 4
/** 1, light to the third, structure to the second, their product, and position to the second. */
const TERMS = 12

export type Manner = 'smooth' | 'rough'
/** Weights of log variance, coarse-to-fine ratio and autocorrelation; the tails take no part. */
const MANNERS: Readonly<Record<Manner, readonly [level: number, ratio: number, lag: number]>> = {
  smooth: [-1, 0.5, 0.5],
  rough: [1, -1, -1],
}

export interface RarityMap {
  readonly manner: Manner
  /** Cells to a side of a window. */
  readonly side: number
  /** Negative log chance under normal noise, for windows by their upper left cell, row by row; NaN where it cannot be said. */
  readonly rarity: Float64Array
  /** Deviations of each window's log variance, coarse-to-fine ratio and autocorrelation, in turn. */
  readonly deviation: Float64Array
}

/** @returns a map for each manner and size of window; and how many cells could be judged */
export function rateCells(grid: CellGrid): { readonly maps: readonly RarityMap[]; readonly cells: number } {
  const chosen = chooseCells(grid)
  const places: number[] = []
  for (let place = 0; place < chosen.length; place++) if (chosen[place] === 1) places.push(place)
  const rests = explainAway(grid, places)
  const maps = SIDES.flatMap((side) => rateWindows(contrastWindows(rests, grid, side), side))
  return { maps, cells: places.length }
}

/** What neither sight nor position explains, in deviations: three numbers a cell, NaN for cells that are not chosen. */
function explainAway({ columns, rows, noise, sight }: CellGrid, places: readonly number[]): Float64Array {
  const edges = Float64Array.from(places, (place) => sight[place * SIGHT_COUNT + 1] as number).sort()
  // No rule is followed beyond where most cells are: a made place may be smoother than any other.
  const [low, high] = [quantileOf(edges, BULK), quantileOf(edges, 1 - BULK)]
  const terms = new Float64Array(places.length * TERMS)
  places.forEach((place, i) => {
    const light = 2 * (sight[place * SIGHT_COUNT] as number) - 1
    const edge = Math.max(low, Math.min(high, sight[place * SIGHT_COUNT + 1] as number)) / 4
    const x = (2 * (place % columns)) / columns - 1
    const y = (2 * Math.floor(place / columns)) / rows - 1
    terms.set([1, light, light ** 2, light ** 3, edge, edge * edge, light * edge, x, y, x * x, y * y, x * y], i * TERMS)
  })
  const rests = new Float64Array(columns * rows * 3).fill(Number.NaN)
  for (let k = 0; k < 3; k++) {
    const values = Float64Array.from(places, (place) => noise[place * NOISE_COUNT + k] as number)
    const rest = fitAway(values, terms, TERMS)
    const spread = Math.max(spreadOf(rest), 1e-9)
    places.forEach((place, i) => {
      rests[place * 3 + k] = Math.max(-CLIP, Math.min(CLIP, (rest[i] as number) / spread))
    })
  }
  return rests
}

/** Mean of each window less the mean of the ring around it, three numbers a window. */
function contrastWindows(rests: Float64Array, { columns, rows }: CellGrid, side: number): Float64Array {
  const { counts, sums } = tablesOf(rests, { columns, rows, numbers: 3 })
  const contrasts = new Float64Array(rests.length).fill(Number.NaN)
  for (let row = 0; row + side <= rows; row++) {
    for (let column = 0; column + side <= columns; column++) {
      const box = { left: column, top: row, right: column + side, bottom: row + side }
      const around = widen(box, columns, rows)
      const inside = sumBox(counts, columns, box)
      const outside = sumBox(counts, columns, around) - inside
      const ring = (side + 2 * RING) ** 2 - side * side
      if (inside < USABLE_SHARE * side * side || outside < RING_SHARE * ring) continue
      sums.forEach((table, k) => {
        const within = sumBox(table, columns, box)
        const beyond = sumBox(table, columns, around) - within
        contrasts[(row * columns + column) * 3 + k] = within / inside - beyond / outside
      })
    }
  }
  return contrasts
}

const widen = ({ left, top, right, bottom }: Box, columns: number, rows: number): Box => ({
  left: Math.max(0, left - RING),
  top: Math.max(0, top - RING),
  right: Math.min(columns, right + RING),
  bottom: Math.min(rows, bottom + RING),
})

function rateWindows(contrasts: Float64Array, side: number): RarityMap[] {
  const deviation = new Float64Array(contrasts.length)
  for (let k = 0; k < 3; k++) standardise(contrasts, deviation, k, 3)
  return (Object.keys(MANNERS) as Manner[]).map((manner) => {
    const [level, ratio, lag] = MANNERS[manner]
    const mixed = new Float64Array(contrasts.length / 3)
    for (let at = 0; at < mixed.length; at++)
      mixed[at] =
        level * (deviation[3 * at] as number) +
        ratio * (deviation[3 * at + 1] as number) +
        lag * (deviation[3 * at + 2] as number)
    standardise(mixed, mixed, 0, 1)
    return { manner, side, rarity: mixed.map((value) => rarityOfDeviation(value)), deviation }
  })
}

/** Deviations from the median, of every `stride`th value from `first`; NaN stays. */
function standardise(from: Float64Array, to: Float64Array, first: number, stride: number): void {
  const present: number[] = []
  for (let i = first; i < from.length; i += stride)
    if (!Number.isNaN(from[i] as number)) present.push(from[i] as number)
  const values = Float64Array.from(present)
  const middle = medianOf(values)
  const spread = Math.max(spreadOf(values), 1e-9)
  for (let i = first; i < from.length; i += stride) to[i] = ((from[i] as number) - middle) / spread
}
