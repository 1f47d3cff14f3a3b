/** Define: features of one family that share a source, a range and a middle value. */
import type { Feature } from '../feature.ts'

/** Any number; the middle is 0. */
export const REAL = { range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY], middle: 0 } as const
/** A share of something; the middle is told. */
export const SHARE = { range: [0, 1], middle: 0.5 } as const
/** A correlation. */
export const CORRELATION = { range: [-1, 1], middle: 0 } as const
/** Zero or more. */
export const SIZE = { range: [0, Number.POSITIVE_INFINITY], middle: 0 } as const

/**
 * Features of a family.
 * @param family  first part of the names
 * @param kind    paper, range and middle value of them all
 * @param names   last parts of the names
 */
export function defineFeatures(
  family: string,
  kind: Omit<Feature, 'name'>,
  names: readonly string[],
): readonly Feature[] {
  return names.map((name) => ({ name: `${family}.${name}`, ...kind }))
}
