/**
 * Presentation: from detector signal to the grey values a radiograph is stored with.
 *
 * What systems do before they store "for presentation": logarithm, division into bands of detail, a gentler slope for
 * the coarse band than for the fine ones (so that lung and abdomen fit one film), and an S-shaped tone scale around the
 * part of the histogram that the examination is about.
 */

import type { Size } from './field.ts'
import { blurField } from './field.ts'

/** Natural logarithm of the weakening below which a pixel counts as bare. */
const BARE_DENSITY = 0.25

export interface ToneScale {
  readonly bitsStored: number
  /** Slope of structures of more than about 2 cm, against finer ones. */
  readonly coarseGain: number
  readonly fineGain: number
  /** A share of the histogram of what lies behind the object, and the place on the tone curve it is put to. */
  readonly dark: Anchor
  readonly bright: Anchor
  /** Absorbing parts dark, as on paper prints and with some plate readers. */
  readonly isInverted: boolean
}

/** Both 0 … 1; a place of 0.5 is middle grey. */
export interface Anchor {
  readonly share: number
  readonly place: number
}

export interface Presented {
  readonly samples: Uint16Array
  /** VOI window over stored values. */
  readonly window: { readonly center: number; readonly width: number }
}

/**
 * @param signal     shares of the open beam
 * @param isExposed  1 inside the collimated field; the histogram is taken there
 */
export function presentSignal(
  signal: Float32Array,
  size: Size,
  pixelMm: number,
  isExposed: Uint8Array,
  tone: ToneScale,
): Presented {
  const density = new Float32Array(signal.length)
  for (let i = 0; i < density.length; i++) density[i] = -Math.log(Math.max(signal[i] as number, 2e-4))
  const processed = equalize(density, size, pixelMm, tone)
  const [dark, bright] = histogramEnds(processed, density, isExposed, tone)
  const top = 2 ** tone.bitsStored - 1
  const samples = new Uint16Array(signal.length)
  for (let i = 0; i < samples.length; i++) {
    const grey = toneCurve(((processed[i] as number) - dark) / (bright - dark))
    const value = Math.round(top * (tone.isInverted ? 1 - grey : grey))
    samples[i] = value
  }
  return { samples, window: { center: 2 ** (tone.bitsStored - 1), width: 2 ** tone.bitsStored } }
}

function equalize(
  density: Float32Array,
  size: Size,
  pixelMm: number,
  { coarseGain, fineGain }: ToneScale,
): Float32Array {
  const coarse = blurField(density, size, 14 / pixelMm)
  const middle = blurField(density, size, 2.2 / pixelMm)
  const out = new Float32Array(density.length)
  for (let i = 0; i < out.length; i++) {
    const [all, mid, low] = [density[i] as number, middle[i] as number, coarse[i] as number]
    // Strong edges (skin, lead) keep their height: boosting them draws halos.
    const edge = mid - low
    const soft = edge / (1 + Math.abs(edge) * 0.55)
    out[i] = coarseGain * low + soft + (edge - soft) * coarseGain + fineGain * (all - mid)
  }
  return out
}

/** Ends of the part of the histogram that lies behind the object: bare detector and lead say nothing about it. */
function histogramEnds(
  values: Float32Array,
  density: Float32Array,
  isExposed: Uint8Array,
  { dark, bright }: ToneScale,
): [number, number] {
  const sample: number[] = []
  for (let i = 0; i < values.length; i += 37) {
    if (isExposed[i] === 1 && (density[i] as number) > BARE_DENSITY) sample.push(values[i] as number)
  }
  if (sample.length === 0) return [0, 1]
  const sorted = Float64Array.from(sample).sort()
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number
  const [low, high] = [at(dark.share), at(bright.share)]
  const slope = Math.max(high - low, 1e-3) / (bright.place - dark.place)
  return [low - slope * dark.place, high + slope * (1 - bright.place)]
}

/** Place on the scale to grey, 0 … 1 both, with a toe and a shoulder; places far outside end at 0 and 1. */
export function toneCurve(place: number): number {
  return Math.max(0, Math.min(1, (sigmoid(place) - TOE) / (sigmoid(1.35) - TOE)))
}

const sigmoid = (place: number): number => 1 / (1 + Math.exp(-5.2 * (place - 0.5)))
const TOE = sigmoid(-0.35)
