/**
 * Outcome of looking at a volume: slices and places whose noise does not go on from slice to slice as it does in the rest.
 *
 * Plain data that JSON keeps. Advisory: scanners interleave, average, and interpolate too.
 */

/** Why a slice, a place, or the volume as a whole stands out. */
export type VolumeReason =
  /** Less, or more, noise than its neighbours. */
  | 'noise_low'
  | 'noise_high'
  /** Its noise is more, or less, like that of the next slice than elsewhere in the volume. */
  | 'link_high'
  | 'link_low'
  /** Lies nearer to the mean of its neighbours, or farther from it, than elsewhere in the volume. */
  | 'between_high'
  | 'between_low'
  /** The same noise as the slice before, sample for sample or nearly. */
  | 'repeated'
  /** No more than the mean of its neighbours. */
  | 'interpolated'
  /** Slices alternate with a fixed period. */
  | 'periodic'

export interface SliceMark {
  /** From 0, in the order in which slices were given. */
  readonly slice: number
  /** Chance of a departure this large in any slice of the volume, 1e-12 … 1. */
  readonly p: number
  /** Null where nothing departs: p of 0.01 or more. */
  readonly why: VolumeReason | null
}

/** A place in samples, and slices `first` up to, not including, `last`. */
export interface VolumeRegion {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  readonly first: number
  readonly last: number
  /** Chance of a departure this large anywhere in the volume if its own bulk were all there is, 1e-12 … 1. */
  readonly p: number
  readonly why: VolumeReason
  readonly sentence: string
}

export type VolumeAbsence =
  /** Fewer than {@link LEAST_SLICES}. */
  | 'too_few_slices'
  /** Slices are not all of one size. */
  | 'sizes_differ'
  /** Small, flat or saturated: fewer than 16 cells a slice can be compared. */
  | 'too_little_usable'

export interface VolumeOutcome {
  readonly isAdvisory: true
  /** Null where the volume was examined. */
  readonly absent: VolumeAbsence | null
  /** Smaller of the chances of slices and period, corrected for two ways of looking; null where it was not examined. Places take no part. */
  readonly pValue: number | null
  /** −log10 of the strangest region's chance, not cut off; rank it among real volumes of a scanner. */
  readonly regionScore: number
  readonly slices: readonly SliceMark[]
  /** Strangest first, at most 8, each with p below {@link REGION_BELOW}. */
  readonly regions: readonly VolumeRegion[]
  /** Slices after which traces of interpolation come back, and the chance of it; null where none was measured. */
  readonly period: { readonly slices: number; readonly p: number } | null
  readonly sentence: string
}

export const LEAST_SLICES = 8
export const REPORT_BELOW = 0.01
/** Stricter for places, whose tails are heavy: anatomy leaks through the high pass. */
export const REGION_BELOW = 1e-4

export const VOLUME_SENTENCES: Readonly<Record<VolumeReason, string>> = {
  noise_low: 'There is less noise here than at the same place of other slices.',
  noise_high: 'There is more noise here than at the same place of other slices.',
  link_high: 'The noise here is more like that of the next slice than elsewhere in the volume.',
  link_low: 'The noise here is less like that of the next slice than elsewhere in the volume.',
  between_high: 'The slices here lie nearer to the mean of their neighbours than elsewhere in the volume.',
  between_low: 'The slices here lie farther from the mean of their neighbours than elsewhere in the volume.',
  repeated: 'This slice has the noise of the slice before it.',
  interpolated: 'This slice is no more than the mean of its neighbours.',
  periodic: 'Traces of interpolation come back at a fixed number of slices.',
}
