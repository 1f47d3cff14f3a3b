/**
 * Pixel passes of the chips: sums of rows, of which means over cells are made, and changes added to a row.
 *
 * Source: docs/reference/mark.md, "Chips". What cells are and what is added to them is decided elsewhere.
 */

/** Rows of bytes that add up in two bytes. */
const ROWS_IN_16_BITS: u32 = 257

/**
 * Sums of columns.
 *
 * @param rows   bytes, row by row; with vectors up to 15 behind the last are read
 * @param count  rows, below 2^24
 * @param sums   where they go, 4 bytes for each column; with vectors up to 15 more are written
 */
export function sumRows(rows: usize, width: u32, count: u32, sums: usize): void {
  if (ASC_FEATURE_SIMD) {
    sumLanes(rows, width, count, sums)
    return
  }
  memory.fill(sums, 0, 4 * width)
  for (let y: u32 = 0; y < count; y++, rows += width) {
    for (let x: u32 = 0; x < width; x++) {
      store<u32>(sums + 4 * x, load<u32>(sums + 4 * x) + <u32>load<u8>(rows + x))
    }
  }
}

function sumLanes(rows: usize, width: u32, count: u32, sums: usize): void {
  for (let x: u32 = 0; x < width; x += 16) {
    let a = i32x4.splat(0)
    let b = i32x4.splat(0)
    let c = i32x4.splat(0)
    let d = i32x4.splat(0)
    let p = rows + x
    for (let y: u32 = 0; y < count; ) {
      const end = min(count, y + ROWS_IN_16_BITS)
      let low = i16x8.splat(0)
      let high = i16x8.splat(0)
      for (; y < end; y++, p += width) {
        const v = v128.load(p)
        low = i16x8.add(low, i16x8.extend_low_i8x16_u(v))
        high = i16x8.add(high, i16x8.extend_high_i8x16_u(v))
      }
      a = i32x4.add(a, i32x4.extend_low_i16x8_u(low))
      b = i32x4.add(b, i32x4.extend_high_i16x8_u(low))
      c = i32x4.add(c, i32x4.extend_low_i16x8_u(high))
      d = i32x4.add(d, i32x4.extend_high_i16x8_u(high))
    }
    const to = sums + 4 * x
    v128.store(to, a)
    v128.store(to, b, 16)
    v128.store(to, c, 32)
    v128.store(to, d, 48)
  }
}

/**
 * Adds changes to samples, in place.
 *
 * @param samples  2 bytes each, none above `maximum`
 * @param changes  as many, 2 bytes each, signed
 * @returns 0 if one left its range: then the samples may be anything
 */
export function addChanges(samples: usize, changes: usize, count: u32, maximum: u32): u32 {
  let i: u32 = 0
  let isOut = false
  if (ASC_FEATURE_SIMD) {
    const zero = i16x8.splat(0)
    const most = i16x8.splat(<i16>maximum)
    let out = zero
    for (; i + 8 <= count; i += 8) {
      const v = v128.load(samples + 2 * i)
      const change = v128.load(changes + 2 * i)
      const up = i16x8.max_s(change, zero)
      const down = i16x8.sub(up, change)
      out = v128.or(out, v128.or(i16x8.gt_u(up, i16x8.sub(most, v)), i16x8.gt_u(down, v)))
      v128.store(samples + 2 * i, i16x8.add(v, change))
    }
    isOut = v128.any_true(out)
  }
  for (; i < count; i++) {
    const value = <i32>load<u16>(samples + 2 * i) + <i32>load<i16>(changes + 2 * i)
    if (value < 0 || value > <i32>maximum) isOut = true
    store<u16>(samples + 2 * i, value)
  }
  return u32(!isOut)
}
