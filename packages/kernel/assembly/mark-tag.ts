/**
 * Tag: sums of a tile with secret keys, modulo 2^31 - 1.
 *
 * Source: docs/reference/mark.md, "Tag" and "Syndromes". A product of a key and a sample has 47 bits, so that what is added
 * up of one row stays below 2^64.
 */
import { KEYS, PAYLOAD, PRIME, STREAM_BYTES } from './mark-state'

/**
 * Sum of keys times samples, from 0 to 2^31 - 2.
 *
 * @param tile   first sample, 2 bytes each
 * @param pitch  bytes from row to row
 * @param keys   4 bytes each, for the samples in row order
 */
export function sum(tile: usize, pitch: u32, width: u32, height: u32, keys: usize): u32 {
  let total: u64 = 0
  let key = keys
  for (let y: u32 = 0; y < height; y++) {
    let p = tile + y * pitch
    const end = p + 2 * width
    let row: u64 = 0
    if (ASC_FEATURE_SIMD) {
      let lanes = i64x2.splat(0)
      for (; p + 16 <= end; p += 16, key += 32) {
        const v = v128.load(p)
        const low = i32x4.extend_low_i16x8_u(v)
        const high = i32x4.extend_high_i16x8_u(v)
        const a = v128.load(key)
        const b = v128.load(key, 16)
        const ab = i64x2.add(i64x2.extmul_low_i32x4_u(low, a), i64x2.extmul_high_i32x4_u(low, a))
        const cd = i64x2.add(i64x2.extmul_low_i32x4_u(high, b), i64x2.extmul_high_i32x4_u(high, b))
        lanes = i64x2.add(lanes, i64x2.add(ab, cd))
      }
      row = i64x2.extract_lane(lanes, 0) + i64x2.extract_lane(lanes, 1)
    }
    for (; p < end; p += 2, key += 4) row += <u64>load<u16>(p) * <u64>load<u32>(key)
    total += fold(row)
  }
  return <u32>(total % PRIME)
}

/**
 * Adds the words to a sum of samples: threshold, stream bits and flag bits, the last two from the payload.
 *
 * @param samples  how many there are
 */
export function addWords(total: u32, samples: u32, threshold: u32, flags: u32): u32 {
  let key = KEYS + 4 * samples
  let result: u64 = <u64>total + fold(<u64>load<u32>(key) * <u64>threshold)
  const stream = PAYLOAD + 4
  for (let i: u32 = 0; i < STREAM_BYTES; i += 2) {
    key += 4
    let word: u64 = <u64>load<u8>(stream + i) << 8
    if (i + 1 < STREAM_BYTES) word |= <u64>load<u8>(stream + i, 1)
    result += fold(<u64>load<u32>(key) * word)
  }
  const flag = stream + STREAM_BYTES
  for (let i: u32 = 0; i < flags; i += 16) {
    key += 4
    let word: u64 = (<u64>load<u8>(flag + (i >> 3)) << 8) | <u64>load<u8>(flag + (i >> 3), 1)
    if (i + 16 > flags) word &= ~(<u64>0xffff >> (flags - i))
    result += fold(<u64>load<u32>(key) * word)
  }
  return <u32>(result % PRIME)
}

/** The same modulo the prime, below 2^34. */
@inline
function fold(value: u64): u64 {
  return (value & PRIME) + (value >> 31)
}
