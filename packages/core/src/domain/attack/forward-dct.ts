/**
 * Forward DCT in integers.
 *
 * Source: C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989;
 * ITU-T T.81 section A.3.3. Fixed point with 13 bits, and 2 more between the passes, as the slow integer method of the
 * Independent JPEG Group's encoder, so that the coefficients are the same. The results are 8 times those of T.81.
 */

import {
  BITS,
  C2_MINUS_C6,
  C2_PLUS_C6,
  C6,
  ODD_0,
  ODD_1,
  ODD_2,
  ODD_3,
  ODD_4,
  SUM_1,
  SUM_2,
  SUM_3,
  SUM_4,
} from '../../formats/codec/dct-factors.ts'

const BETWEEN = 2

/**
 * Transforms a block in place.
 *
 * @param block  64 samples in row order, −128 … 127; becomes 64 coefficients in row order, times 8
 */
export function forwardTransform(block: Int32Array): void {
  for (let row = 0; row < 64; row += 8) transform(block, row, 1, BITS - BETWEEN, BETWEEN)
  for (let column = 0; column < 8; column++) transform(block, column, 8, BITS + BETWEEN, -BETWEEN)
}

/** Eight values, `step` apart; products are divided by 2^shift, rounded, and sums multiplied by 2^sumShift. */
function transform(values: Int32Array, first: number, step: number, shift: number, sumShift: number): void {
  const v0 = values[first] as number
  const v1 = values[first + step] as number
  const v2 = values[first + 2 * step] as number
  const v3 = values[first + 3 * step] as number
  const v4 = values[first + 4 * step] as number
  const v5 = values[first + 5 * step] as number
  const v6 = values[first + 6 * step] as number
  const v7 = values[first + 7 * step] as number
  const round = 1 << (shift - 1)

  // Even part: sums, and a rotation by 6π/16.
  const outer = v0 + v7 + v3 + v4
  const inner = v1 + v6 + v2 + v5
  const outerDifference = v0 + v7 - v3 - v4
  const innerDifference = v1 + v6 - v2 - v5
  const rotated = Math.imul(outerDifference + innerDifference, C6) + round
  values[first] = scale(outer + inner, sumShift)
  values[first + 4 * step] = scale(outer - inner, sumShift)
  values[first + 2 * step] = (rotated + Math.imul(outerDifference, C2_MINUS_C6)) >> shift
  values[first + 6 * step] = (rotated - Math.imul(innerDifference, C2_PLUS_C6)) >> shift

  // Odd part.
  const d4 = v3 - v4
  const d5 = v2 - v5
  const d6 = v1 - v6
  const d7 = v0 - v7
  const common = Math.imul(d4 + d5 + d6 + d7, ODD_3) + round
  const sum1 = -Math.imul(d4 + d7, SUM_1)
  const sum2 = -Math.imul(d5 + d6, SUM_2)
  const sum3 = common - Math.imul(d4 + d6, SUM_3)
  const sum4 = common - Math.imul(d5 + d7, SUM_4)
  values[first + 7 * step] = (Math.imul(d4, ODD_0) + sum1 + sum3) >> shift
  values[first + 5 * step] = (Math.imul(d5, ODD_1) + sum2 + sum4) >> shift
  values[first + 3 * step] = (Math.imul(d6, ODD_2) + sum2 + sum3) >> shift
  values[first + step] = (Math.imul(d7, ODD_4) + sum1 + sum4) >> shift
}

function scale(value: number, shift: number): number {
  return shift > 0 ? value << shift : (value + 2) >> BETWEEN
}
