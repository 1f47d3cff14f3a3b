/**
 * What the functions of the mark share while they work on one tile, and where in the scratch memory it lies.
 *
 * Source: docs/reference/mark.md. A carrier has a *slot*: slots lie row by row, `ROW` to a row, slot j of row y standing for
 * the sample at x = 2j + 1 where y is even, and at x = 2j where it is odd.
 */

/** The prime of the tags. */
export const PRIME: u64 = 0x7fff_ffff
/** Bits of a tag. */
export const TAG_BITS: u32 = 31
/** In `RANGE`, of slots behind the end of a row. */
export const NO_CARRIER: u32 = 255
/** Classes of prediction errors, by the threshold that lets them carry. */
export const CLASSES: u32 = 34

/** Slots that are looked at in one step; a row has a multiple of them. */
// @ts-ignore: known at compile time
export const STEP: u32 = ASC_FEATURE_SIMD ? 16 : 4
/** What may be written behind the slots, in slots. */
const SPILL: u32 = 16

/** Largest sample. */
export let MAXIMUM: i32 = 0
/** Stream bytes in each tile. */
export let STREAM_BYTES: u32 = 0
/** Keys of the tag, for samples and words. */
export let KEYS: usize = 0
let SCRATCH: usize = 0

/** Tile: its first sample, bytes from row to row, sides. */
export let TILE: usize = 0
export let PITCH: u32 = 0
export let WIDTH: u32 = 0
export let HEIGHT: u32 = 0

/** Slots of a row, and of the tile. */
export let ROW: u32 = 0
export let SLOTS: u32 = 0
/** Bits of the range of a carrier's neighbours, a byte a slot. */
export let RANGE: usize = 0
/** What the neighbours predict, 2 bytes a slot. */
export let PREDICTION: usize = 0
/** Error of the prediction, saturated to 2 bytes a slot; with vectors only. */
export let ERROR: usize = 0
/** Class of the error, a byte a slot; with vectors only. */
export let CLASS: usize = 0
/** As `RANGE` where a slot is walked, else `NO_CARRIER`; without vectors the same as `RANGE`. */
export let WALKED: usize = 0
/** 1, 0 or -1 of a slot that is not walked; with vectors only. */
export let SHIFT: usize = 0
/** How many carriers are of each class, 4 bytes each. */
export let COUNTS: usize = 0
/** Bits as they are carried: one unused, 31 of the tag, the stream, the flags; the highest of a byte first. */
export let PAYLOAD: usize = 0

/** Which ranges occur in the tile: bit b stands for b bits. */
export let PRESENT: u32 = 0

export function setPresent(ranges: u32): void {
  PRESENT = ranges
}

/**
 * Says what holds for all tiles that come.
 *
 * @param maximum      largest sample, 15 to 65,535
 * @param streamBytes  that each tile carries
 * @param keys         for as many samples and words as the largest tile has
 * @param scratch      `scratchBytes` of the largest tile, aligned to 16
 */
export function plan(maximum: i32, streamBytes: u32, keys: usize, scratch: usize): void {
  MAXIMUM = maximum
  STREAM_BYTES = streamBytes
  KEYS = keys
  SCRATCH = scratch
}

/** Bytes of memory that a tile of a size takes beside its samples. */
export function scratchBytes(width: u32, height: u32, streamBytes: u32): u32 {
  const slots = rowOf(width) * height + SPILL
  // @ts-ignore: known at compile time
  const each: u32 = ASC_FEATURE_SIMD ? 8 : 3
  return 4 * CLASSES + each * slots + payloadBytes(slots, streamBytes)
}

/** Takes a tile on. */
export function takeTile(tile: usize, pitch: u32, width: u32, height: u32): void {
  TILE = tile
  PITCH = pitch
  WIDTH = width
  HEIGHT = height
  ROW = rowOf(width)
  SLOTS = ROW * height
  const slots = SLOTS + SPILL
  COUNTS = SCRATCH
  PREDICTION = COUNTS + 4 * CLASSES
  RANGE = PREDICTION + 2 * slots
  PAYLOAD = RANGE + slots
  if (ASC_FEATURE_SIMD) {
    ERROR = RANGE + slots
    CLASS = ERROR + 2 * slots
    WALKED = CLASS + slots
    SHIFT = WALKED + slots
    PAYLOAD = SHIFT + slots
  } else {
    WALKED = RANGE
  }
}

/** Threshold number i of the list: 1, 2, 3, 4, 6, 8, 12 and so on. */
@inline
export function thresholdAt(i: u32): i32 {
  return i < 2 ? i + 1 : (3 + (i & 1)) << ((i >> 1) - 1)
}

/** Number of the first threshold that is larger than an error that is not negative. */
@inline
export function classOf(error: u32): u32 {
  if (error < 2) return error
  const log = 31 - clz(error)
  return 2 * log + ((error >> (log - 1)) & 1)
}

@inline
function rowOf(width: u32): u32 {
  return (((width + 1) >> 1) + STEP - 1) & ~(STEP - 1)
}

/** A tile has at most as many bits of payload as carriers. */
@inline
function payloadBytes(slots: u32, streamBytes: u32): u32 {
  return 16 + streamBytes + (slots >> 3)
}
