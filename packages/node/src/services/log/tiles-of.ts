/** Tiles of: the stored tiles of a tree, read for it and for all smaller trees that it begins with. */
import type { ReadTile } from '@fiducial/core/domain/log/tile-proofs.ts'
import { tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import { readStoredTile } from './log-view.ts'
import type { ImmutableStore } from './ports.ts'

/**
 * Reads each tile as wide as the tree has it: narrower ones of smaller trees need not be there any more.
 * @param size  of a tree whose tiles are stored
 * @throws {StoreError} `log_corrupted` where one is missing
 */
export const tilesOf =
  (objects: Pick<ImmutableStore, 'get'>, size: bigint): ReadTile =>
  ({ level, index }) =>
    readStoredTile(objects, { level, index, width: tileWidth(level, index, size) })
