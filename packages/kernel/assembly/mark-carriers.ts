/**
 * Carriers of a tile: what their neighbours predict, how far these lie apart, and how large the error is.
 *
 * Source: docs/reference/mark.md, "Carriers". Neighbours are samples that never change, so embedding and reading find the
 * same.
 */
import {
  CLASS,
  CLASSES,
  COUNTS,
  ERROR,
  HEIGHT,
  NO_CARRIER,
  PITCH,
  PREDICTION,
  RANGE,
  ROW,
  SLOTS,
  TILE,
  WIDTH,
  classOf,
  setPresent,
} from './mark-state'

/** Ranges seen in this tile so far. */
let ranges: u32 = 0

/**
 * Fills the arrays of the slots.
 *
 * @param halved  1 if the errors are those of marked samples, which are about twice as large; else 0
 */
export function findCarriers(halved: u32): void {
  ranges = 0
  memory.fill(COUNTS, 0, 4 * CLASSES)
  for (let y: u32 = 0; y < HEIGHT; y++) {
    const first = ~y & 1
    const count = (WIDTH + 1 - first) >> 1
    const slot = y * ROW
    let from: u32 = 0
    let to = count
    if (y == 0 || y == HEIGHT - 1) {
      to = 0
    } else {
      // The first of the row lacks a neighbour, or the last does, or both.
      if (first == 0) from = 1
      if (first + 2 * count - 1 == WIDTH && to > from) to--
      if (ASC_FEATURE_SIMD) findInnerVectors(y, from, to, halved)
      else findInner(y, from, to, halved)
    }
    for (let j: u32 = 0; j < from; j++) findAtBorder(y, j, halved)
    for (let j = to; j < count; j++) findAtBorder(y, j, halved)
    for (let j = count; j < ROW; j++) {
      store<u8>(RANGE + slot + j, NO_CARRIER)
      if (ASC_FEATURE_SIMD) {
        store<u8>(CLASS + slot + j, NO_CARRIER)
        store<u16>(ERROR + 2 * (slot + j), 0)
      }
    }
  }
  if (ASC_FEATURE_SIMD) countSlots()
  setPresent(ranges)
}

/** Slots of one row that have all four neighbours. */
function findInner(y: u32, from: u32, to: u32, halved: u32): void {
  const slot = y * ROW
  // One sample to the left of the carrier.
  let p = TILE + y * PITCH + 2 * (2 * from + (~y & 1)) - 2
  for (let j = from; j < to; j++, p += 4) {
    const left: u32 = load<u16>(p)
    const right: u32 = load<u16>(p, 4)
    const above: u32 = load<u16>(p + 2 - PITCH)
    const below: u32 = load<u16>(p + 2 + PITCH)
    const lowest = min(min(left, right), min(above, below))
    const highest = max(max(left, right), max(above, below))
    put(slot + j, load<u16>(p, 2), (left + right + above + below + 2) >> 2, highest - lowest, halved)
  }
}

/** A slot that lacks neighbours, or may. */
function findAtBorder(y: u32, j: u32, halved: u32): void {
  const x = 2 * j + (~y & 1)
  const p = TILE + y * PITCH + 2 * x
  let total: u32 = 0
  let count: u32 = 0
  let lowest: u32 = 0xffff
  let highest: u32 = 0
  for (let side = 0; side < 4; side++) {
    let at = p
    if (side == 0) {
      if (x == 0) continue
      at -= 2
    } else if (side == 1) {
      if (x + 1 == WIDTH) continue
      at += 2
    } else if (side == 2) {
      if (y == 0) continue
      at -= PITCH
    } else {
      if (y + 1 == HEIGHT) continue
      at += PITCH
    }
    const neighbour: u32 = load<u16>(at)
    total += neighbour
    count++
    lowest = min(lowest, neighbour)
    highest = max(highest, neighbour)
  }
  put(y * ROW + j, load<u16>(p), (total + (count >> 1)) / count, highest - lowest, halved)
}

@inline
function put(slot: u32, value: u32, prediction: u32, range: u32, halved: u32): void {
  const bits = 32 - clz(range)
  ranges |= 1 << bits
  store<u8>(RANGE + slot, bits)
  store<u16>(PREDICTION + 2 * slot, prediction)
  const error = <i32>value - <i32>prediction
  const kind = classOf(<u32>(error ^ (error >> 31)) >> halved)
  if (ASC_FEATURE_SIMD) {
    store<u8>(CLASS + slot, kind)
    store<i16>(ERROR + 2 * slot, <i16>max(-32768, min(32767, error)))
  } else {
    const at = COUNTS + 4 * kind
    store<u32>(at, load<u32>(at) + 1)
  }
}

/**
 * The same as `findInner`, eight slots a step; up to seven slots behind the last are written as well, and may be anything.
 */
function findInnerVectors(y: u32, from: u32, to: u32, halved: u32): void {
  const slot = y * ROW
  let p = TILE + y * PITCH + 2 * (2 * from + (~y & 1)) - 2
  for (let j = from; j < to; j += 8, p += 32) {
    const at = slot + j
    const rowA = v128.load(p)
    const rowB = v128.load(p, 16)
    // Lanes of 4 bytes: the carrier in the upper half, its left neighbour in the lower one.
    const leftA = low(rowA)
    const leftB = low(rowB)
    const rightA = low(v128.load(p, 4))
    const rightB = low(v128.load(p, 20))
    const aboveA = high(v128.load(p - PITCH))
    const aboveB = high(v128.load(p + 16 - PITCH))
    const belowA = high(v128.load(p + PITCH))
    const belowB = high(v128.load(p + 16 + PITCH))
    const a = mean(leftA, rightA, aboveA, belowA)
    const b = mean(leftB, rightB, aboveB, belowB)
    v128.store(PREDICTION + 2 * at, i16x8.narrow_i32x4_u(a, b))
    const ranges = i16x8.narrow_i32x4_s(
      bitsOf(rangeOf(leftA, rightA, aboveA, belowA)),
      bitsOf(rangeOf(leftB, rightB, aboveB, belowB)),
    )
    v128.store64_lane(RANGE + at, i8x16.narrow_i16x8_s(ranges, ranges), 0)
    const errorA = i32x4.sub(high(rowA), a)
    const errorB = i32x4.sub(high(rowB), b)
    v128.store(ERROR + 2 * at, i16x8.narrow_i32x4_s(errorA, errorB))
    const kinds = i16x8.narrow_i32x4_s(classesOf(errorA, halved), classesOf(errorB, halved))
    v128.store64_lane(CLASS + at, i8x16.narrow_i16x8_s(kinds, kinds), 0)
  }
}

/** Which ranges there are, and how many carriers are of each class that a threshold of the list is for. */
function countSlots(): void {
  const powers = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0)
  const eight = i8x16.splat(8)
  let lower = i8x16.splat(0)
  let upper = i8x16.splat(0)
  let largest = i8x16.splat(0)
  for (let slot: u32 = 0; slot < SLOTS; slot += 16) {
    const range = v128.load(RANGE + slot)
    lower = v128.or(lower, i8x16.swizzle(powers, range))
    upper = v128.or(upper, i8x16.swizzle(powers, i8x16.sub(range, eight)))
    largest = v128.or(largest, i8x16.eq(range, i8x16.splat(16)))
  }
  for (let kind: u32 = 0, before: u32 = 0; kind < 18; kind++) {
    const upTo = countUpTo(<i8>kind)
    store<u32>(COUNTS + 4 * kind, upTo - before)
    before = upTo
  }
  ranges = orOf(lower) | (orOf(upper) << 8) | (u32(v128.any_true(largest)) << 16)
}

/** Slots whose class is no larger. */
function countUpTo(kind: i8): u32 {
  const most = i8x16.splat(kind)
  let totals = i32x4.splat(0)
  for (let slot: u32 = 0; slot < SLOTS; ) {
    // A byte counts to 127.
    const end = min(SLOTS, slot + 16 * 127)
    let some = i8x16.splat(0)
    for (; slot < end; slot += 16) some = i8x16.sub(some, i8x16.le_u(v128.load(CLASS + slot), most))
    totals = i32x4.add(totals, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(some)))
  }
  const halves = i64x2.extract_lane(i64x2.add(i64x2.extend_low_i32x4_u(totals), i64x2.extend_high_i32x4_u(totals)), 0)
  const others = i64x2.extract_lane(i64x2.add(i64x2.extend_low_i32x4_u(totals), i64x2.extend_high_i32x4_u(totals)), 1)
  return <u32>(halves + others)
}

/** All bytes of a vector, or-ed. */
function orOf(bytes: v128): u32 {
  const halves = i64x2.extract_lane(bytes, 0) | i64x2.extract_lane(bytes, 1)
  const quarters = <u32>halves | <u32>(halves >> 32)
  return ((quarters | (quarters >> 8)) | ((quarters | (quarters >> 8)) >> 16)) & 0xff
}

@inline
function low(samples: v128): v128 {
  return v128.and(samples, i32x4.splat(0xffff))
}

@inline
function high(samples: v128): v128 {
  return i32x4.shr_u(samples, 16)
}

@inline
function mean(left: v128, right: v128, above: v128, below: v128): v128 {
  const total = i32x4.add(i32x4.add(left, right), i32x4.add(above, below))
  return i32x4.shr_u(i32x4.add(total, i32x4.splat(2)), 2)
}

@inline
function rangeOf(left: v128, right: v128, above: v128, below: v128): v128 {
  const highest = i32x4.max_s(i32x4.max_s(left, right), i32x4.max_s(above, below))
  return i32x4.sub(highest, i32x4.min_s(i32x4.min_s(left, right), i32x4.min_s(above, below)))
}

/** Number of bits of each lane, which has 16 at most: from the exponent that it has as a float. */
@inline
function bitsOf(values: v128): v128 {
  const exponents = i32x4.shr_u(f32x4.convert_i32x4_s(values), 23)
  return i32x4.max_s(i32x4.sub(exponents, i32x4.splat(126)), i32x4.splat(0))
}

/** As `classOf`, from the exponent as a float and the bit behind it. */
@inline
function classesOf(errors: v128, halved: u32): v128 {
  const sizes = i32x4.shr_u(v128.xor(errors, i32x4.shr_s(errors, 31)), halved)
  const kinds = i32x4.sub(i32x4.shr_u(f32x4.convert_i32x4_s(sizes), 22), i32x4.splat(254))
  return i32x4.max_s(kinds, i32x4.min_s(sizes, i32x4.splat(1)))
}
