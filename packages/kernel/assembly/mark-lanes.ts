/**
 * The same as a walk, many carriers at a time, for tiles in which no carrier is ambiguous: there, which slots carry and
 * which are shifted does not depend on the order, and only those that carry are looked at one by one.
 *
 * Source: docs/reference/mark.md, "Embedding" and "Reading". With vectors only.
 */
import {
  CARRYING,
  ERROR,
  HEIGHT,
  MAXIMUM,
  PAYLOAD,
  PITCH,
  PREDICTION,
  PRESENT,
  RANGE,
  ROW,
  SHIFT,
  SLOTS,
  STREAM_BYTES,
  TAG_BITS,
  TILE,
} from './mark-state'

/** Whether a carrier may be ambiguous that is come to before the payload ends: then only a walk tells. */
export let IS_DOUBTFUL: bool = false

/**
 * Sorts slots into those that carry, those that are shifted up or down, and those that stay.
 *
 * @param limit  of the errors that carry: the threshold of those before embedding, twice as much of those after
 * @param room   how near to the ends of the range a value is ambiguous if it is shifted: twice the threshold before
 *   embedding, once after
 * @returns how many carry
 */
export function sortLanes(threshold: i32, limit: i32, room: i32): u32 {
  const lowest = i16x8.splat(<i16>(3 * threshold))
  const highest = i16x8.splat(<i16>(MAXIMUM - 3 * threshold))
  const most = i16x8.splat(<i16>limit)
  const least = i16x8.splat(<i16>-limit)
  const top = i16x8.splat(<i16>(MAXIMUM - room))
  const bottom = i16x8.splat(<i16>room)
  const zero = i16x8.splat(0)
  let doubted = i8x16.splat(-1)
  let carrying: u32 = 0
  for (let slot: u32 = 0; slot < SLOTS; slot += 8) {
    const prediction = v128.load(PREDICTION + 2 * slot)
    const error = v128.load(ERROR + 2 * slot)
    const isLow = i16x8.lt_u(prediction, lowest)
    const isHigh = i16x8.gt_u(prediction, highest)
    // High mode is low mode in a mirror: what is no longer "less" there is "less or equal" here.
    const isUp = v128.andnot(i16x8.ge_s(error, most), isHigh)
    const isBelow = v128.bitselect(i16x8.le_s(error, least), i16x8.lt_s(error, least), isHigh)
    const isDown = v128.andnot(isBelow, isLow)
    const stays = v128.or(v128.and(isLow, i16x8.lt_s(error, zero)), v128.and(isHigh, i16x8.gt_s(error, zero)))
    const value = i16x8.add(prediction, error)
    const isNearEnd = v128.or(v128.and(isUp, i16x8.gt_u(value, top)), v128.and(isDown, i16x8.lt_u(value, bottom)))
    // An error that was cut off tells no value.
    const isCut = v128.or(i16x8.eq(error, i16x8.splat(0x7fff)), i16x8.eq(error, i16x8.splat(-0x8000)))
    const isSure = v128.not(v128.or(isNearEnd, isCut))
    const others = v128.or(v128.or(isUp, isDown), stays)
    const moves = i16x8.sub(isDown, isUp)
    const range = v128.load64_zero(RANGE + slot)
    doubted = i8x16.min_u(doubted, v128.or(range, i8x16.narrow_i16x8_s(isSure, i16x8.splat(-1))))
    const kept = v128.or(range, i8x16.narrow_i16x8_s(others, zero))
    v128.store64_lane(CARRYING + slot, kept, 0)
    v128.store64_lane(SHIFT + slot, i8x16.narrow_i16x8_s(moves, zero), 0)
    // The upper eight are 0.
    carrying += 8 - popcnt(i8x16.bitmask(kept))
  }
  IS_DOUBTFUL = v128.any_true(v128.not(doubted)) && countBelow(lowestOf(doubted)) < TAG_BITS + 8 * STREAM_BYTES
  return carrying
}

/** Slots that carry and have a smaller range. */
function countBelow(range: i8): u32 {
  const end = i8x16.splat(range)
  let count: u32 = 0
  for (let slot: u32 = 0; slot < SLOTS; slot += 16) {
    count += popcnt(i8x16.bitmask(i8x16.lt_u(v128.load(CARRYING + slot), end)))
  }
  return count
}

/** The smallest byte of a vector. */
function lowestOf(bytes: v128): i8 {
  let lowest = i8x16.min_u(bytes, v128.shuffle<u64>(bytes, bytes, 1, 0))
  lowest = i8x16.min_u(lowest, v128.shuffle<u32>(lowest, lowest, 1, 0, 1, 0))
  lowest = i8x16.min_u(lowest, v128.shuffle<u16>(lowest, lowest, 1, 0, 1, 0, 1, 0, 1, 0))
  lowest = i8x16.min_u(lowest, i16x8.shr_u(lowest, 8))
  return <i8>i8x16.extract_lane_u(lowest, 0)
}

/**
 * Changes the tile so that it carries the payload, which has no flags; enough slots carry, by `sortLanes`.
 *
 * @param isReading  1 to take the payload off, into `PAYLOAD`, instead
 * @param target     how far behind the tile the samples go
 */
export function moveLanes(threshold: i32, isReading: u32, target: isize): void {
  let left = TAG_BITS + 8 * STREAM_BYTES
  let byte: u32 = 0
  let place: u32 = 1
  for (let bits: u32 = 0; bits <= 16; bits++) {
    if (((PRESENT >> bits) & 1) == 0) continue
    const wanted = i8x16.splat(<i8>bits)
    for (let y: u32 = 0, slot: u32 = 0; y < HEIGHT; y++) {
      const row = TILE + y * PITCH + 2 * (~y & 1)
      for (let j: u32 = 0; j < ROW; j += 16, slot += 16) {
        let found = i8x16.bitmask(i8x16.eq(v128.load(CARRYING + slot), wanted))
        for (; found != 0; found &= found - 1) {
          const k = ctz(found)
          const at = row + 4 * (j + k)
          const value: i32 = load<u16>(at)
          const prediction: i32 = load<u16>(PREDICTION + 2 * (slot + k))
          const error = value - prediction
          const isHigh = prediction > MAXIMUM - 3 * threshold
          const shift = ~place & 7
          if (isReading != 0) {
            // In high mode the error is mirrored, so that half of it is rounded the other way.
            store<u16>(at + target, prediction + ((error + i32(isHigh)) >> 1))
            byte |= (error & 1) << shift
            if (shift == 0) {
              store<u8>(PAYLOAD + (place >> 3), byte)
              byte = 0
            }
          } else {
            const bit: i32 = (<i32>load<u8>(PAYLOAD + (place >> 3)) >> shift) & 1
            store<u16>(at + target, value + error + (isHigh ? -bit : bit))
          }
          place++
          if (--left == 0) {
            shiftLanes(<i16>(isReading != 0 ? -threshold : threshold), target, bits, slot + k)
            return
          }
        }
      }
    }
  }
}

/** Shifts what does not carry, in the order up to a slot of a range. */
function shiftLanes(step: i16, target: isize, bits: u32, last: u32): void {
  const steps = i16x8.splat(step)
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  for (let y: u32 = 0, slot: u32 = 0; y < HEIGHT; y++) {
    // A carrier is the upper or the lower half of a pair of samples.
    const half = (~y & 1) << 4
    let at = TILE + y * PITCH + target
    for (let j: u32 = 0; j < ROW; j += 16, slot += 16, at += 64) {
      // Of the last range only those up to the last slot were come to.
      const until = i8x16.splat(<i8>max(-1, min(15, <i32>(last - slot))))
      const end = i8x16.sub(i8x16.splat(<i8>bits), i8x16.le_s(lanes, until))
      const moves = v128.and(v128.load(SHIFT + slot), i8x16.lt_u(v128.load(RANGE + slot), end))
      if (!v128.any_true(moves)) continue
      const first = i16x8.mul(i16x8.extend_low_i8x16_s(moves), steps)
      const second = i16x8.mul(i16x8.extend_high_i8x16_s(moves), steps)
      shift(at, i32x4.shl(i32x4.extend_low_i16x8_u(first), half))
      shift(at + 16, i32x4.shl(i32x4.extend_high_i16x8_u(first), half))
      // Behind the end of a row lie other samples, or none.
      if (!v128.any_true(second)) continue
      shift(at + 32, i32x4.shl(i32x4.extend_low_i16x8_u(second), half))
      shift(at + 48, i32x4.shl(i32x4.extend_high_i16x8_u(second), half))
    }
  }
}

@inline
function shift(at: usize, by: v128): void {
  v128.store(at, i16x8.add(v128.load(at), by))
}
