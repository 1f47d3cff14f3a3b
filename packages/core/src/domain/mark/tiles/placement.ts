/**
 * Placement: where a part of a marked plane lies that was cut out without loss, turned, mirrored or inverted.
 *
 * Source: docs/reference/mark.md, "Crops and flips". A tile that is found whole tells its place by its pad.
 */
import { maximumOf, type Plane } from '../../pixels/plane.ts'
import { takeTile } from './grid.ts'
import { readPads } from './plain-coder.ts'
import type { TileLayout } from './read-plane.ts'
import { type KeyTable, makeKeyTable, makePads } from './tile-keys.ts'

/** What brings a plane back to how it was marked: first the inversion, then the turn, then the mirror. */
export interface Pose {
  readonly isInverted: boolean
  /** Quarter turns, counter-clockwise, 0 to 3. */
  readonly turns: number
  /** Left and right change places. */
  readonly isMirrored: boolean
}

export const POSES: readonly Pose[] = [false, true].flatMap((isInverted) =>
  [false, true].flatMap((isMirrored) => [0, 1, 2, 3].map((turns) => ({ isInverted, turns, isMirrored }))),
)

export interface PlacementOrder {
  readonly imageKey: Uint8Array
  /** Number of the plane in its image. */
  readonly plane: number
  readonly layout: TileLayout
  /** Of the plane as it was marked. */
  readonly whole: { readonly columns: number; readonly rows: number }
  readonly poses?: readonly Pose[]
}

export interface Placement {
  readonly pose: Pose
  /** Where the part begins in the whole, in samples, once it is in its pose. May be negative at a placed border. */
  readonly x: number
  readonly y: number
  /** The part in its pose. */
  readonly plane: Plane
}

/** Tiles looked for, from the middle on. */
const WINDOWS = 4

/** A plane turned, mirrored and inverted. */
export function applyPose(plane: Plane, { isInverted, turns, isMirrored }: Pose): Plane {
  const maximum = maximumOf(plane)
  let posed = isInverted ? { ...plane, samples: plane.samples.map((sample) => maximum - sample) } : plane
  for (let turn = 0; turn < turns; turn++) posed = turnLeft(posed)
  return isMirrored ? mirror(posed) : posed
}

function turnLeft({ width, height, bits, samples }: Plane): Plane {
  const turned = new Uint16Array(samples.length)
  for (let y = 0; y < width; y++) {
    for (let x = 0; x < height; x++) turned[y * height + x] = samples[x * width + width - 1 - y] as number
  }
  return { width: height, height: width, bits, samples: turned }
}

function mirror({ width, height, bits, samples }: Plane): Plane {
  const mirrored = samples.slice()
  for (let y = 0; y < height; y++) mirrored.subarray(y * width, (y + 1) * width).reverse()
  return { width, height, bits, samples: mirrored }
}

/**
 * Looks for the place of a part.
 *
 * Cost: for each pose, a tile is read at tileSize² places: some seconds for tiles of 32.
 * @returns undefined if no whole tile that holds is found near the middle of the part
 */
export function findPlacement(part: Plane, order: PlacementOrder): Placement | undefined {
  const search = prepare(order)
  for (const pose of order.poses ?? POSES) {
    const plane = applyPose(part, pose)
    const place = findPlace(plane, search)
    if (place !== undefined) return { pose, ...place, plane }
  }
  return undefined
}

interface Search {
  readonly table: KeyTable
  /** Tile numbers by pad. */
  readonly places: ReadonlyMap<number, number>
  readonly tileSize: number
  readonly bytesPerTile: number
  readonly columns: number
}

function prepare({ imageKey, plane, layout, whole }: PlacementOrder): Search {
  const pads = makePads(imageKey, plane, whole.columns * whole.rows)
  return {
    table: makeKeyTable(imageKey, layout.tileSize),
    places: new Map([...pads].map((pad, number) => [pad, number])),
    ...layout,
    columns: whole.columns,
  }
}

function findPlace(plane: Plane, search: Search): { readonly x: number; readonly y: number } | undefined {
  const { tileSize } = search
  const spare = { x: plane.width - 2 * tileSize, y: plane.height - 2 * tileSize }
  for (let window = 0; window < WINDOWS; window++) {
    const left = Math.max(0, Math.floor(spare.x / 2) + (window & 1) * tileSize)
    const top = Math.max(0, Math.floor(spare.y / 2) + (window >> 1) * tileSize)
    for (let y = top; y < top + tileSize && y + tileSize <= plane.height; y++) {
      for (let x = left; x < left + tileSize && x + tileSize <= plane.width; x++) {
        const number = tileAt(plane, x, y, search)
        if (number === undefined) continue
        const place = placeOf(number, search, { x, y })
        if (isConfirmed(plane, place, search, number)) return place
      }
    }
  }
  return undefined
}

const placeOf = (number: number, { columns, tileSize }: Search, at: { readonly x: number; readonly y: number }) => ({
  x: (number % columns) * tileSize - at.x,
  y: Math.floor(number / columns) * tileSize - at.y,
})

/** The number of the tile that lies here whole, if one does. */
function tileAt(plane: Plane, x: number, y: number, search: Search): number | undefined {
  const { tileSize, bytesPerTile, table, places } = search
  const tile = { x, y, width: tileSize, height: tileSize }
  const work = {
    samples: takeTile(plane, tile),
    width: tileSize,
    height: tileSize,
    maximum: maximumOf(plane),
    pad: 0,
    stream: new Uint8Array(bytesPerTile),
  }
  for (const pad of readPads(table, work)) {
    const number = places.get(pad)
    if (number !== undefined) return number
  }
  return undefined
}

/** A second tile of the same grid is there: one alone is found by chance once in some thousand searches. */
function isConfirmed(
  plane: Plane,
  place: { readonly x: number; readonly y: number },
  search: Search,
  but: number,
): boolean {
  const { tileSize, columns, places } = search
  for (const number of places.values()) {
    const x = (number % columns) * tileSize - place.x
    const y = Math.floor(number / columns) * tileSize - place.y
    if (number === but || x < 0 || y < 0 || x + tileSize > plane.width || y + tileSize > plane.height) continue
    if (tileAt(plane, x, y, search) === number) return true
  }
  return false
}
