/**
 * Repair: undoes the change of a single sample of a tile, from the sums that the record keeps of the marked tile.
 *
 * Source: docs/reference/mark.md, "Syndromes". Two sums with independent keys are two equations for two unknowns, place and change.
 */
import { maximumOf, type Plane } from '../../pixels/plane.ts'
import type { TileMeans } from './embed-plane.ts'
import { putTile, type Tile, takeTile } from './grid.ts'
import type { PlaneReading } from './read-plane.ts'
import { type KeyTable, makeKeyTable, makePads, PRIME } from './tile-keys.ts'

export interface RepairOrder {
  readonly imageKey: Uint8Array
  /** Number of the plane in its image. */
  readonly plane: number
  /** Of all tiles, as {@link MarkedPlane.syndromes}. */
  readonly syndromes: Uint32Array
}

/** One sample that was put right. */
export interface Repair {
  /** Number of the tile. */
  readonly tile: number
  readonly x: number
  readonly y: number
  /** Of the canonical domain. */
  readonly found: number
  readonly marked: number
}

export interface Repaired {
  /** The marked plane as it was, where it could be put right; chips are still on it. */
  readonly plane: Plane
  readonly repairs: readonly Repair[]
}

/**
 * Puts right every tile in which one sample was changed. A tile with more changes stays as it is: what is put right holds afterwards.
 *
 * @param plane    as it was read
 * @param reading  of it
 * @throws {RangeError} for syndromes of another plane
 */
export function repairPlane(plane: Plane, reading: PlaneReading, order: RepairOrder, means: TileMeans): Repaired {
  const { grid, held, bytesPerTile } = reading
  if (order.syndromes.length !== 2 * grid.tiles.length) throw new RangeError('syndromes do not fit the tiles')
  const table = makeKeyTable(order.imageKey, grid.tileSize)
  const coder = means.createCoder(table)
  const pads = makePads(order.imageKey, order.plane, grid.tiles.length)
  const maximum = maximumOf(plane)
  const samples = plane.samples.slice()
  const repairs: Repair[] = []
  for (const [number, tile] of grid.tiles.entries()) {
    if (held[number] === 1) continue
    const taken = takeTile(plane, tile)
    const change = solve(table, coder.sums(taken), order.syndromes.subarray(2 * number, 2 * number + 2), taken.length)
    if (change === undefined) continue
    const found = taken[change.place] as number
    const marked = found + change.by
    if (marked < 0 || marked > maximum) continue
    taken[change.place] = marked
    const work = { width: tile.width, height: tile.height, maximum, pad: pads[number] as number }
    if (coder.read({ ...work, samples: taken.slice(), stream: new Uint8Array(bytesPerTile) }) === 0) continue
    putTile(samples, plane.width, tile, taken)
    repairs.push({ tile: number, ...placeIn(tile, change.place), found, marked })
  }
  return { plane: { ...plane, samples }, repairs }
}

const placeIn = ({ x, y, width }: Tile, place: number): { readonly x: number; readonly y: number } => ({
  x: x + (place % width),
  y: y + Math.floor(place / width),
})

/** The one change of one sample that explains both sums, or undefined. */
function solve(
  { first, second }: KeyTable,
  sums: readonly [number, number],
  wanted: Uint32Array,
  count: number,
): { readonly place: number; readonly by: number } | undefined {
  const s1 = subtract(wanted[0] as number, sums[0])
  const s2 = subtract(wanted[1] as number, sums[1])
  let place: number | undefined
  for (let i = 0; i < count; i++) {
    if (multiply(first[i] as number, s2) !== multiply(second[i] as number, s1)) continue
    if (place !== undefined) return undefined
    place = i
  }
  if (place === undefined || first[place] === 0) return undefined
  const by = multiply(s1, invert(first[place] as number))
  return { place, by: by > PRIME / 2 ? by - PRIME : by }
}

const subtract = (a: number, b: number): number => (a - b + PRIME) % PRIME

/** Product of two numbers below p; every step is below 2^48. */
const multiply = (a: number, b: number): number => (((a * (b >>> 16)) % PRIME) * 65_536 + a * (b & 0xffff)) % PRIME

/** Inverse modulo p, by Fermat. */
function invert(a: number): number {
  let result = 1
  let square = a
  for (let exponent = PRIME - 2; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2 === 1) result = multiply(result, square)
    square = multiply(square, square)
  }
  return result
}
