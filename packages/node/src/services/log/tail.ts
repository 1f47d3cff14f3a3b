/**
 * Tail: what the log holds beyond its last integrated checkpoint: tiles and entries that are durable with the sequencer
 * and not yet objects of their own.
 *
 * It answers reads of tiles and entries as if they were integrated, so that a proof never waits for that.
 */

import type { CompletedTile, EdgeTile, TileTree } from '@fiducial/core/domain/log/tile-tree.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { decodeBundle, encodeBundle } from '@fiducial/core/formats/tlog/entry-bundle.ts'
import { entriesPath, TILE_WIDTH, type TileCoordinate, tilePath } from '@fiducial/core/formats/tlog/tile.ts'
import { readStoredTile } from './log-view.ts'
import type { ImmutableStore, StoredObject } from './ports.ts'

const WIDTH = BigInt(TILE_WIDTH)

/** The log as it stood at one size: what a checkpoint of that size says, and its right edge. */
export interface Mark {
  readonly size: bigint
  readonly root: Uint8Array
  readonly edge: readonly EdgeTile[]
  /** Entries of the bundle that was not full. */
  readonly last: readonly Uint8Array[]
}

/** The part of the log that is younger than its newest integrated checkpoint. */
export class Tail {
  readonly #tree: TileTree
  readonly #objects: ImmutableStore
  /** Full tiles by path. */
  readonly #tiles = new Map<string, { readonly end: bigint; readonly bytes: Uint8Array }>()
  /** Full bundles by number. */
  readonly #bundles = new Map<bigint, readonly Uint8Array[]>()
  /** Entries of the bundle that is not full. */
  #last: Uint8Array[]
  #bytes = 0

  /** @param last  entries of the partial bundle of the tree, in order */
  constructor(tree: TileTree, objects: ImmutableStore, last: readonly Uint8Array[]) {
    this.#tree = tree
    this.#objects = objects
    this.#last = [...last]
    for (const { length } of last) this.#bytes += length
  }

  get size(): bigint {
    return this.#tree.size
  }

  get root(): Uint8Array {
    return this.#tree.root()
  }

  /** Bytes held until they are integrated. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Adds entries; their proofs are for the tree with all of them.
   * @param leafHashes  32 bytes each, in the same order
   */
  append(leaves: readonly Uint8Array[], leafHashes: Uint8Array): (index: bigint) => readonly Uint8Array[] {
    let number = this.size / WIDTH
    const { tiles, prove } = this.#tree.append(leafHashes)
    for (const tile of tiles) this.#keep(tile)
    for (const leaf of leaves) {
      this.#last.push(leaf)
      this.#bytes += leaf.length
      if (this.#last.length === TILE_WIDTH) {
        this.#bundles.set(number++, this.#last)
        this.#last = []
      }
    }
    return prove
  }

  /** The log as it stands. */
  mark(): Mark {
    return { size: this.size, root: this.root, edge: this.#tree.edge(), last: [...this.#last] }
  }

  /** Everything that a checkpoint of a mark needs and that is not stored yet. */
  objectsOf({ size, edge, last }: Mark): StoredObject[] {
    const objects: StoredObject[] = []
    for (const [path, { end, bytes }] of this.#tiles) if (end <= size) objects.push({ path, bytes })
    for (const [number, entries] of this.#bundles) {
      if ((number + 1n) * WIDTH <= size) objects.push(bundleOf(number, entries))
    }
    for (const tile of edge) objects.push({ path: tilePath(tile), bytes: tile.bytes })
    if (last.length > 0) objects.push(bundleOf(size / WIDTH, last))
    return objects
  }

  /** Forgets what is stored since {@link objectsOf}. */
  forget({ size }: Mark): void {
    for (const [path, { end, bytes }] of this.#tiles) {
      if (end > size) continue
      this.#bytes -= bytes.length
      this.#tiles.delete(path)
    }
    for (const [number, entries] of this.#bundles) {
      if ((number + 1n) * WIDTH > size) break
      for (const { length } of entries) this.#bytes -= length
      this.#bundles.delete(number)
    }
  }

  /** Hashes of a tile, of at least the width that is asked for. @throws {StoreError} `log_corrupted` */
  readonly readTile = async (tile: TileCoordinate): Promise<Uint8Array> => {
    const full = tilePath({ ...tile, width: TILE_WIDTH })
    const held = this.#tiles.get(full)?.bytes ?? this.#edgeTile(tile)
    if (held !== undefined) return held
    return readStoredTile(this.#objects, tile)
  }

  /** An entry. @throws {StoreError} `entry_missing`, `log_corrupted` */
  async readEntry(index: bigint): Promise<Uint8Array> {
    if (index < 0n || index >= this.size) throw new StoreError('entry_missing', `the log has ${this.size} entries`)
    const number = index / WIDTH
    const place = Number(index % WIDTH)
    const held = this.#bundles.get(number) ?? (number === this.size / WIDTH ? this.#last : undefined)
    const entry = (held ?? (await this.#readBundle(number)))[place]
    if (entry === undefined) throw new StoreError('log_corrupted', `entry ${index} is missing`)
    return entry
  }

  async #readBundle(number: bigint): Promise<readonly Uint8Array[]> {
    const path = entriesPath(number, TILE_WIDTH)
    const bytes = await this.#objects.get(path)
    if (bytes === undefined) throw new StoreError('log_corrupted', `${path} is missing`)
    return decodeBundle(bytes, TILE_WIDTH)
  }

  #keep({ level, index, bytes }: CompletedTile): void {
    const end = (index + 1n) * WIDTH ** BigInt(level + 1)
    this.#tiles.set(tilePath({ level, index, width: TILE_WIDTH }), { end, bytes })
    this.#bytes += bytes.length
  }

  #edgeTile({ level, index, width }: TileCoordinate): Uint8Array | undefined {
    return this.#tree.edge().find((tile) => tile.level === level && tile.index === index && tile.width >= width)?.bytes
  }
}

/** A bundle that is written when somebody takes its bytes: of a second's entries together they are some megabytes. */
function bundleOf(number: bigint, entries: readonly Uint8Array[]): StoredObject {
  return {
    path: entriesPath(number, entries.length),
    get bytes() {
      return encodeBundle(entries)
    },
  }
}
