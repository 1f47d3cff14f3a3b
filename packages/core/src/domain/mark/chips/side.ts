/**
 * Side information: what must be kept to take the chips off, and the change of each cell that follows from it.
 *
 * Source: docs/reference/mark.md, "Chips", "Side information".
 */

import { CODED_BITS } from './code.ts'
import {
  ALL_ACROSS,
  acrossChoices,
  BLOCK_CELLS,
  blockGrid,
  type CellGrid,
  type ChipShape,
  chipSideLength,
  gridOf,
} from './geometry.ts'
import { type Pattern, PERIOD, SIGN_PERIOD, signsFor } from './pattern.ts'

/** What was painted. */
export interface ChipSide {
  readonly grid: CellGrid
  /** The step of changes, in stored values, 1 to 65,535. */
  readonly unit: number
  /** 384 of 0 or 1. */
  readonly coded: Uint8Array
  /** For each block of cells, 1, 2, 4 … 128 half units; a half is a unit on every other pixel. */
  readonly magnitudes: Uint8Array
  /** For each cell, 1 if it is painted. */
  readonly painted: Uint8Array
}

/** The bytes of side information, as many as chipSideLength says for the shape. */
export function formatSide(shape: ChipShape, { grid, unit, coded, magnitudes, painted }: ChipSide): Uint8Array {
  const low = Uint8Array.from(
    { length: magnitudes.length * 3 },
    (_, i) => (Math.log2(magnitudes[Math.floor(i / 3)] as number) >> (2 - (i % 3))) & 1,
  )
  const head = Uint8Array.of(ALL_ACROSS.indexOf(grid.across), unit >> 8, unit & 255)
  const bytes = new Uint8Array(chipSideLength(shape))
  let offset = 0
  for (const part of [head, packBits(coded), packBits(low), packBits(painted)]) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

/** Reads what {@link formatSide} writes. @throws {RangeError} for another length, or a number of cells that is not in use */
export function parseSide(bytes: Uint8Array, shape: ChipShape): ChipSide {
  const across = ALL_ACROSS[bytes[0] as number]
  if (bytes.length === 0 || bytes.length !== chipSideLength(shape)) throw new RangeError('length of side information')
  if (across === undefined || !acrossChoices(shape).includes(across))
    throw new RangeError('cells along the shorter side')
  const grid = gridOf(shape, across)
  const blocks = blockGrid(grid)
  const counts = [24, CODED_BITS, blocks.columns * blocks.rows * 3, grid.columns * grid.rows]
  let offset = 0
  const [, coded, low, painted] = counts.map((count) => {
    const bits = unpackBits(bytes.subarray(offset), count)
    offset += Math.ceil(count / 8)
    return bits
  }) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  const exponent = (block: number) =>
    4 * (low[3 * block] as number) + 2 * (low[3 * block + 1] as number) + (low[3 * block + 2] as number)
  const magnitudes = Uint8Array.from({ length: low.length / 3 }, (_, block) => 2 ** exponent(block))
  return { grid, unit: ((bytes[1] as number) << 8) | (bytes[2] as number), coded, magnitudes, painted }
}

/** 1 or −1 for each cell: the way in which it is painted. */
export function cellSigns(pattern: Pattern, grid: CellGrid, coded: Uint8Array): Int8Array {
  const signs = new Int8Array(grid.columns * grid.rows)
  const dataSigns = signsFor(pattern, grid.across)
  for (let y = 0; y < grid.rows; y++) {
    for (let x = 0; x < grid.columns; x++) {
      const place = (y % PERIOD) * PERIOD + (x % PERIOD)
      const role = pattern.roles[place] as number
      const data = dataSigns[(y % SIGN_PERIOD) * SIGN_PERIOD + (x % SIGN_PERIOD)] as number
      signs[y * grid.columns + x] = role < 0 ? (pattern.pilots[place] as number) : coded[role] === 1 ? data : -data
    }
  }
  return signs
}

/** The change of each cell, in half units. */
export function cellHalves(pattern: Pattern, side: ChipSide): Int32Array {
  const { grid } = side
  const signs = cellSigns(pattern, grid, side.coded)
  const blocks = blockGrid(grid)
  return Int32Array.from(signs, (sign, i) => {
    const x = i % grid.columns
    const y = (i - x) / grid.columns
    const block = Math.floor(y / BLOCK_CELLS) * blocks.columns + Math.floor(x / BLOCK_CELLS)
    return sign * (side.painted[i] as number) * (side.magnitudes[block] as number)
  })
}

function packBits(bits: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  for (let i = 0; i < bits.length; i++)
    bytes[i >> 3] = (bytes[i >> 3] as number) | ((bits[i] as number) << (7 - (i & 7)))
  return bytes
}

const unpackBits = (bytes: Uint8Array, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => ((bytes[i >> 3] as number) >> (7 - (i & 7))) & 1)
