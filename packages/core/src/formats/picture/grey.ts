/**
 * Grey: stored values as a viewer shows them, in eight bits.
 *
 * Source: PS3.3 sections C.11.1.1.2 (rescale), C.11.2.1.2.1 (linear window) and C.7.6.3.1.2 (photometric
 * interpretation). Presentation states, tables and overlays are left to viewers.
 */

export interface GreyScale {
  /** Window over modality values; `width` ≥ 1. */
  readonly center: number
  readonly width: number
  /** MONOCHROME1: the smallest value is white. */
  readonly isInverted?: boolean
  /** Modality value = stored value × slope + intercept; none: the stored value itself. */
  readonly rescale?: { readonly slope: number; readonly intercept: number }
}

/**
 * Shows stored values through a window.
 *
 * @param samples  stored values, row-major, of any depth and sign
 * @returns one byte a sample: 0 black … 255 white
 * @throws {RangeError} for a window narrower than 1
 */
export function renderGrey(
  samples: ArrayLike<number>,
  { center, width, isInverted = false, rescale }: GreyScale,
): Uint8Array {
  if (!(width >= 1)) throw new RangeError('a window is at least 1 wide')
  const { slope, intercept } = rescale ?? { slope: 1, intercept: 0 }
  const grey = new Uint8Array(samples.length)
  const low = center - 0.5 - (width - 1) / 2
  const high = center - 0.5 + (width - 1) / 2
  for (let i = 0; i < grey.length; i++) {
    const value = (samples[i] as number) * slope + intercept
    const shown = value <= low ? 0 : value > high ? 255 : ((value - (center - 0.5)) / (width - 1) + 0.5) * 255
    grey[i] = Math.round(isInverted ? 255 - shown : shown)
  }
  return grey
}
