/**
 * Origin: where a tile that does not hold was taken from, if it is a tile of an image of the same key.
 *
 * Source: docs/reference/mark.md, "Foreign tiles". A tile holds under one pad alone; reading it backwards gives that pad, and
 * pads are those of places.
 */
import { maximumOf, type Plane } from '../../pixels/plane.ts'
import { takeTile } from './grid.ts'
import { readPads } from './plain-coder.ts'
import type { PlaneReading } from './read-plane.ts'
import { type KeyTable, makeKeyTable, makePads } from './tile-keys.ts'

/** An image from which tiles may come: this one or another. */
export interface Source {
  readonly imageKey: Uint8Array
  /** Numbers of its planes, with the number of tiles of each. */
  readonly planes: ReadonlyMap<number, number>
}

/** A tile that stands where another belongs. */
export interface Foreign {
  /** Number of the tile here. */
  readonly tile: number
  /** Which of the sources it comes from. */
  readonly source: number
  readonly plane: number
  /** Number of the tile there. */
  readonly from: number
}

/**
 * Looks for the origin of every tile that does not hold.
 *
 * A pair of tile and place that do not belong together is told by chance with a probability of some 18 · places / 2^31.
 * @param sources  images of the same device, this one among them; all with tiles of the same size and stream
 */
export function findOrigins(plane: Plane, reading: PlaneReading, sources: readonly Source[]): readonly Foreign[] {
  const { grid, held, bytesPerTile } = reading
  const maximum = maximumOf(plane)
  const lost = [...grid.tiles.entries()].filter(([number]) => held[number] !== 1)
  if (lost.length === 0) return []
  const books = sources.map((source, i) => bookOf(source, i, grid.tileSize))
  return lost.flatMap(([number, tile]) => {
    const { width, height } = tile
    const work = {
      samples: takeTile(plane, tile),
      width,
      height,
      maximum,
      pad: 0,
      stream: new Uint8Array(bytesPerTile),
    }
    for (const { table, places } of books) {
      for (const pad of readPads(table, work)) {
        const place = places.get(pad)
        if (place !== undefined) return [{ tile: number, ...place }]
      }
    }
    return []
  })
}

interface PadBook {
  readonly table: KeyTable
  readonly places: ReadonlyMap<number, Omit<Foreign, 'tile'>>
}

function bookOf({ imageKey, planes }: Source, source: number, tileSize: number): PadBook {
  const places = new Map<number, Omit<Foreign, 'tile'>>()
  for (const [plane, tiles] of planes) {
    for (const [from, pad] of makePads(imageKey, plane, tiles).entries()) places.set(pad, { source, plane, from })
  }
  return { table: makeKeyTable(imageKey, tileSize), places }
}
