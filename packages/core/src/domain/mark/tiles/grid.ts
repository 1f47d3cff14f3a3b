/**
 * Grid: how a plane is cut into tiles.
 *
 * Source: docs/reference/mark.md, "Grid". The last tile of a row or column takes what is left over.
 */
import type { Plane } from '../../pixels/plane.ts'

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

/** The samples of a tile, row by row; `into` is used if it is given, and has to be long enough. */
export function takeTile({ width, samples }: Plane, tile: Tile, into?: Uint16Array): Uint16Array {
  const count = tile.width * tile.height
  const taken = into === undefined ? new Uint16Array(count) : into.subarray(0, count)
  for (let row = 0, to = 0; row < tile.height; row++) {
    const from = (tile.y + row) * width + tile.x
    for (let x = 0; x < tile.width; x++) taken[to++] = samples[from + x] as number
  }
  return taken
}

/** The inverse of {@link takeTile}, into the samples of a plane. */
export function putTile(samples: Uint16Array, planeWidth: number, tile: Tile, taken: Uint16Array): void {
  for (let row = 0, from = 0; row < tile.height; row++) {
    const to = (tile.y + row) * planeWidth + tile.x
    for (let x = 0; x < tile.width; x++) samples[to + x] = taken[from++] as number
  }
}
