/**
 * DCT factors: those of the DCT in integers, forward and back.
 *
 * Source: C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989;
 * fixed point with 13 bits, as the Independent JPEG Group's programs have it.
 */

export const BITS = 13
const fixed = (value: number): number => Math.round(value * (1 << BITS))

/* √2 cos(kπ/16) and sums of them, after the paper's rotations. */
export const C6 = fixed(0.5411961)
export const C2_MINUS_C6 = fixed(0.765366865)
export const C2_PLUS_C6 = fixed(1.847759065)
export const ODD_3 = fixed(1.175875602)
export const ODD_0 = fixed(0.298631336)
export const ODD_1 = fixed(2.053119869)
export const ODD_2 = fixed(3.072711026)
export const ODD_4 = fixed(1.50132111)
export const SUM_1 = fixed(0.899976223)
export const SUM_2 = fixed(2.562915447)
export const SUM_3 = fixed(1.96157056)
export const SUM_4 = fixed(0.390180644)
