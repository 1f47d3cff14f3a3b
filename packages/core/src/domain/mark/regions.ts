/** Regions: tiles that do not hold, gathered into rectangles that a person can be pointed at. */
import type { Grid, Tile } from './tiles/grid.ts'

/** A rectangle around tiles that touch each other, corners included. Right and bottom are not included. */
export interface Region {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  /** Tiles in it that do not hold. */
  readonly tiles: number
}

/**
 * The regions in the order of their first tiles.
 * @param held  1 for each tile that holds, row by row
 */
export function regionsOf({ columns, rows, tiles }: Grid, held: Uint8Array): readonly Region[] {
  const seen = Uint8Array.from(held, (one) => (one === 0 ? 0 : 1))
  const regions: Region[] = []
  for (let first = 0; first < seen.length; first++) {
    if (seen[first] !== 0) continue
    const members = spread(first, seen, columns, rows)
    regions.push(around(members.map((i) => tiles[i] as Tile)))
  }
  return regions
}

/** All tiles that are reached from one over neighbours that do not hold. @param seen  changed */
function spread(first: number, seen: Uint8Array, columns: number, rows: number): readonly number[] {
  const members = [first]
  seen[first] = 1
  for (const tile of members) {
    const row = Math.floor(tile / columns)
    const column = tile % columns
    for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
      for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
        const next = y * columns + x
        if (seen[next] !== 0) continue
        seen[next] = 1
        members.push(next)
      }
    }
  }
  return members
}

const around = (tiles: readonly Tile[]): Region => ({
  left: least(tiles.map(({ x }) => x)),
  top: least(tiles.map(({ y }) => y)),
  right: -least(tiles.map(({ x, width }) => -(x + width))),
  bottom: -least(tiles.map(({ y, height }) => -(y + height))),
  tiles: tiles.length,
})

const least = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.min(a, b))
