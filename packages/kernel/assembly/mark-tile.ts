/**
 * Tile: a tag and a part of the stream into a tile, and off again.
 *
 * Source: docs/reference/mark.md, "Embedding" and "Reading".
 */
import { findCarriers } from './mark-carriers'
import { ARE_AMBIGUOUS, shiftLanes, sortLanes } from './mark-lanes'
import {
  COUNTS,
  KEYS,
  MAXIMUM,
  PAYLOAD,
  STREAM_BYTES,
  TAG_BITS,
  CLASSES,
  takeTile,
  thresholdAt,
} from './mark-state'
import { addWords, sum } from './mark-tag'
import { applyFlags, FLAGS, planFlags, planNoFlags, readPayload, writePayload } from './mark-walk'

/** Thresholds of the list. */
const THRESHOLDS: u32 = 18

/**
 * Finds the threshold with which a tile has room; changes nothing.
 *
 * @param tile   first sample, 2 bytes each, at an even address
 * @param pitch  bytes from row to row
 * @returns the threshold, or 0 where none of the list fits
 */
export function fit(tile: usize, pitch: u32, width: u32, height: u32): u32 {
  takeTile(tile, pitch, width, height)
  findCarriers(0)
  const fixed = TAG_BITS + 8 * STREAM_BYTES
  let most: u32 = 0
  for (let i: u32 = 0; i < THRESHOLDS; i++) {
    const threshold = thresholdAt(i)
    if (8 * threshold > MAXIMUM) break
    // As many carry at most: less, where a sample is near the end of the range.
    most += load<u32>(COUNTS + 4 * i)
    if (most < fixed) continue
    if (ASC_FEATURE_SIMD) {
      if (sortLanes(threshold, threshold, 2 * threshold) < fixed) continue
      if (!ARE_AMBIGUOUS) {
        planNoFlags()
        return threshold
      }
    }
    if (planFlags(threshold) != 0) return threshold
  }
  return 0
}

/**
 * Embeds, in place.
 *
 * @param tile    as for `fit`
 * @param pad     31 bits
 * @param stream  as many bytes as `plan` was told
 * @returns as `fit`; if 0, nothing was changed
 */
export function embed(tile: usize, pitch: u32, width: u32, height: u32, pad: u32, stream: usize): u32 {
  const threshold = fit(tile, pitch, width, height)
  if (threshold == 0) return 0
  memory.copy(PAYLOAD + 4, stream, STREAM_BYTES)
  const samples = sum(tile, pitch, width, height, KEYS)
  store<u32>(PAYLOAD, bswap(addWords(samples, width * height, threshold, FLAGS) ^ pad))
  writePayload(threshold)
  if (ASC_FEATURE_SIMD) shiftLanes(threshold, 0)
  return threshold
}

/**
 * Reads.
 *
 * @param tile    as for `embed`; not changed
 * @param target  where the restored samples go, with the same pitch; if the tile does not hold, anything
 * @param stream  where the stream bytes go, if the tile holds
 * @returns the threshold with which the tile holds, or 0
 */
export function read(
  tile: usize,
  pitch: u32,
  width: u32,
  height: u32,
  pad: u32,
  stream: usize,
  target: usize,
): u32 {
  takeTile(tile, pitch, width, height)
  findCarriers(1)
  const fixed = TAG_BITS + 8 * STREAM_BYTES
  const away: isize = target - tile
  let most: u32 = 0
  for (let i: u32 = 0; i < THRESHOLDS; i++) {
    const threshold = thresholdAt(i)
    if (8 * threshold > MAXIMUM) break
    most += load<u32>(COUNTS + 4 * i)
    if (most < fixed) continue
    if (ASC_FEATURE_SIMD) {
      if (sortLanes(threshold, 2 * threshold, threshold) < fixed) continue
    }
    for (let y: u32 = 0; y < height; y++) memory.copy(target + y * pitch, tile + y * pitch, 2 * width)
    if (readPayload(threshold, away) == 0) continue
    if (FLAGS > 0) applyFlags(threshold, away)
    if (ASC_FEATURE_SIMD) shiftLanes(-threshold, away)
    const tag = addWords(sum(target, pitch, width, height, KEYS), width * height, threshold, FLAGS)
    if ((bswap(load<u32>(PAYLOAD)) & 0x7fff_ffff) != (tag ^ pad)) continue
    memory.copy(stream, PAYLOAD + 4, STREAM_BYTES)
    return threshold
  }
  return 0
}
