/**
 * Normal plane: the picture that all features and cues are measured on, so that they measure anatomy and grain and not size, depth, format or
 * borders.
 *
 * Source: docs/explanation/watchdog.md. How it is made from a view is normalise.ts.
 */

/** A box of samples of the picture that was given; right and bottom are not included. */
export interface SourceBox {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export interface NormalPlane {
  /** Columns, {@link LEAST_SIDE} to {@link LARGEST_SIDE}. */
  readonly width: number
  /** Rows, {@link LEAST_SIDE} to {@link LARGEST_SIDE}. */
  readonly height: number
  /** width × height values, 0 to 255, row by row; larger is brighter. Percentile stretched, after one JPEG round trip. */
  readonly samples: Float32Array
  /** 1 where a sample is neither flat border nor saturated; others take no part in statistics of grain. */
  readonly usable: Uint8Array
  /** What was left of the picture after flat borders were cut. */
  readonly crop: SourceBox
  /** Samples of the picture that make one of the plane, along each axis: a whole number. */
  readonly shrink: number
}

/** Why a picture cannot be looked at. */
export type Refusal =
  /** Neither grey nor colour that is grey. */
  | 'colour'
  /** Fewer than {@link LEAST_SIDE} samples along a side, once borders are cut. */
  | 'too_small'
  /** One value, or nearly so. */
  | 'blank'
  /** Most of it is saturated, or shows fewer than 32 different values. */
  | 'too_few_values'

export const LEAST_SIDE = 160
export const LARGEST_SIDE = 640
