/**
 * Grid: how a plane is cut into tiles.
 *
 * Source: docs/reference/mark.md, "Grid". The last tile of a row or column takes what is left over.
 */
import type { Plane } from '../plane.ts'

/** A rectangle of samples of a plane. */
export interface Tile {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Grid {
  /** Samples of a side; the last tiles are larger, by less than as much again. */
  readonly tileSize: number
  readonly columns: number
  readonly rows: number
  /** Row by row. */
  readonly tiles: readonly Tile[]
}

/** Bits Stored from which tiles start small: there is room in the noise. */
const DEEP_BITS = 10
const SIZES = { deep: 32, shallow: 64, largest: 256 } as const

/** Tile sizes in the order in which they are tried. */
export function tileSizesOf({ bits }: Pick<Plane, 'bits'>): readonly number[] {
  const first = bits >= DEEP_BITS ? SIZES.deep : SIZES.shallow
  return [first, 2 * first, 4 * first, 8 * first].filter((size) => size <= SIZES.largest)
}

export function gridOf({ width, height }: Pick<Plane, 'width' | 'height'>, tileSize: number): Grid {
  const columns = Math.max(1, Math.floor(width / tileSize))
  const rows = Math.max(1, Math.floor(height / tileSize))
  const tiles: Tile[] = []
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const x = column * tileSize
      const y = row * tileSize
      tiles.push({
        x,
        y,
        width: column === columns - 1 ? width - x : tileSize,
        height: row === rows - 1 ? height - y : tileSize,
      })
    }
  }
  return { tileSize, columns, rows, tiles }
}

/** The samples of a tile, row by row; `into` is used if it is long enough. */
export function takeTile(plane: Plane, tile: Tile, into = new Uint16Array(tile.width * tile.height)): Uint16Array {
  const taken = into.subarray(0, tile.width * tile.height)
  for (let row = 0; row < tile.height; row++) {
    const from = (tile.y + row) * plane.width + tile.x
    taken.set(plane.samples.subarray(from, from + tile.width), row * tile.width)
  }
  return taken
}

/** The inverse of {@link takeTile}, into the samples of a plane. */
export function putTile(samples: Uint16Array, planeWidth: number, tile: Tile, taken: Uint16Array): void {
  for (let row = 0; row < tile.height; row++) {
    const values = taken.subarray(row * tile.width, (row + 1) * tile.width)
    samples.set(values, (tile.y + row) * planeWidth + tile.x)
  }
}
