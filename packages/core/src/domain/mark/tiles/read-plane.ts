/**
 * Read plane: which tiles of a plane hold, what they carry, and what was there before.
 *
 * Source: docs/reference/mark.md, "Reading" and "Stream". What is found is evidence, and no error; only keys of the image are needed.
 */
import type { Crypto } from '../../../bytes/crypto.ts'
import { ed25519Spki } from '../../../bytes/public-key.ts'
import { FormatError } from '../../../errors.ts'
import { checkPlane, maximumOf, type Plane } from '../../pixels/plane.ts'
import { type MarkHeader, messageOf, parseMarkHeader } from '../header.ts'
import { digestPlane } from './digest-plane.ts'
import type { TileMeans } from './embed-plane.ts'
import { type Grid, gridOf, putTile, type Tile, takeTile, tileSizesOf } from './grid.ts'
import { decodeStream, layStream, type StreamParts } from './stream.ts'
import type { TileCoder } from './tile-coder.ts'
import { makeKeyTable, makePads } from './tile-keys.ts'

export interface ReadingOrder {
  /** 32 bytes, of the image that this is said to be. */
  readonly imageKey: Uint8Array
  /** Number of the plane in its image. */
  readonly plane: number
  /** Length of the side information if there are chips; 0 where none are offered. */
  readonly sideBytes: number
  /** What a record says; without it, everything that can be is tried. */
  readonly layout?: TileLayout | undefined
  /** Ed25519, 32 bytes; without it the signature stays unknown. */
  readonly publicKey?: Uint8Array | undefined
}

export interface TileLayout {
  readonly tileSize: number
  readonly bytesPerTile: number
}

export type TilesOutcome = 'holds' | 'altered' | 'absent'

/** What the tiles of a plane show. */
export interface PlaneReading {
  /** `holds`: each tile; `altered`: some of them; `absent`: none, so that no mark of this image is there. */
  readonly outcome: TilesOutcome
  readonly grid: Grid
  readonly bytesPerTile: number
  /** 1 for each tile that holds, row by row. */
  readonly held: Uint8Array
  /** Undefined where there is no stream, or too much of it is lost. */
  readonly header: MarkHeader | undefined
  /** Side information of the chips, empty without; undefined as the header. */
  readonly side: Uint8Array | undefined
  /** `unknown` without a key, a stream, or all of the tiles. */
  readonly signature: 'holds' | 'fails' | 'unknown'
  /** Tiles that hold without tag and stream, others as they are. Chips are still on it. */
  readonly restored: Plane
}

/** What reading needs of its surroundings. */
export interface ReadingMeans extends TileMeans {
  readonly crypto: Pick<Crypto, 'verifyMessage'>
}

/** Tiles looked at to find out how a plane was marked. */
const PROBES = 64

/**
 * Reads the tiles of a plane.
 *
 * A wrong tile holds with a probability below 18 in 2^31. Without a layout, a plane counts as unmarked if none of some tens of
 * tiles, spread over it, holds.
 * @throws {RangeError} for a plane that is none
 */
export function readPlane(plane: Plane, order: ReadingOrder, means: ReadingMeans): PlaneReading {
  checkPlane(plane)
  const found = order.layout === undefined ? findLayout(plane, order, means) : order.layout
  if (found === undefined) return absent(plane)
  const grid = gridOf(plane, found.tileSize)
  const read = readTiles(plane, grid, readerOf(grid, order, means), found.bytesPerTile)
  const parts = found.bytesPerTile === 0 ? undefined : decodeParts(read, grid, order.sideBytes, found.bytesPerTile)
  const holding = read.held.reduce((sum, one) => sum + one, 0)
  const outcome = holding === grid.tiles.length ? 'holds' : holding === 0 ? 'absent' : 'altered'
  const header = parts === undefined ? undefined : readHeader(parts)
  return {
    outcome,
    grid,
    bytesPerTile: found.bytesPerTile,
    held: read.held,
    header,
    side: header === undefined ? undefined : parts?.side,
    signature:
      outcome === 'holds' && parts !== undefined
        ? checkSignature(parts, header, read.restored, order, means)
        : 'unknown',
    restored: read.restored,
  }
}

const absent = (plane: Plane): PlaneReading => {
  const grid = gridOf(plane, tileSizesOf(plane)[0] as number)
  return {
    outcome: 'absent',
    grid,
    bytesPerTile: 0,
    held: new Uint8Array(grid.tiles.length),
    header: undefined,
    side: undefined,
    signature: 'unknown',
    restored: plane,
  }
}

/** Reads the tiles of one grid. */
interface Reader {
  readonly coder: TileCoder
  readonly pads: Uint32Array
}

function readerOf(grid: Grid, { imageKey, plane }: ReadingOrder, means: TileMeans): Reader {
  return {
    coder: means.createCoder(makeKeyTable(imageKey, grid.tileSize)),
    pads: makePads(imageKey, plane, grid.tiles.length),
  }
}

/** The layout with which at least one of some tiles holds. */
function findLayout(plane: Plane, order: ReadingOrder, means: TileMeans): TileLayout | undefined {
  for (const tileSize of tileSizesOf(plane)) {
    const grid = gridOf(plane, tileSize)
    const reader = readerOf(grid, order, means)
    const lengths = new Set([order.sideBytes, 0].map((side) => layStream(grid.tiles.length, side).bytesPerTile)).add(0)
    for (const bytesPerTile of lengths) {
      if (hasTile(plane, grid, reader, bytesPerTile)) return { tileSize, bytesPerTile }
    }
    if (grid.tiles.length === 1) break
  }
  return undefined
}

function hasTile(plane: Plane, { tiles }: Grid, reader: Reader, bytesPerTile: number): boolean {
  const step = Math.max(1, tiles.length / PROBES)
  for (let at = 0; at < tiles.length; at += step) {
    const number = Math.floor(at)
    const tile = tiles[number] as Tile
    if (readTile(plane, tile, number, reader, new Uint8Array(bytesPerTile)) !== undefined) return true
  }
  return false
}

function readTiles(
  plane: Plane,
  { tiles }: Grid,
  reader: Reader,
  bytesPerTile: number,
): { readonly held: Uint8Array; readonly stream: Uint8Array; readonly restored: Plane } {
  const held = new Uint8Array(tiles.length)
  const stream = new Uint8Array(tiles.length * bytesPerTile)
  const samples = plane.samples.slice()
  for (const [i, tile] of tiles.entries()) {
    const part = stream.subarray(i * bytesPerTile, (i + 1) * bytesPerTile)
    const restored = readTile(plane, tile, i, reader, part)
    if (restored === undefined) continue
    held[i] = 1
    putTile(samples, plane.width, tile, restored)
  }
  return { held, stream, restored: { ...plane, samples } }
}

/** The samples of a tile as they were, or undefined if it does not hold. @param stream  filled */
function readTile(
  plane: Plane,
  tile: Tile,
  number: number,
  reader: Reader,
  stream: Uint8Array,
): Uint16Array | undefined {
  const samples = takeTile(plane, tile)
  const { width, height } = tile
  const pad = reader.pads[number] as number
  const threshold = reader.coder.read({ samples, width, height, maximum: maximumOf(plane), pad, stream })
  return threshold === 0 ? undefined : samples
}

/** The parts of a stream, by whichever of both lengths its layout fits. */
function decodeParts(
  { held, stream }: { readonly held: Uint8Array; readonly stream: Uint8Array },
  { tiles }: Grid,
  sideBytes: number,
  bytesPerTile: number,
): StreamParts | undefined {
  for (const side of new Set([sideBytes, 0])) {
    const layout = layStream(tiles.length, side)
    if (layout.bytesPerTile !== bytesPerTile) continue
    const parts = decodeStream(stream, layout, held)
    if (parts !== undefined && readHeader(parts)?.hasChips === side > 0) return parts
  }
  return undefined
}

function readHeader({ header }: StreamParts): MarkHeader | undefined {
  try {
    return parseMarkHeader(header)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function checkSignature(
  parts: StreamParts,
  header: MarkHeader | undefined,
  restored: Plane,
  { publicKey, plane }: ReadingOrder,
  { hash, crypto }: ReadingMeans,
): 'holds' | 'fails' | 'unknown' {
  if (publicKey === undefined) return 'unknown'
  if (header?.plane !== plane) return 'fails'
  const message = messageOf(parts.header, parts.side, digestPlane(hash, restored))
  return crypto.verifyMessage(ed25519Spki(publicKey), message, parts.signature) ? 'holds' : 'fails'
}
