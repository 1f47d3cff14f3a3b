/** Limits of the DICOM reader: what a hostile file may cost. */

export interface Limits {
  /** Nested sequences. Real objects stay below 10; radiotherapy and SR trees reach about 20. */
  readonly depth: number
  /** Elements, items and fragments together; each costs up to 200 bytes of memory. */
  readonly parts: number
  /** Bytes of an inflated data set: a deflated file is held in memory whole. */
  readonly inflatedBytes: number
}

/** Beyond anything real: functional groups of 20,000 frames make 2 million parts. */
export const DEFAULT_LIMITS: Limits = { depth: 64, parts: 4_000_000, inflatedBytes: 2 ** 30 }
