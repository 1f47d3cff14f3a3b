/**
 * Slice marks: which slices depart from their neighbours as a whole, and whether they do so with a period.
 *
 * Source: periodic variance of second differences as the trace of linear interpolation (A. C. Gallagher, "Detection of linear and cubic interpolation
 * in JPEG compressed images", 2005), here along the slices; R. A. Fisher's g (1929) for the chance of a peak in a periodogram.
 * Limits: scanners that interleave slices, or interpolate them on their own, leave the same traces.
 */

import { LEAST_CHANCE, rarityOfDeviation } from '../residual/own-tail.ts'
import { medianOf, spreadOf } from '../residual/robust-fit.ts'
import { REPORT_BELOW, type SliceMark, type VolumeReason } from './outcome.ts'
import { NUMBERS, type SliceCells } from './slice-cells.ts'

/** Neighbours to each side that a slice is held against. */
const REACH = 3
/** Correlation with the slice before above which both are the same. */
const SAME = 0.99
/** Log distance from the mean of the neighbours below which nothing of a slice is its own. */
const NOTHING_OWN = Math.log(0.02)
/** Least deviation of each number that counts, where slices agree better than that. */
const LEAST_SPREADS = [0.01, 0.003, 0.01] as const
const WHYS: readonly (readonly [low: VolumeReason, high: VolumeReason])[] = [
  ['noise_low', 'noise_high'],
  ['link_low', 'link_high'],
  ['between_high', 'between_low'],
]

/** Middle of each number over the cells of each slice; NaN where it has none. One list a number. */
export function profilesOf({ slices }: SliceCells): Float64Array[] {
  return Array.from({ length: NUMBERS }, (_, k) =>
    Float64Array.from(slices, (numbers) => {
      const present: number[] = []
      for (let i = k; i < numbers.length; i += NUMBERS) {
        const value = numbers[i] as number
        if (!Number.isNaN(value)) present.push(value)
      }
      return present.length === 0 ? Number.NaN : medianOf(Float64Array.from(present))
    }),
  )
}

export function markSlices(profiles: readonly Float64Array[]): SliceMark[] {
  const [levels, links, betweens] = profiles as [Float64Array, Float64Array, Float64Array]
  const deviations = profiles.map((profile, k) => deviationsOf(profile, LEAST_SPREADS[k] as number))
  return Array.from(levels, (_, slice) => {
    if ((links[slice - 1] as number) > SAME) return { slice, p: LEAST_CHANCE, why: 'repeated' }
    if ((betweens[slice] as number) < NOTHING_OWN) return { slice, p: LEAST_CHANCE, why: 'interpolated' }
    let p = 1
    let why: VolumeReason | null = null
    deviations.forEach((list, k) => {
      const deviation = list[slice] as number
      if (Number.isNaN(deviation)) return
      const chance = Math.min(1, 2 * NUMBERS * levels.length * Math.exp(-rarityOfDeviation(Math.abs(deviation))))
      if (chance >= p) return
      p = Math.max(LEAST_CHANCE, chance)
      why = (WHYS[k] as (typeof WHYS)[number])[deviation < 0 ? 0 : 1]
    })
    return { slice, p, why: p < REPORT_BELOW ? why : null }
  })
}

/** Each value less the median of its neighbours, in deviations that are widened where they come from few. */
function deviationsOf(profile: Float64Array, least: number): Float64Array {
  const bends = bendsOf(profile)
  const present = bends.filter((value) => !Number.isNaN(value))
  const spread = Math.max(least, spreadOf(present)) * (1 + 4 / Math.sqrt(Math.max(1, present.length)))
  return bends.map((value) => value / spread)
}

function bendsOf(profile: Float64Array): Float64Array {
  return profile.map((value, at) => {
    const around: number[] = []
    for (let i = Math.max(0, at - REACH); i <= Math.min(profile.length - 1, at + REACH); i++)
      if (i !== at && !Number.isNaN(profile[i] as number)) around.push(profile[i] as number)
    return around.length < 2 ? Number.NaN : value - medianOf(Float64Array.from(around))
  })
}

/** The strongest period of a profile, 2 slices up to a third of them; null where there are too few. */
export function findPeriod(profile: Float64Array): { readonly slices: number; readonly p: number } | null {
  const values = profile.filter((value) => !Number.isNaN(value))
  const count = values.length
  if (count < 8) return null
  // First differences take a slow course away; they favour short periods, which is where interpolation is.
  const steps = new Float64Array(count - 1)
  for (let i = 0; i < steps.length; i++) steps[i] = (values[i + 1] as number) - (values[i] as number)
  const powers: number[] = []
  const first = Math.ceil(steps.length / Math.max(2, steps.length / 3))
  for (let wave = first; 2 * wave <= steps.length; wave++)
    powers.push(powerAt(steps, wave) / gainAt(wave / steps.length))
  const sum = powers.reduce((total, power) => total + power, 0)
  if (!(sum > 1e-9)) return null
  const most = powers.indexOf(Math.max(...powers))
  const chance = powers.length * (1 - (powers[most] as number) / sum) ** (powers.length - 1)
  return {
    slices: Math.round((10 * steps.length) / (first + most)) / 10,
    p: Math.min(1, Math.max(LEAST_CHANCE, chance)),
  }
}

function powerAt(values: Float64Array, wave: number): number {
  let [real, imaginary] = [0, 0]
  for (let i = 0; i < values.length; i++) {
    const angle = (2 * Math.PI * wave * i) / values.length
    real += (values[i] as number) * Math.cos(angle)
    imaginary += (values[i] as number) * Math.sin(angle)
  }
  return real * real + imaginary * imaginary
}

/** Power gain of a first difference. */
const gainAt = (share: number): number => 4 * Math.sin(Math.PI * share) ** 2
