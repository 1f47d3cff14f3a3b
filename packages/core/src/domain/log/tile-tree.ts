/**
 * Tile tree: the Merkle tree of a log as it grows, without its past.
 *
 * It keeps the right edge only: a tile for every level that is being filled, and one digest for every height. What
 * entries it is about, and where full tiles go, is left to the caller.
 * Source: RFC 6962 section 2.1 (the tree), C2SP tlog-tiles (its tiles).
 * Cost: each node is hashed once, all of a batch and a height in one call; memory is 8 KiB a level of tiles.
 */
import { equalBytes, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { emptyRoot, type NodeHasher } from '../../formats/merkle/node-hasher.ts'
import { HASH_BYTES } from '../../formats/merkle/tree.ts'
import { partialTiles, TILE_HEIGHT, TILE_WIDTH, type TileCoordinate } from '../../formats/tlog/tile.ts'
import { depthOf, foldEdge, type RightEdge } from './right-edge.ts'
import { cutTile, growTile, type ReadTile } from './tile-proofs.ts'

/** A tile that is full, and will not change again. */
export interface CompletedTile {
  readonly level: number
  readonly index: bigint
  /** 256 digests, 8,192 bytes. */
  readonly bytes: Uint8Array
}

/** A tile that is not full yet. */
export interface EdgeTile extends TileCoordinate {
  /** As many digests as the tile is wide. */
  readonly bytes: Uint8Array
}

/** What a batch made of the tree. */
export interface Appended {
  /** Index of the first entry of the batch. */
  readonly first: bigint
  /** Entries of the tree, with the batch. */
  readonly size: bigint
  /** Root of the tree with the batch, 32 bytes. */
  readonly root: Uint8Array
  /** Tiles that the batch filled, in the order in which they became full within their levels, lowest level first. */
  readonly tiles: readonly CompletedTile[]
  /**
   * The path that proves an entry of the batch in the tree of `size` entries, also after further batches. Its digests
   * are views of memory that lives as long as one of them; they are not to be written to.
   * @throws {RangeError} if the entry is not of this batch
   */
  prove(index: bigint): readonly Uint8Array[]
}

/** Where a tree is to be taken up again. */
export interface Resumption {
  readonly size: bigint
  /** Called for the partial tiles of that size. */
  readonly readTile: ReadTile
  readonly hasher: NodeHasher
  /** Root that the tiles have to come to, 32 bytes. */
  readonly root?: Uint8Array
}

const TILE_BYTES = TILE_WIDTH * HASH_BYTES

/** Digests of one height that a batch and its proofs are about. */
interface Row {
  /** The node that waited for its right neighbour, if one did, and those that the batch made. */
  readonly digests: Uint8Array
  /** 1 where a node waited, else 0. */
  readonly waiting: number
}

export class TileTree {
  readonly #hasher: NodeHasher
  #size: bigint
  /** By level: digests so far of the tile that is being filled; its width follows from the size. */
  readonly #tiles: Uint8Array[] = []
  /** By height: the node that waits for its right neighbour. */
  readonly #waiting: (Uint8Array | undefined)[] = []
  #edge: RightEdge = { root: emptyRoot(), rests: [] }

  private constructor(hasher: NodeHasher, size: bigint) {
    this.#hasher = hasher
    this.#size = size
  }

  /** The tree without entries. */
  static empty(hasher: NodeHasher): TileTree {
    return new TileTree(hasher, 0n)
  }

  /**
   * Takes a tree up again from its partial tiles.
   * @throws {FormatError} `tile_malformed` for a tile that is too short, or tiles that do not come to the root
   */
  static async resume({ size, readTile, hasher, root }: Resumption): Promise<TileTree> {
    const tree = new TileTree(hasher, size)
    const coordinates = partialTiles(size)
    const tiles = await Promise.all(coordinates.map(async (tile) => cutTile(await readTile(tile), tile)))
    for (const [i, { level }] of coordinates.entries()) tree.#restore(level, tiles[i] as Uint8Array)
    tree.#fold()
    if (root !== undefined && !equalBytes(root, tree.#edge.root)) {
      throw new FormatError('tile_malformed', `the tiles do not come to the root of ${size} entries`)
    }
    return tree
  }

  /** Entries so far. */
  get size(): bigint {
    return this.#size
  }

  /** RFC 6962 root over all entries, 32 bytes, a new array each time. */
  root(): Uint8Array {
    return this.#edge.root.slice()
  }

  /** The partial tiles of the current size, lowest level first; copies. */
  edge(): readonly EdgeTile[] {
    return partialTiles(this.#size).map((tile) => ({
      ...tile,
      bytes: (this.#tiles[tile.level] as Uint8Array).slice(0, tile.width * HASH_BYTES),
    }))
  }

  /**
   * Adds entries by their leaf hashes.
   * @param leafHashes  n × 32 bytes, in order; n may be 0
   * @throws {RangeError} if they are not a whole number of digests; the tree is unchanged
   */
  append(leafHashes: Uint8Array): Appended {
    if (leafHashes.length % HASH_BYTES !== 0) throw new RangeError(`${leafHashes.length} bytes are no leaf hashes`)
    const first = this.#size
    const tiles: CompletedTile[] = []
    const rows: Row[] = []
    let fresh = leafHashes
    while (fresh.length > 0 || rows.length < this.#waiting.length) {
      if (rows.length % TILE_HEIGHT === 0) this.#fill(rows.length / TILE_HEIGHT, first, fresh, tiles)
      fresh = this.#grow(rows, fresh)
    }
    this.#size += BigInt(leafHashes.length / HASH_BYTES)
    this.#fold()
    const { root, rests } = this.#edge
    const batch = { first, size: this.#size, rows, rests }
    return { first, size: this.#size, root: root.slice(), tiles, prove: (index) => proveInBatch(batch, index) }
  }

  /** Pairs the nodes of the next height; what has no right neighbour waits. Gives the nodes above back. */
  #grow(rows: Row[], fresh: Uint8Array): Uint8Array {
    const height = rows.length
    const waiting = this.#waiting[height]
    const digests = waiting === undefined ? fresh.slice() : joinBytes([waiting, fresh])
    rows.push({ digests, waiting: waiting === undefined ? 0 : 1 })
    const pairBytes = digests.length - (digests.length % (2 * HASH_BYTES))
    this.#waiting[height] = pairBytes === digests.length ? undefined : digests.slice(pairBytes)
    return pairBytes === 0 ? NOTHING : this.#hasher.hashNodes(digests.subarray(0, pairBytes))
  }

  /** Adds digests to the tile of a level, and moves it out whenever it is full. */
  #fill(level: number, size: bigint, fresh: Uint8Array, tiles: CompletedTile[]): void {
    const before = size >> BigInt(TILE_HEIGHT * level)
    let index = before >> BigInt(TILE_HEIGHT)
    let used = Number(before - (index << BigInt(TILE_HEIGHT))) * HASH_BYTES
    for (let at = 0; at < fresh.length; ) {
      this.#tiles[level] ??= new Uint8Array(TILE_BYTES)
      const bytes = this.#tiles[level]
      const piece = fresh.subarray(at, at + TILE_BYTES - used)
      bytes.set(piece, used)
      at += piece.length
      used += piece.length
      if (used < TILE_BYTES) break
      tiles.push({ level, index, bytes })
      this.#tiles[level] = new Uint8Array(TILE_BYTES)
      index += 1n
      used = 0
    }
  }

  /** Puts a tile of the edge back, and what waits above its digests. */
  #restore(level: number, digests: Uint8Array): void {
    while (this.#tiles.length <= level) this.#tiles.push(new Uint8Array(TILE_BYTES))
    this.#tiles[level]?.set(digests)
    for (const [within, row] of growTile(this.#hasher, digests).entries()) {
      const isOdd = (row.length / HASH_BYTES) % 2 === 1
      if (isOdd) this.#waiting[TILE_HEIGHT * level + within] = row.slice(-HASH_BYTES)
    }
  }

  #fold(): void {
    this.#edge = foldEdge(this.#hasher, this.#size, (height) => this.#waiting[height] as Uint8Array)
  }
}

const NOTHING = new Uint8Array(0)

interface Batch extends Pick<RightEdge, 'rests'> {
  readonly first: bigint
  readonly size: bigint
  readonly rows: readonly Row[]
}

/** Walks up from a leaf by places within the rows: plain numbers, for this runs once for every entry of a log. */
function proveInBatch({ first, size, rows, rests }: Batch, index: bigint): readonly Uint8Array[] {
  if (index < first || index >= size) throw new RangeError(`entry ${index} of a batch from ${first} to ${size}`)
  const path: Uint8Array[] = []
  const depth = depthOf(size)
  let place = Number(index - first)
  for (let height = 0; height < depth; height++) {
    const { digests, waiting } = rows[height] as Row
    // A row starts at an even place of the tree: with the node that waited, or where the batch starts.
    place += waiting
    const at = (place ^ 1) * HASH_BYTES
    const rest = rests[height]
    if (at < digests.length) path.push(digests.subarray(at, at + HASH_BYTES))
    else if (at === digests.length && rest !== undefined) path.push(rest)
    place >>= 1
  }
  return path
}
