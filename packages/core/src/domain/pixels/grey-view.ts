/**
 * Grey view: one grey plane with the brighter values up, as real numbers, for whoever measures or changes a picture and not its bits.
 *
 * Source: PS3.3 section C.7.6.3.1.2 (MONOCHROME1 is shown inverted). Values stay those of the file, so that the way back loses
 * nothing; the window is only what people are expected to look through.
 */
import { maximumOf, type Plane } from './plane.ts'
import type { ValueWindow } from './value-windows.ts'

export interface GreyView {
  /** Columns. */
  readonly width: number
  /** Rows. */
  readonly height: number
  /** width × height values from 0 to `white`, row by row; larger is brighter. */
  readonly samples: Float32Array
  /** The largest value: 2^bits − 1. */
  readonly white: number
  /** Values shown black and white; null where nobody says. */
  readonly window: ValueWindow | null
}

/** What has to be known of an image beside its plane. */
export interface Shown {
  /** White is the lowest value, as in MONOCHROME1. */
  readonly isInverted: boolean
  readonly windows: readonly ValueWindow[]
}

/** The plane of a grey frame, be it stored as three that are the same; undefined for one in colour, and for none at all. */
export function greyPlaneOf([first, ...others]: readonly Plane[]): Plane | undefined {
  if (first === undefined) return undefined
  const isGrey = others.every(({ samples }) => samples.every((value, i) => value === first.samples[i]))
  return isGrey ? first : undefined
}

/** A grey plane as it is seen. Cost: one buffer of four bytes a sample. */
export function viewGrey(plane: Plane, { isInverted, windows }: Shown): GreyView {
  const white = maximumOf(plane)
  const { width, height } = plane
  const samples = Float32Array.from(plane.samples)
  if (isInverted) for (let i = 0; i < samples.length; i++) samples[i] = white - (samples[i] as number)
  const [first] = windows
  if (first === undefined) return { width, height, samples, white, window: null }
  const window = isInverted ? { low: white - first.high, high: white - first.low } : first
  return { width, height, samples, white, window }
}

/** The plane of a view: values rounded to the nearest, halves up, and kept in range. */
export function storeGrey({ width, height, samples, white }: GreyView, isInverted: boolean): Plane {
  const stored = new Uint16Array(samples.length)
  for (let i = 0; i < stored.length; i++) {
    const value = Math.min(white, Math.max(0, Math.floor((samples[i] as number) + 0.5)))
    stored[i] = isInverted ? white - value : value
  }
  return { width, height, bits: Math.round(Math.log2(white + 1)), samples: stored }
}
