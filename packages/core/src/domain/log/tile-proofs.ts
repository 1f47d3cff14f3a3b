/**
 * Proofs from tiles: that an entry stands in a log, and that a log only grew, from the tiles that are needed for it.
 *
 * Source: RFC 6962 section 2.1 (the proofs), C2SP tlog-tiles (where which digest lies).
 * Every proof is checked before it is given out, against the root that the tiles themselves come to. Tiles that were
 * changed together can still agree among themselves: whoever relies on a proof ends with a check against a signed root.
 */
import { equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { followConsistency } from '../../formats/merkle/consistency.ts'
import { joinWith, type NodeHasher } from '../../formats/merkle/node-hasher.ts'
import { followPath, HASH_BYTES } from '../../formats/merkle/tree.ts'
import { TILE_HEIGHT, TILE_WIDTH, type TileCoordinate, tileWidth } from '../../formats/tlog/tile.ts'
import { depthOf, foldEdge, peakHeights, type RightEdge } from './right-edge.ts'

/**
 * Reads the digests of a tile: 32 bytes each, as many as its width or more: a reader that lacks a partial tile gives a
 * wider one. It rejects where there is none.
 */
export type ReadTile = (tile: TileCoordinate) => Promise<Uint8Array>

/**
 * The path that proves an entry in the tree of a size.
 *
 * @returns digests from the neighbour of the entry up to the child of the root
 * @throws {RangeError} if there is no such entry
 * @throws {FormatError} `tile_malformed` for a tile that is too short, or tiles that contradict each other
 */
export async function proveInclusion(
  index: bigint,
  size: bigint,
  readTile: ReadTile,
  hasher: NodeHasher,
): Promise<readonly Uint8Array[]> {
  if (index < 0n || index >= size) throw new RangeError(`entry ${index} of ${size}`)
  const nodes = new TileNodes(size, readTile, hasher)
  const [edge, leafHash] = await Promise.all([nodes.edge(size), nodes.read(0, index)])
  const proof = await readPath(nodes, edge, { height: 0, place: index })
  const root = followPath(joinWith(hasher), { leafHash, index, size, proof })
  if (root === undefined || !equalBytes(root, edge.root)) throw contradiction()
  return proof
}

/**
 * The proof that the tree of one size begins with the tree of a smaller one.
 *
 * @returns none for a first size that is zero or the same
 * @throws {RangeError} if `first` is negative or larger than `second`
 * @throws {FormatError} `tile_malformed` as for {@link proveInclusion}
 */
export async function proveConsistency(
  first: bigint,
  second: bigint,
  readTile: ReadTile,
  hasher: NodeHasher,
): Promise<readonly Uint8Array[]> {
  if (first < 0n || first > second) throw new RangeError(`from ${first} to ${second} entries`)
  if (first === 0n || first === second) return []
  const nodes = new TileNodes(second, readTile, hasher)
  const [before, after] = await Promise.all([nodes.edge(first), nodes.edge(second)])
  // The path starts at the last subtree that is complete in both. Where it is the whole first tree, its root is known.
  const height = peakHeights(first)[0] ?? 0
  const place = (first >> BigInt(height)) - 1n
  const path = await readPath(nodes, after, { height, place })
  const proof = place === 0n ? path : [await nodes.read(height, place), ...path]
  const claim = { firstSize: first, firstRoot: before.root, secondSize: second, proof }
  const roots = followConsistency(joinWith(hasher), claim)
  if (roots === undefined || !equalBytes(roots.first, before.root) || !equalBytes(roots.second, after.root)) {
    throw contradiction()
  }
  return proof
}

/** Root of the tree of a size, 32 bytes, from the tiles at its right edge. @throws {FormatError} `tile_malformed` */
export async function rootAt(size: bigint, readTile: ReadTile, hasher: NodeHasher): Promise<Uint8Array> {
  if (size < 0n) throw new RangeError(`${size} entries`)
  return (await new TileNodes(size, readTile, hasher).edge(size)).root
}

/** The digests of a tile that lie within its width. @throws {FormatError} `tile_malformed` if they are not all there */
export function cutTile(bytes: Uint8Array, { level, index, width }: TileCoordinate): Uint8Array {
  const lengthBytes = width * HASH_BYTES
  if (bytes.length < lengthBytes || bytes.length > TILE_WIDTH * HASH_BYTES || bytes.length % HASH_BYTES !== 0) {
    throw new FormatError('tile_malformed', `tile ${level}/${index} has ${bytes.length} bytes, not ${lengthBytes}`)
  }
  return bytes.subarray(0, lengthBytes)
}

/**
 * The digests of a tile, and those of the complete nodes above them up to the last level below the next tile.
 * @returns by height within the tile, 0 to 7
 */
export function growTile(hasher: NodeHasher, digests: Uint8Array): readonly Uint8Array[] {
  const rows = [digests]
  for (let row = digests; rows.length < TILE_HEIGHT; rows.push(row)) row = hasher.hashNodes(wholePairs(row))
  return rows
}

const wholePairs = (row: Uint8Array): Uint8Array => row.subarray(0, row.length - (row.length % (2 * HASH_BYTES)))

/** Complete nodes of the tree of one size; each tile is read once. */
class TileNodes {
  readonly #size: bigint
  readonly #readTile: ReadTile
  readonly #hasher: NodeHasher
  readonly #tiles = new Map<string, Promise<readonly Uint8Array[]>>()

  constructor(size: bigint, readTile: ReadTile, hasher: NodeHasher) {
    this.#size = size
    this.#readTile = readTile
    this.#hasher = hasher
  }

  get size(): bigint {
    return this.#size
  }

  /** Digest of a node that is complete in this tree. */
  async read(height: number, place: bigint): Promise<Uint8Array> {
    const within = height % TILE_HEIGHT
    const level = (height - within) / TILE_HEIGHT
    const index = place >> BigInt(TILE_HEIGHT - within)
    const row = (await this.#tile(level, index))[within]
    const at = Number(place - (index << BigInt(TILE_HEIGHT - within))) * HASH_BYTES
    // A copy: the caller keeps a few digests, not their tiles.
    return (row as Uint8Array).slice(at, at + HASH_BYTES)
  }

  /** Right edge of this tree, or of a smaller one that it begins with. */
  async edge(size: bigint): Promise<RightEdge> {
    const peaks = new Map<number, Uint8Array>()
    const read = async (height: number): Promise<unknown> =>
      peaks.set(height, await this.read(height, (size >> BigInt(height)) - 1n))
    await Promise.all(peakHeights(size).map(read))
    return foldEdge(this.#hasher, size, (height) => peaks.get(height) as Uint8Array)
  }

  #tile(level: number, index: bigint): Promise<readonly Uint8Array[]> {
    const key = `${level}/${index}`
    const tile = this.#tiles.get(key) ?? this.#load(level, index)
    this.#tiles.set(key, tile)
    return tile
  }

  async #load(level: number, index: bigint): Promise<readonly Uint8Array[]> {
    const tile = { level, index, width: tileWidth(level, index, this.#size) }
    return growTile(this.#hasher, cutTile(await this.#readTile(tile), tile))
  }
}

/** Neighbours on the way from a complete node up to the root. */
async function readPath(
  nodes: TileNodes,
  edge: RightEdge,
  from: { readonly height: number; readonly place: bigint },
): Promise<readonly Uint8Array[]> {
  const steps: (Promise<Uint8Array> | Uint8Array)[] = []
  const depth = depthOf(nodes.size)
  let place = from.place
  for (let height = from.height; height < depth; height++, place >>= 1n) {
    const neighbour = place ^ 1n
    const complete = nodes.size >> BigInt(height)
    const rest = edge.rests[height]
    if (neighbour < complete) steps.push(nodes.read(height, neighbour))
    else if (neighbour === complete && rest !== undefined) steps.push(rest)
  }
  return Promise.all(steps)
}

const contradiction = (): FormatError => new FormatError('tile_malformed', 'tiles contradict each other')
