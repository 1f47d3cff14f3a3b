/**
 * Pixel pass of the chips: sums of rows, of which means over cells are made.
 *
 * Source: docs/reference/mark.md, "Chips". The painting of cells is bound by memory in plain code already.
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
