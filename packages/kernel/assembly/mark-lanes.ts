/**
 * Many carriers at a time: which of a tile have to be walked, and the shifting of all others. With vectors only.
 *
 * Source: docs/reference/mark.md, "Embedding" and "Reading". A carrier that is shifted and not ambiguous asks for no bit and
 * brings none, so that its turn does not matter, only whether it is come to.
 */
import { ERROR, HEIGHT, MAXIMUM, PITCH, PREDICTION, RANGE, ROW, SHIFT, SLOTS, TILE, WALKED } from './mark-state'
import { LAST_BITS, LAST_SLOT } from './mark-walk'

/** Whether some carriers are ambiguous, or may be. */
export let ARE_AMBIGUOUS: bool = false

/**
 * Sorts slots into those that are walked, since they carry or are ambiguous, those that are shifted, and those that stay.
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
  let ambiguous = zero
  let cut = zero
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
    cut = v128.or(cut, v128.or(i16x8.eq(error, i16x8.splat(0x7fff)), i16x8.eq(error, i16x8.splat(-0x8000))))
    ambiguous = v128.or(ambiguous, isNearEnd)
    const others = v128.or(v128.or(isUp, isDown), stays)
    const moves = v128.andnot(i16x8.sub(isDown, isUp), isNearEnd)
    const range = v128.load64_zero(RANGE + slot)
    const walked = v128.or(range, i8x16.narrow_i16x8_s(v128.andnot(others, isNearEnd), zero))
    v128.store64_lane(WALKED + slot, walked, 0)
    v128.store64_lane(SHIFT + slot, i8x16.narrow_i16x8_s(moves, zero), 0)
    // The upper eight are 0.
    carrying += 8 - popcnt(i8x16.bitmask(v128.or(range, i8x16.narrow_i16x8_s(others, zero))))
  }
  ARE_AMBIGUOUS = v128.any_true(v128.or(ambiguous, cut))
  if (v128.any_true(cut)) {
    // An error that was cut off tells no value: all are walked.
    memory.copy(WALKED, RANGE, SLOTS)
    memory.fill(SHIFT, 0, SLOTS)
  }
  return carrying
}

/**
 * Shifts what is not walked, in the order up to where the last walk ended.
 *
 * @param step    the threshold, negative to undo
 * @param target  from the tile to the samples that are shifted
 */
export function shiftLanes(step: i32, target: isize): void {
  const steps = i16x8.splat(<i16>step)
  const bits = LAST_BITS
  const last = LAST_SLOT
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
