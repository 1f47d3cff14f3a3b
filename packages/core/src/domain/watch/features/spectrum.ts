/**
 * Spectrum: how power falls with frequency, and what stands out of that fall.
 *
 * Source: Durall et al. 2020 and Corvi et al. 2023 (re-synthesis misses the fall of power at high frequencies); Zhang et al. 2019 and Frank et
 * al. 2020 (upsampling leaves a lattice); Welch 1967. Patches of 64 × 64 under Hann's window; medians over patches, so that a few with edges of
 * bones do not speak for all.
 */
import type { FeatureFamily } from '../feature.ts'
import { CORRELATION, defineFeatures, REAL, SIZE } from './define.ts'
import { describeLattice, LATTICE_NAMES } from './lattice.ts'
import { fitLine, medianOf, spreadOf } from './moments.ts'
import { measureSpectra } from './patch-spectra.ts'

/** Rings that medians are taken of: 0 to 32. */
const RINGS = 33
/** Bounds of the bands that residuals are told in, in cycles a patch. */
const BANDS = [2, 3, 4, 6, 8, 11, 15, 19, 23, 27, 32] as const
const FALL = 'Durall et al. 2020; Corvi et al. 2023'
const LATTICE = 'Zhang et al. 2019; Frank et al. 2020'

const bandName = (_: unknown, i: number): string => `residual-${BANDS[i]}-${BANDS[i + 1]}`

export const SPECTRUM: FeatureFamily = {
  features: [
    ...defineFeatures('spectrum', { paper: FALL, ...REAL }, ['slope', 'high-ratio', 'top-ratio', 'bend']),
    ...defineFeatures('spectrum', { paper: FALL, ...SIZE }, ['misfit', 'slope-spread', 'high-spread', 'top-spread']),
    ...defineFeatures('spectrum', { paper: FALL, ...REAL }, BANDS.slice(1).map(bandName)),
    ...defineFeatures('spectrum', { paper: LATTICE, ...REAL }, LATTICE_NAMES),
    ...defineFeatures('spectrum', { paper: FALL, ...CORRELATION }, ['high-with-low']),
  ],
  measure(study, into, at) {
    const { rings, mean } = measureSpectra(study)
    const middles = Float64Array.from({ length: RINGS }, (_, ring) => medianOf(rings.map((own) => own[ring] as number)))
    into.set([...describeFall(middles), ...describeSpread(rings, middles), ...residuals(middles)], at)
    const { correlation } = fitLine(
      rings.map((own) => bandMean(own, 4, 9)),
      rings.map((own) => bandMean(own, 20, 29)),
    )
    into.set([...describeLattice(mean), correlation], at + 8 + BANDS.length - 1)
  },
}

const FREQUENCIES = Float64Array.from({ length: RINGS }, (_, ring) => Math.log(Math.max(1, ring)))
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

function bandMean(own: Float64Array, from: number, to: number): number {
  let sum = 0
  for (let ring = from; ring < to; ring++) sum += own[ring] as number
  return sum / (to - from)
}
