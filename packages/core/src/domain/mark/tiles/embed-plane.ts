/**
 * Embed plane: the tiles of one plane, each with its tag and its part of the stream.
 *
 * Source: docs/reference/mark.md, "Capacity" and "Stream". Pure: keys and the signature are handed in.
 */
import type { HashFactory } from '../../../bytes/hash.ts'
import { FormatError } from '../../../errors.ts'
import { checkPlane, maximumOf, type Plane } from '../../pixels/plane.ts'
import { formatMarkHeader, type MarkHeader, messageOf } from '../header.ts'
import { digestPlane } from './digest-plane.ts'
import { type Grid, gridOf, putTile, takeTile, tileSizesOf } from './grid.ts'
import { encodeStream, layStream } from './stream.ts'
import type { TileCoder } from './tile-coder.ts'
import { type KeyTable, makeKeyTable, makePads } from './tile-keys.ts'

/** What reading and embedding need of their surroundings. */
export interface TileMeans {
  readonly hash: HashFactory
  createCoder(table: KeyTable): TileCoder
}

export interface PlaneOrder {
  /** 32 bytes, of this image. */
  readonly imageKey: Uint8Array
  readonly header: MarkHeader
  /** Side information of the chips that the plane carries; empty without. */
  readonly side: Uint8Array
  /** Ed25519 with the signature seed of the device. @returns 64 bytes */
  sign(message: Uint8Array): Uint8Array
}

/** A marked plane, and what its record keeps. */
export interface MarkedPlane {
  readonly plane: Plane
  readonly tileSize: number
  /** Bytes of the stream in each tile; 0 where there was no room for a stream. */
  readonly bytesPerTile: number
  /** t(k1) and t(k2) of each marked tile, from 0 to 2^31 − 2. */
  readonly syndromes: Uint32Array
}

/**
 * Marks a plane.
 *
 * Cost: the kernel goes through some tens of millions of samples a second; one copy of the samples.
 * @throws {FormatError} `mark_no_capacity` if the samples leave no room, whatever the size of the tiles
 * @throws {RangeError} for a plane that is none, or whose header contradicts its side information
 */
export function embedPlane(plane: Plane, order: PlaneOrder, means: TileMeans): MarkedPlane {
  checkPlane(plane)
  if (order.header.hasChips !== order.side.length > 0) throw new RangeError('header and side information differ')
  const header = formatMarkHeader(order.header)
  const signature = order.sign(messageOf(header, order.side, digestPlane(means.hash, plane)))
  for (const hasStream of [true, false]) {
    for (const tileSize of tileSizesOf(plane)) {
      const grid = gridOf(plane, tileSize)
      const layout = layStream(grid.tiles.length, order.side.length)
      const stream = hasStream ? encodeStream({ header, signature, side: order.side }, layout) : new Uint8Array(0)
      const coder = means.createCoder(makeKeyTable(order.imageKey, tileSize))
      const pads = makePads(order.imageKey, order.header.plane, grid.tiles.length)
      const marked = embedTiles(plane, grid, { coder, pads, stream })
      if (marked !== undefined) return { ...marked, tileSize, bytesPerTile: hasStream ? layout.bytesPerTile : 0 }
      // Larger tiles would be the same one tile.
      if (grid.tiles.length === 1) break
    }
  }
  throw new FormatError('mark_no_capacity', `${plane.width} × ${plane.height} samples leave no room for a mark`)
}

interface TilesOrder {
  readonly coder: TileCoder
  readonly pads: Uint32Array
  /** Of all tiles. */
  readonly stream: Uint8Array
}

/** Undefined if one of the tiles has no room. */
function embedTiles(
  plane: Plane,
  { tiles }: Grid,
  { coder, pads, stream }: TilesOrder,
): Pick<MarkedPlane, 'plane' | 'syndromes'> | undefined {
  const bytesPerTile = stream.length / tiles.length
  const maximum = maximumOf(plane)
  const samples = new Uint16Array(plane.samples.length)
  const syndromes = new Uint32Array(2 * tiles.length)
  for (const [i, tile] of tiles.entries()) {
    const taken = takeTile(plane, tile)
    const { width, height } = tile
    const part = stream.subarray(i * bytesPerTile, (i + 1) * bytesPerTile)
    const pad = pads[i] as number
    if (coder.embed({ samples: taken, width, height, maximum, pad, stream: part }) === 0) return undefined
    putTile(samples, plane.width, tile, taken)
    syndromes.set(coder.sums(taken), 2 * i)
  }
  return { plane: { ...plane, samples }, syndromes }
}
