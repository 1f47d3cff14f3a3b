/**
 * Cosine blocks: first digits and noughts of 8 × 8 cosine transforms, on the grid of our own round trip through JPEG and half a block off it.
 *
 * Source: Fu, Shi and Su 2007 (first digits follow Benford's law until a second compression); Lam and Goodman 2000 (shape of coefficients); Lukáš and
 * Fridrich 2003 (gaps in histograms after two compressions).
 */
import { forwardTransform } from '../../attack/forward-dct.ts'
import { quantisationSteps } from '../../attack/jpeg.ts'
import type { FeatureFamily } from '../feature.ts'
import { QUALITY } from '../normalise.ts'
import { defineFeatures, REAL, SHARE, SIZE } from './define.ts'
import type { Study } from './study.ts'

const PAPER = 'Fu, Shi and Su 2007; Lam and Goodman 2000; Lukáš and Fridrich 2003'
const SIDE = 8
/** What the transform is too large by. */
const SCALE = 8
const STEPS = quantisationSteps(QUALITY)
/** 0 low, 1 middle, 2 high; 3 for the mean of the block. */
const BAND_OF = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
  const sum = (i % SIDE) + Math.floor(i / SIDE)
  return sum === 0 ? 3 : sum <= 3 ? 0 : sum <= 6 ? 1 : 2
})
const BENFORD = Float64Array.from({ length: 10 }, (_, digit) => (digit === 0 ? 0 : Math.log10(1 + 1 / digit)))
/** Levels that are looked at for gaps. */
const LEVELS = 14
const BANDS = ['low', 'middle', 'high'] as const

export const COSINE_BLOCKS: FeatureFamily = {
  features: [
    ...defineFeatures('cosine', { paper: PAPER, ...SIZE }, ['benford-low', 'benford-middle', 'gaps']),
    ...defineFeatures(
      'cosine',
      { paper: PAPER, ...REAL },
      BANDS.map((band) => `shape-${band}`),
    ),
    ...defineFeatures('cosine', { paper: PAPER, ...SHARE }, [
      ...BANDS.map((band) => `still-${band}`),
      ...BANDS.map((band) => `nought-${band}`),
    ]),
  ],
  measure(study, into, at) {
    const off = countOff(study)
    const own = countOwn(study)
    into.set(
      [
        benfordDistance(off.digits, 0),
        benfordDistance(off.digits, 10),
        gapsOf(own.levels),
        ...BANDS.map((_, band) => shapeOf(off, band)),
        ...BANDS.map((_, band) => shareOf(off.still, off.counts, band)),
        ...BANDS.map((_, band) => shareOf(own.noughts, own.counts, band)),
      ],
      at,
    )
  },
}

interface OffGrid {
  /** Digits 0 … 9 of the low band, then of the middle. */
  readonly digits: Float64Array
  readonly counts: Float64Array
  readonly sums: Float64Array
  readonly squares: Float64Array
  /** Below one. */
  readonly still: Float64Array
}

function countOff(study: Study): OffGrid {
  const off = {
    digits: new Float64Array(30),
    counts: new Float64Array(4),
    sums: new Float64Array(4),
    squares: new Float64Array(4),
    still: new Float64Array(4),
  }
  const { digits, counts, sums, squares, still } = off
  const block = new Int32Array(SIDE * SIDE)
  for (const from of placeBlocks(study, SIDE / 2)) {
    readBlock(study, from, block)
    for (let i = 1; i < block.length; i++) {
      const band = BAND_OF[i] as number
      const size = Math.abs(block[i] as number) / SCALE
      counts[band] = (counts[band] as number) + 1
      sums[band] = (sums[band] as number) + size
      squares[band] = (squares[band] as number) + size * size
      if (size < 1) still[band] = (still[band] as number) + 1
      else {
        const digit = band * 10 + firstDigit(size)
        digits[digit] = (digits[digit] as number) + 1
      }
    }
  }
  return off
}

interface OwnGrid {
  readonly counts: Float64Array
  readonly noughts: Float64Array
  /** Histogram of sizes of quantised coefficients of the low band, 0 to LEVELS. */
  readonly levels: Float64Array
}

function countOwn(study: Study): OwnGrid {
  const own = { counts: new Float64Array(4), noughts: new Float64Array(4), levels: new Float64Array(LEVELS + 1) }
  const { counts, noughts, levels } = own
  const block = new Int32Array(SIDE * SIDE)
  for (const from of placeBlocks(study, 0)) {
    readBlock(study, from, block)
    for (let i = 1; i < block.length; i++) {
      const band = BAND_OF[i] as number
      const level = Math.floor(Math.abs(block[i] as number) / (SCALE * (STEPS[i] as number)) + 0.5)
      counts[band] = (counts[band] as number) + 1
      if (level === 0) noughts[band] = (noughts[band] as number) + 1
      if (band === 0 && level <= LEVELS) levels[level] = (levels[level] as number) + 1
    }
  }
  return own
}

/** Usable blocks from an offset on, those on the black fields of a chessboard; usable if corners and middle are. */
function placeBlocks({ width, height, usable }: Study, offset: number): Int32Array {
  const places: number[] = []
  for (let y = offset; y + SIDE <= height; y += SIDE) {
    for (let x = offset + (y & SIDE); x + SIDE <= width; x += 2 * SIDE) {
      const from = y * width + x
      const last = from + (SIDE - 1) * width
      const isUsable =
        usable[from] === 1 && usable[from + SIDE - 1] === 1 && usable[last] === 1 && usable[last + SIDE - 1] === 1
      if (isUsable && usable[from + 4 * width + 4] === 1) places.push(from)
    }
  }
  return Int32Array.from(places)
}

function readBlock({ samples, width }: Study, from: number, block: Int32Array): void {
  for (let row = 0, at = from, i = 0; row < SIDE; row++, at += width - SIDE) {
    for (let column = 0; column < SIDE; column++) block[i++] = (samples[at++] as number) - 128
  }
  forwardTransform(block)
}

/** @param size  1 to 9999 */
function firstDigit(size: number): number {
  let rest = size
  while (rest >= 10) rest /= 10
  return rest | 0
}

/** Square root of the Jensen-Shannon divergence from Benford's law, 0 to 0.83. */
function benfordDistance(digits: Float64Array, from: number): number {
  let total = 0
  for (let digit = 1; digit < 10; digit++) total += digits[from + digit] as number
  if (total === 0) return 0
  let divergence = 0
  for (let digit = 1; digit < 10; digit++) {
    const own = (digits[from + digit] as number) / total
    const law = BENFORD[digit] as number
    const middle = (own + law) / 2
    divergence += ((own > 0 ? own * Math.log(own / middle) : 0) + law * Math.log(law / middle)) / 2
  }
  return Math.sqrt(Math.max(0, divergence))
}

/** How far counts of levels depart from the middle of their neighbours: 0 for a smooth fall, 1 and more for a comb. */
function gapsOf(levels: Float64Array): number {
  let [rough, total] = [0, 0]
  for (let level = 2; level < LEVELS; level++) {
    const between = ((levels[level - 1] as number) + (levels[level + 1] as number)) / 2
    rough += Math.abs((levels[level] as number) - between)
    total += between
  }
  return total > 0 ? rough / total : 0
}

/** Logarithm of the mean square over the square of the mean size, less that of a Laplace distribution. */
function shapeOf({ counts, sums, squares }: OffGrid, band: number): number {
  const count = counts[band] as number
  const sum = sums[band] as number
  return sum > 1e-9 ? Math.log(((squares[band] as number) * count) / (2 * sum * sum)) : 0
}

function shareOf(part: Float64Array, all: Float64Array, band: number): number {
  return (all[band] as number) > 0 ? (part[band] as number) / (all[band] as number) : 0.5
}
