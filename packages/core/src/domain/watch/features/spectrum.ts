/**
 * Spectrum: how power falls with frequency, and what stands out of that fall.
 *
 * Source: Durall et al. 2020 and Corvi et al. 2023 (re-synthesis misses the fall of power at high frequencies); Zhang et al. 2019 and Frank et
 * al. 2020 (upsampling leaves a lattice); Welch 1967. Patches of 64 × 64 under Hann's window; medians over patches, so that a few with edges of
 * bones do not speak for all.
 */
import type { FeatureFamily } from '../feature.ts'
import { createPatchPair, SIDE, splitPower, transformPair } from '../fft.ts'
import { CORRELATION, defineFeatures, REAL, SIZE } from './define.ts'
import { fitLine, logOf, medianOf, spreadOf } from './moments.ts'
import { placePatches, type Study } from './study.ts'

const HALF = SIDE / 2
/** Bounds of the bands that residuals are told in, in cycles a patch. */
const BANDS = [2, 3, 4, 6, 8, 11, 15, 19, 23, 27, 32] as const
const FALL = 'Durall et al. 2020; Corvi et al. 2023'
const LATTICE = 'Zhang et al. 2019; Frank et al. 2020'

/** Rings of one cycle's width: 1 to 32. */
const RING_OF = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
  const [u, v] = [centred(i % SIDE), centred(Math.floor(i / SIDE))]
  return Math.round(Math.sqrt(u * u + v * v))
})
const RING_SIZES = countRings()
/** Hann's window with power 1 on average. */
const WINDOW = makeWindow()

const bandName = (_: unknown, i: number): string => `residual-${BANDS[i]}-${BANDS[i + 1]}`

export const SPECTRUM: FeatureFamily = {
  features: [
    ...defineFeatures('spectrum', { paper: FALL, ...REAL }, ['slope', 'high-ratio', 'top-ratio', 'bend']),
    ...defineFeatures('spectrum', { paper: FALL, ...SIZE }, ['misfit', 'slope-spread', 'high-spread', 'top-spread']),
    ...defineFeatures('spectrum', { paper: FALL, ...REAL }, BANDS.slice(1).map(bandName)),
    ...defineFeatures('spectrum', { paper: LATTICE, ...REAL }, [
      'peak-half-axis',
      'peak-half-corner',
      'peak-quarter-axis',
      'peak-quarter-corner',
      'axis-middle',
      'axis-high',
      'across-middle',
      'across-high',
    ]),
    ...defineFeatures('spectrum', { paper: FALL, ...CORRELATION }, ['high-with-low']),
  ],
  measure(study, into, at) {
    const { rings, mean } = measurePatches(study)
    const middles = Float64Array.from({ length: HALF + 1 }, (_, ring) =>
      medianOf(rings.map((own) => own[ring] as number)),
    )
    into.set([...describeFall(middles), ...describeSpread(rings, middles), ...residuals(middles)], at)
    into.set(describeLattice(mean), at + 8 + BANDS.length - 1)
    into[at + 16 + BANDS.length - 1] = fitLine(
      rings.map((own) => bandMean(own, 4, 9)),
      rings.map((own) => bandMean(own, 20, 29)),
    ).correlation
  },
}

interface Spectra {
  /** Of each patch the logarithms of mean power by ring. */
  readonly rings: readonly Float64Array[]
  /** Power by frequency, each ring of each patch brought to 1, meaned over patches. */
  readonly mean: Float64Array
}

function measurePatches(study: Study): Spectra {
  const places = placePatches(study, SIDE, 0.95)
  const pair = createPatchPair()
  const powers = [new Float64Array(SIDE * SIDE), new Float64Array(SIDE * SIDE)] as const
  const mean = new Float64Array(SIDE * SIDE)
  const rings: Float64Array[] = []
  for (let i = 0; i < places.length; i += 2) {
    const isPair = i + 1 < places.length
    readPatch(study, places[i] as number, pair.real)
    readPatch(study, places[isPair ? i + 1 : i] as number, pair.imaginary)
    transformPair(pair)
    splitPower(pair, powers[0], powers[1])
    rings.push(addPatch(powers[0], mean))
    if (isPair) rings.push(addPatch(powers[1], mean))
  }
  for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] as number) / rings.length
  return { rings, mean }
}

function readPatch({ samples, width }: Study, from: number, into: Float64Array): void {
  let sum = 0
  for (let row = 0, at = from; row < SIDE; row++, at += width) {
    for (let i = at; i < at + SIDE; i++) sum += samples[i] as number
  }
  const level = sum / (SIDE * SIDE)
  for (let row = 0, at = from, i = 0; row < SIDE; row++, at += width - SIDE) {
    for (let column = 0; column < SIDE; column++, at++, i++)
      into[i] = ((samples[at] as number) - level) * (WINDOW[i] as number)
  }
}

/** Logarithms of the power in each ring; adds the patch's share to the mean. */
function addPatch(power: Float64Array, mean: Float64Array): Float64Array {
  const sums = new Float64Array(64)
  for (let i = 0; i < power.length; i++) {
    const ring = RING_OF[i] as number
    sums[ring] = (sums[ring] as number) + (power[i] as number)
  }
  // A floor of a thousandth of a grey value squared keeps blank patches from speaking.
  for (let ring = 0; ring < sums.length; ring++) {
    sums[ring] = (sums[ring] as number) / Math.max(1, RING_SIZES[ring] as number) / (SIDE * SIDE) + 1e-3
  }
  for (let i = 0; i < power.length; i++) {
    mean[i] =
      (mean[i] as number) + ((power[i] as number) / (SIDE * SIDE) + 1e-3) / (sums[RING_OF[i] as number] as number)
  }
  return sums.slice(0, HALF + 1).map(Math.log)
}

const FREQUENCIES = Float64Array.from({ length: HALF + 1 }, (_, ring) => Math.log(Math.max(1, ring)))
const [FIRST, LAST] = [2, 26]

const slopeOf = (own: Float64Array): number =>
  fitLine(FREQUENCIES.subarray(FIRST, LAST + 1), own.subarray(FIRST, LAST + 1)).slope

function describeFall(middles: Float64Array): number[] {
  const part = (from: number, to: number): number =>
    fitLine(FREQUENCIES.subarray(from, to), middles.subarray(from, to)).slope
  const low = bandMean(middles, 6, 13)
  return [slopeOf(middles), bandMean(middles, 16, 24) - low, bandMean(middles, 25, 33) - low, part(11, 27) - part(2, 9)]
}

function describeSpread(rings: readonly Float64Array[], middles: Float64Array): number[] {
  const rest = residuals(middles)
  const misfit = Math.sqrt(rest.reduce((sum, value) => sum + value * value, 0) / rest.length)
  const ratio = (from: number, to: number) => (own: Float64Array) => bandMean(own, from, to) - bandMean(own, 6, 13)
  return [misfit, spreadOf(rings.map(slopeOf)), spreadOf(rings.map(ratio(16, 24))), spreadOf(rings.map(ratio(25, 33)))]
}

/** How far each band lies above a power law through all. */
function residuals(middles: Float64Array): number[] {
  const { slope, offset } = fitLine(FREQUENCIES.subarray(FIRST, LAST + 1), middles.subarray(FIRST, LAST + 1))
  return BANDS.slice(1).map((to, i) => {
    const from = BANDS[i] as number
    let sum = 0
    for (let ring = from; ring < to; ring++)
      sum += (middles[ring] as number) - offset - slope * (FREQUENCIES[ring] as number)
    return sum / (to - from)
  })
}

/** Peaks at halves and quarters of the sampling frequency against their surroundings; axes against diagonals; rows against columns. */
function describeLattice(mean: Float64Array): number[] {
  const peak = (...places: (readonly [number, number])[]): number =>
    places.reduce((sum, [u, v]) => sum + logOf(aroundMean(mean, u, v, 0)) - logOf(aroundMean(mean, u, v, 3)), 0) /
    places.length
  const quarter = HALF / 2
  const sector = (from: number, to: number, isIn: (u: number, v: number) => boolean): number => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < mean.length; i++) {
      const ring = RING_OF[i] as number
      if (ring < from || ring >= to || !isIn(Math.abs(centred(i % SIDE)), Math.abs(centred(Math.floor(i / SIDE)))))
        continue
      sum += mean[i] as number
      count++
    }
    return logOf(sum / Math.max(1, count))
  }
  const isAxis = (u: number, v: number): boolean => 3 * Math.min(u, v) < Math.max(u, v)
  const axis = (from: number, to: number): number =>
    sector(from, to, isAxis) - sector(from, to, (u, v) => 3 * Math.min(u, v) > 2 * Math.max(u, v))
  const across = (from: number, to: number): number =>
    sector(from, to, (u, v) => u > 2 * v) - sector(from, to, (u, v) => v > 2 * u)
  return [
    peak([HALF, 0], [0, HALF]),
    peak([HALF, HALF]),
    peak([quarter, 0], [0, quarter]),
    peak([quarter, quarter], [quarter, HALF], [HALF, quarter]),
    axis(8, 18),
    axis(20, 33),
    across(8, 18),
    across(20, 33),
  ]
}

/** Mean at a frequency, or on the square ring `distance` around it. */
function aroundMean(mean: Float64Array, u: number, v: number, distance: number): number {
  if (distance === 0) return mean[v * SIDE + u] as number
  let [sum, count] = [0, 0]
  for (let dv = -distance; dv <= distance; dv++) {
    for (let du = -distance; du <= distance; du++) {
      if (Math.max(Math.abs(du), Math.abs(dv)) < distance - 1) continue
      sum += mean[((v + dv) & (SIDE - 1)) * SIDE + ((u + du) & (SIDE - 1))] as number
      count++
    }
  }
  return sum / count
}

function bandMean(own: Float64Array, from: number, to: number): number {
  let sum = 0
  for (let ring = from; ring < to; ring++) sum += own[ring] as number
  return sum / (to - from)
}

function centred(k: number): number {
  return k < HALF ? k : k - SIDE
}

function countRings(): Uint16Array {
  const sizes = new Uint16Array(64)
  for (let i = 0; i < RING_OF.length; i++) sizes[RING_OF[i] as number] = (sizes[RING_OF[i] as number] as number) + 1
  return sizes
}

function makeWindow(): Float64Array {
  const line = Float64Array.from({ length: SIDE }, (_, i) => (1 - Math.cos((2 * Math.PI * (i + 0.5)) / SIDE)) / 2)
  const power = line.reduce((sum, value) => sum + value * value, 0) / SIDE
  return Float64Array.from(
    { length: SIDE * SIDE },
    (_, i) => ((line[i % SIDE] as number) * (line[Math.floor(i / SIDE)] as number)) / power,
  )
}
