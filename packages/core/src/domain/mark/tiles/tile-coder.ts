/**
 * Tile coder: what is done to one tile, by plain code or by the kernel.
 *
 * Source: docs/reference/mark.md, "Tag" to "Reading". Both implementations give the same results for every tile.
 */

/** One tile, with what belongs to its place. */
export interface TileWork {
  /** width × height values, row by row; changed in place if the call succeeds, untouched if not. */
  readonly samples: Uint16Array
  /** 2 to 2·tileSize − 1. */
  readonly width: number
  readonly height: number
  /** 2^bits − 1. */
  readonly maximum: number
  /** 31 bits. */
  readonly pad: number
  /** Stream bytes of the tile: carried by {@link TileCoder.embed}, filled by {@link TileCoder.read}. */
  readonly stream: Uint8Array
}

/** Bound to the key table of an image. */
export interface TileCoder {
  /** Puts tag and stream into a tile. @returns the threshold, or 0 where none of the list fits */
  embed(work: TileWork): number
  /** Takes both off. @returns the threshold with which the tag holds, or 0: then the tile does not hold */
  read(work: TileWork): number
  /** t(k1) and t(k2) of samples alone, each from 0 to 2^31 − 2. */
  sums(samples: Uint16Array): readonly [number, number]
}

/** Thresholds in the order in which they are tried. */
export const THRESHOLDS: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]

/** Those that a range of values has room for. */
export const thresholdsFor = (maximum: number): readonly number[] =>
  THRESHOLDS.filter((threshold) => 8 * threshold <= maximum)

export const TAG_BITS = 31
