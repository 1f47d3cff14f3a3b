/**
 * Tile: 256 consecutive hashes of one height of the tree, and the path under which a log serves them.
 *
 * Source: C2SP tlog-tiles, sections "Merkle Tree", "Partial Tiles" and "Log entries". Paths are relative to the prefix
 * of the log, without a slash in front. What a tile holds is left to formats/merkle and domain/log.
 */
import { FormatError } from '../../errors.ts'
import { checkNumber, NUMBER_LIMIT } from './decimal.ts'

/** Heights of the tree that one tile spans. */
export const TILE_HEIGHT = 8
/** Hashes of a full tile, entries of a full bundle. */
export const TILE_WIDTH = 256
export const LEVEL_LIMIT = 63

export interface TileCoordinate {
  /** 0 for leaf hashes; 0 to 63. */
  readonly level: number
  /** Position in its level, 0n up to, not including, 2^63. */
  readonly index: bigint
  /** 1 to 256 hashes; less than 256 for a partial tile. */
  readonly width: number
}

export interface BundleCoordinate {
  readonly index: bigint
  /** 1 to 256 entries. */
  readonly width: number
}

export type TilePath = ({ readonly kind: 'tile' } & TileCoordinate) | ({ readonly kind: 'entries' } & BundleCoordinate)

/** Groups of three digits, all but the last with an x in front; then the width of a partial tile. */
const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,6}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/**
 * Path of a tile of hashes, such as `tile/1/x001/x234/067` or `tile/0/000.p/5`.
 * @throws {RangeError} for a coordinate out of range
 */
export function tilePath({ level, index, width }: TileCoordinate): string {
  if (!Number.isInteger(level) || level < 0 || level > LEVEL_LIMIT) throw new RangeError('not a level of tiles')
  return `tile/${level}/${formatPlace(index, width)}`
}

/**
 * Path of an entry bundle, such as `tile/entries/273.p/112`.
 * @throws {RangeError} for a place out of range
 */
export const entriesPath = (index: bigint, width: number): string => `tile/entries/${formatPlace(index, width)}`

/**
 * Reads what {@link tilePath} and {@link entriesPath} write.
 * @throws {FormatError} `tile_malformed` for every other path
 */
export function parseTilePath(path: string): TilePath {
  const [, where = '', groups = '', widthText] = PATH.exec(path) ?? []
  if (where === '') throw malformed()
  const index = BigInt(groups.replaceAll(/[x/]/g, ''))
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText)
  // Leading groups of zeros would be a second spelling.
  if (groups.startsWith('x000') || index >= NUMBER_LIMIT) throw malformed()
  if (widthText !== undefined && width >= TILE_WIDTH) throw malformed()
  if (where === 'entries') return { kind: 'entries', index, width }
  const level = Number(where)
  if (level > LEVEL_LIMIT) throw malformed()
  return { kind: 'tile', level, index, width }
}

/** How many hashes, 0 to 256, the tile at a place has in a tree of a size; the same for bundles, with level 0. */
export function tileWidth(level: number, index: bigint, size: bigint): number {
  const hashes = (size >> BigInt(TILE_HEIGHT * level)) - index * BigInt(TILE_WIDTH)
  return hashes <= 0n ? 0 : hashes >= TILE_WIDTH ? TILE_WIDTH : Number(hashes)
}

/** The partial tiles at the right edge of a tree of a size, from level 0 up; at most one a level. */
export function partialTiles(size: bigint): TileCoordinate[] {
  const tiles: TileCoordinate[] = []
  for (let level = 0, hashes = checkNumber(size); hashes > 0n; level++, hashes /= BigInt(TILE_WIDTH)) {
    const width = Number(hashes % BigInt(TILE_WIDTH))
    if (width > 0) tiles.push({ level, index: hashes / BigInt(TILE_WIDTH), width })
  }
  return tiles
}

function formatPlace(index: bigint, width: number): string {
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) throw new RangeError('not a width of a tile')
  const digits = checkNumber(index).toString()
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/[0-9]{3}/g) as readonly string[]
  const place = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
  return width === TILE_WIDTH ? place : `${place}.p/${width}`
}

const malformed = (): FormatError => new FormatError('tile_malformed', 'not the path of a tile')
