/**
 * Tone range: the values between which a picture's anatomy is seen, so that strengths mean the same for 8 and for 16 bits.
 */
import type { GreyView } from '../pixels/grey-view.ts'

export interface ToneRange {
  readonly low: number
  readonly high: number
}

/** Shares of samples below and above which values are left out where no window is given. */
const TAIL = 0.005
/** Samples that are looked at, at most. */
const MOST_LOOKED_AT = 65_536

/** The window, cut to the values there are; else from 0.5 % to 99.5 % of the samples. At least one step wide. */
export function toneRange({ samples, white, window }: Pick<GreyView, 'samples' | 'white' | 'window'>): ToneRange {
  if (window !== null && window.high - window.low >= 1) {
    const low = Math.max(0, window.low)
    const high = Math.min(white, window.high)
    if (high - low >= 1) return { low, high }
  }
  const stride = Math.max(1, Math.floor(samples.length / MOST_LOOKED_AT))
  const looked = Float32Array.from(
    { length: Math.floor(samples.length / stride) },
    (_, i) => samples[i * stride] as number,
  )
  looked.sort()
  const at = (share: number): number => looked[Math.round(share * (looked.length - 1))] ?? 0
  const low = at(TAIL)
  return { low, high: Math.max(low + 1, at(1 - TAIL)) }
}

/**
 * Makes a forgery keep every sample at which the host has its lowest or highest value: padding, collimated borders and letters. New grain on them
 * would tell a forgery by its border, whatever made it. In place.
 */
export function keepEnds(samples: Float32Array, host: Pick<GreyView, 'samples'>): Float32Array {
  let [low, high] = [Infinity, -Infinity]
  for (const value of host.samples) {
    if (value < low) low = value
    if (value > high) high = value
  }
  for (let i = 0; i < samples.length; i++) {
    const value = host.samples[i] as number
    if (value === low || value === high) samples[i] = value
  }
  return samples
}
