/**
 * Inverse DCT in integers.
 *
 * Source: C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications",
 * ICASSP 1989; ITU-T T.81 section A.3.3. T.81 leaves the arithmetic free; fixed point with 13 bits, and 2 more between
 * the passes (1 for 12-bit samples), is what the Independent JPEG Group's decoder does, so that ours gives the same samples.
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
} from './dct-factors.ts'

/** Where a block of samples goes. */
export interface Target {
  readonly samples: Uint8Array | Uint16Array
  /** Index of the block's first sample. */
  readonly at: number
  /** Samples from one row to the next. */
  readonly stride: number
  /** Bits of a sample, 8 or 12. */
  readonly precision: number
}

/** One block, and what is needed to transform it. */
export interface Block {
  readonly coefficients: Int16Array
  /** Index of the block's first coefficient; 64 follow in row order. */
  readonly from: number
  /** 64 quantisation steps in row order. */
  readonly steps: Int32Array
  /** 64 numbers of any value, to be overwritten. */
  readonly workspace: Int32Array
}

/** Transforms one block back into samples. */
export function inverseTransform(block: Block, { samples, at, stride, precision }: Target): void {
  const { coefficients, from, steps, workspace } = block
  const extra = precision === 8 ? 2 : 1
  const half = 1 << (precision - 1)
  const top = (1 << precision) - 1
  for (let i = 0; i < 64; i++) workspace[i] = (coefficients[from + i] as number) * (steps[i] as number)
  for (let column = 0; column < 8; column++) transform(workspace, column, 8, BITS - extra)
  for (let row = 0; row < 8; row++) {
    transform(workspace, 8 * row, 1, BITS + extra + 3)
    const to = at + row * stride
    for (let column = 0; column < 8; column++) {
      const value = (workspace[8 * row + column] as number) + half
      samples[to + column] = value < 0 ? 0 : value > top ? top : value
    }
  }
}

/** Eight values, `step` apart, in place; the result is divided by 2^shift, rounded. */
function transform(values: Int32Array, first: number, step: number, shift: number): void {
  const v0 = values[first] as number
  const v1 = values[first + step] as number
  const v2 = values[first + 2 * step] as number
  const v3 = values[first + 3 * step] as number
  const v4 = values[first + 4 * step] as number
  const v5 = values[first + 5 * step] as number
  const v6 = values[first + 6 * step] as number
  const v7 = values[first + 7 * step] as number
  const round = 1 << (shift - 1)

  // Even part: a rotation by 6π/16 and two butterflies.
  const rotated = (v2 + v6) * C6
  const even2 = rotated - v6 * C2_PLUS_C6
  const even3 = rotated + v2 * C2_MINUS_C6
  const even0 = (v0 + v4) * (1 << BITS)
  const even1 = (v0 - v4) * (1 << BITS)
  const a0 = even0 + even3 + round
  const a3 = even0 - even3 + round
  const a1 = even1 + even2 + round
  const a2 = even1 - even2 + round

  // Odd part.
  const common = (v7 + v3 + v5 + v1) * ODD_3
  const sum1 = -(v7 + v1) * SUM_1
  const sum2 = -(v5 + v3) * SUM_2
  const sum3 = common - (v7 + v3) * SUM_3
  const sum4 = common - (v5 + v1) * SUM_4
  const b3 = v7 * ODD_0 + sum1 + sum3
  const b2 = v5 * ODD_1 + sum2 + sum4
  const b1 = v3 * ODD_2 + sum2 + sum3
  const b0 = v1 * ODD_4 + sum1 + sum4

  values[first] = (a0 + b0) >> shift
  values[first + 7 * step] = (a0 - b0) >> shift
  values[first + step] = (a1 + b1) >> shift
  values[first + 6 * step] = (a1 - b1) >> shift
  values[first + 2 * step] = (a2 + b2) >> shift
  values[first + 5 * step] = (a2 - b2) >> shift
  values[first + 3 * step] = (a3 + b3) >> shift
  values[first + 4 * step] = (a3 - b3) >> shift
}
