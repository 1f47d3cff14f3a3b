/**
 * Period: what comes back at every second, fourth or eighth column and row.
 *
 * Source: Gallagher 2005 and Mahdian and Saic 2008 (second differences of resampled pictures are periodic); Fan and de Queiroz 2003 (block edges). The
 * eight of our own round trip through JPEG is in every picture; other phases and periods are not.
 */
import type { FeatureFamily } from '../feature.ts'
import { defineFeatures, REAL } from './define.ts'
import { medianOf } from './moments.ts'
import type { Study } from './study.ts'

const PAPER = 'Gallagher 2005; Mahdian and Saic 2008; Fan and de Queiroz 2003'
/** Second differences beyond this are edges. */
const CAP = 16
const BLOCK = 8
/** Samples of a profile that its own level is taken over. */
const REACH = 8

export const PERIOD: FeatureFamily = {
  features: defineFeatures('period', { paper: PAPER, ...REAL }, [
    'two',
    'four',
    'eight',
    'other',
    'block',
    'other-phase',
  ]),
  measure(study, into, at) {
    const both = [describeProfile(profileColumns(study)), describeProfile(profileRows(study))]
    for (let i = 0; i < this.features.length; i++)
      into[at + i] = ((both[0]?.[i] as number) + (both[1]?.[i] as number)) / 2
  },
}

/** Mean size of second differences along rows, for each column but the outermost. */
function profileColumns({ width, height, samples, usable }: Study): Float64Array {
  const sums = new Float64Array(width)
  const counts = new Float64Array(width).fill(1e-9)
  for (let y = 0; y < height; y += 2) {
    for (let x = 1, i = y * width + 1; x < width - 1; x++, i++) {
      if (usable[i] === 0) continue
      const size = Math.abs(2 * (samples[i] as number) - (samples[i - 1] as number) - (samples[i + 1] as number))
      sums[x] = (sums[x] as number) + (size > CAP ? CAP : size)
      counts[x] = (counts[x] as number) + 1
    }
  }
  return sums.map((sum, x) => sum / (counts[x] as number))
}

/** The same along columns, for each row. */
function profileRows({ width, height, samples, usable }: Study): Float64Array {
  const profile = new Float64Array(height)
  for (let y = 1; y < height - 1; y++) {
    let [sum, count] = [0, 1e-9]
    for (let i = y * width; i < (y + 1) * width; i += 2) {
      if (usable[i] === 0) continue
      const size = Math.abs(
        2 * (samples[i] as number) - (samples[i - width] as number) - (samples[i + width] as number),
      )
      sum += size > CAP ? CAP : size
      count++
    }
    profile[y] = sum / count
  }
  return profile
}

function describeProfile(profile: Float64Array): number[] {
  const flat = flatten(profile)
  const powers = powersOf(flat)
  const middle = medianOf(powers) + 1e-9
  // A whole number of samples fits no period exactly: the nearest three frequencies count.
  const near = (share: number): number => {
    const at = Math.round(share * flat.length)
    return Math.log((Math.max(powers[at - 1] ?? 0, powers[at] ?? 0, powers[at + 1] ?? 0) + 1e-9) / middle)
  }
  const isOwn = (k: number): boolean =>
    Math.abs((BLOCK * k) / flat.length - Math.round((BLOCK * k) / flat.length)) < 0.08
  let other = 0
  for (let k = Math.floor(flat.length / 16); k < powers.length; k++)
    if (!isOwn(k)) other = Math.max(other, powers[k] as number)
  return [
    near(1 / 2),
    near(1 / 4),
    (near(1 / 8) + near(3 / 8)) / 2,
    Math.log((other + 1e-9) / middle),
    ...phasesOf(flat),
  ]
}

/** Departure of each sample of a profile from the level around it, as a share of that; the outermost left out. */
function flatten(profile: Float64Array): Float64Array {
  const count = profile.length - 2 * REACH - 2
  return Float64Array.from({ length: Math.max(BLOCK, count & ~7) }, (_, i) => {
    let level = 0
    for (let j = i + 1; j <= i + 1 + 2 * REACH; j++) level += (profile[j] as number) / (2 * REACH + 1)
    return ((profile[i + 1 + REACH] as number) - level) / (level + 1e-3)
  })
}

/** Power at frequencies 0 … half, by the plain sum: profiles are short. */
function powersOf(values: Float64Array): Float64Array {
  const count = values.length
  const cosines = Float64Array.from({ length: count }, (_, i) => Math.cos((2 * Math.PI * i) / count))
  const quarter = count >> 2
  return Float64Array.from({ length: (count >> 1) + 1 }, (_, k) => {
    let [real, imaginary] = [0, 0]
    for (let i = 0, turn = 0; i < count; i++) {
      const value = values[i] as number
      real += value * (cosines[turn] as number)
      imaginary += value * (cosines[turn >= quarter ? turn - quarter : turn + count - quarter] as number)
      turn += k
      if (turn >= count) turn -= count
    }
    return (real * real + imaginary * imaginary) / count
  })
}

/** How far the two columns at our block edges stand out, and the most that any other phase of eight does. */
function phasesOf(flat: Float64Array): [block: number, other: number] {
  const sums = new Float64Array(BLOCK)
  // The first value belongs to column REACH + 1.
  for (let i = 0; i < flat.length; i++) {
    const phase = (i + REACH + 1) % BLOCK
    sums[phase] = (sums[phase] as number) + (flat[i] as number)
  }
  const means = sums.map((sum) => (sum * BLOCK) / flat.length)
  const others = means.subarray(1, BLOCK - 1)
  return [((means[0] as number) + (means[BLOCK - 1] as number)) / 2, Math.max(...others) - medianOf(others)]
}
