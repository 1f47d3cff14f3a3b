/**
 * Outcome of a residual map: which places of a picture carry another noise than the rest of it, and which are copies of each other.
 *
 * Plain data that JSON keeps. Advisory: real images have odd places too (devices, markers, metal, collimator edges), and a careful edit has none.
 */

/** In which way a place departs from the rest of its picture. */
export type ResidualReason =
  /** Less, or more, noise than like places carry. */
  | 'noise_low'
  | 'noise_high'
  /** Coarser, or finer, grain: noise of another autocorrelation. */
  | 'grain_coarse'
  | 'grain_fine'
  /** The same grain, sample for sample, as at another place. */
  | 'duplicate'

/** A place in samples of the picture; right and bottom are not included. */
export interface ResidualRegion {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  /** Chance of a departure this large somewhere in the picture if its own bulk were all there is; never below 1e-12. */
  readonly p: number
  readonly why: ResidualReason
  /** What was found, in plain words, without the place. */
  readonly sentence: string
  /** Where the other one is, for `duplicate`: add it to the place. */
  readonly shift?: { readonly x: number; readonly y: number }
}

/** What is drawn over the picture: one value for each cell, row by row. */
export interface ResidualHeat {
  readonly columns: number
  readonly rows: number
  /** Samples to a side of a cell; cells start at the picture's upper left corner. */
  readonly cell: number
  /** −log10 of the chance at this cell alone, 0 … 12, two decimals; −1 where nothing could be measured. */
  readonly values: readonly number[]
}

/** Why a picture was not examined. */
export type ResidualAbsence =
  /** Fewer than {@link LEAST_CELLS} cells could be measured: small, flat or saturated. */
  'too_little_usable'

export interface ResidualOutcome {
  readonly isAdvisory: true
  /** Null where the picture was examined. */
  readonly absent: ResidualAbsence | null
  /** Most striking first, at most 8. */
  readonly regions: readonly ResidualRegion[]
  /** −log10 of the smallest chance, corrected for the number of places; 0 or more, not cut off, 12 at least
   * where a place is a copy of another. Real pictures reach hundreds: rank it among reals of the same stratum with `rankAmongReals`. */
  readonly imageScore: number
  /** Cells that could be measured. */
  readonly cells: number
  readonly heat: ResidualHeat | null
  readonly sentence: string
}

export const LEAST_CELLS = 64
/** Regions whose chance is larger are not reported. */
export const REPORT_BELOW = 0.01

export const REASON_SENTENCES: Readonly<Record<ResidualReason, string>> = {
  noise_low: 'This place carries less noise than like places of the same image.',
  noise_high: 'This place carries more noise than like places of the same image.',
  grain_coarse: 'The grain here is coarser than in like places of the same image.',
  grain_fine: 'The grain here is finer than in like places of the same image.',
  duplicate: 'The grain here is the same, sample for sample, as at another place of the image.',
}
