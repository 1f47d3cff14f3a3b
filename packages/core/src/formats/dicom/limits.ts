/** Limits of the DICOM reader: what a hostile file may cost. */

export interface Limits {
  /** Nested sequences. Real objects stay below 10; radiotherapy and SR trees reach about 20. */
  readonly depth: number
  /** Elements, items and fragments together. */
  readonly parts: number
  /** Bytes of an inflated data set. */
  readonly inflatedBytes: number
}

export const DEFAULT_LIMITS: Limits = { depth: 64, parts: 4_000_000, inflatedBytes: 2 ** 31 - 1 }
