/** Tiles in memory, as a log would serve them: for tests of what reads them. */
import type { Appended, TileTree } from '../domain/log/tile-tree.ts'
import { TILE_WIDTH, type TileCoordinate, tilePath } from '../formats/tlog/tile.ts'

export class TileShelf {
  /** By path. */
  readonly tiles = new Map<string, Uint8Array>()
  /** Paths that were asked for, in order. */
  readonly asked: string[] = []

  /** Keeps what a batch filled. */
  keep({ tiles }: Pick<Appended, 'tiles'>): void {
    for (const { level, index, bytes } of tiles) this.tiles.set(tilePath({ level, index, width: TILE_WIDTH }), bytes)
  }

  /** Keeps the partial tiles of a tree as it stands. */
  keepEdge(tree: TileTree): void {
    for (const tile of tree.edge()) this.tiles.set(tilePath(tile), tile.bytes)
  }

  /** The tile, or else the narrowest wider one. @throws {RangeError} where there is none */
  readonly read = async (tile: TileCoordinate): Promise<Uint8Array> => {
    this.asked.push(tilePath(tile))
    for (let width = tile.width; width <= TILE_WIDTH; width++) {
      const bytes = this.tiles.get(tilePath({ ...tile, width }))
      if (bytes !== undefined) return bytes
    }
    throw new RangeError(`no ${tilePath(tile)}`)
  }
}
