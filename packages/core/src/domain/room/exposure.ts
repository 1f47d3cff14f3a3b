/**
 * Exposure: from tissue in the beam to the counts of a flat detector.
 *
 * Primary: Beer–Lambert over a few energies. Scatter: a smooth share of the primary that grows with thickness, what the
 * grid lets through of it (convolution model, Love and Kruger 1987). Tube: inverse square, heel effect, focal spot.
 * Detector: Poisson quanta, light spread in the scintillator, electronic noise, gain calibration.
 * Left out: lag, ghosting, veiling glare, dead pixels, which a gain calibration hides in a working detector.
 */
import type { Size } from './field.ts'
import { blurField, enlargeField, shrinkField } from './field.ts'
import { beamSpectrum, CHANNELS, channelAttenuation } from './materials.ts'
import type { Thickness } from './projector.ts'
import type { Random } from './random.ts'

/** Quanta per mm² and µGy of a hardened beam: RQA 5 and RQA 9 of IEC 62220-1 lie within 4 % of it. */
const QUANTA_PER_UGY = 30_500
/** Tube output at one metre, µGy per mAs at 100 kV behind the filters named; grows with the square of the voltage. */
const OUTPUT_UGY = 42
/** Share of quanta that leave light in a caesium iodide layer. */
const ABSORBED = 0.72
/** Standard deviation of a pixel without light, in quanta. */
const ELECTRONIC_QUANTA = 4

export interface Technique {
  readonly peakKv: number
  readonly currentTimeMas: number
  /** Source to detector. */
  readonly distanceMm: number
  readonly filter: { readonly aluminiumMm: number; readonly copperMm: number }
  /** Nominal focal spot. */
  readonly focusMm: number
  /** Share of the scatter that passes the grid: 1 without one. */
  readonly gridScatter: number
  /** Scatter to primary behind 20 g/cm² without a grid. */
  readonly scatterRatio: number
}

export interface DetectorInput extends Size {
  readonly thickness: Thickness
  /** Detector pitch. */
  readonly pixelMm: number
  readonly technique: Technique
  /** What collimator and lead markers let pass, 0 … 1, before the object and in front of the detector. */
  readonly collimator: Float32Array
  readonly marker: Float32Array
  /** Mean distance from object to detector, for the size of the focal spot's shadow. */
  readonly objectMm: number
}

/** Quanta a pixel would absorb without an object, in the middle of the beam. */
export function openQuanta({ peakKv, currentTimeMas, distanceMm }: Technique, pixelMm: number): number {
  const kermaUgy = OUTPUT_UGY * (peakKv / 100) ** 2 * currentTimeMas * (1000 / distanceMm) ** 2
  return kermaUgy * QUANTA_PER_UGY * ABSORBED * pixelMm * pixelMm
}

/** Dose area product in dGy·cm² of a field at the detector. */
export function doseAreaProduct({ peakKv, currentTimeMas, distanceMm }: Technique, fieldMm2: number): number {
  const kermaUgy = OUTPUT_UGY * (peakKv / 100) ** 2 * currentTimeMas * (1000 / distanceMm) ** 2
  return (kermaUgy / 1e5) * (fieldMm2 / 100)
}

/**
 * Share of the signal that reaches each pixel unscattered.
 * @param bins  energies to follow; three or more keep the hardening of the beam
 */
export function primaryShare(
  thickness: Thickness,
  { peakKv, filter }: Pick<Technique, 'peakKv' | 'filter'>,
  bins = 3,
): Float32Array {
  const spectrum = beamSpectrum(peakKv, filter, bins)
  const maps = CHANNELS.map((channel) => thickness[channel])
  const share = new Float32Array(thickness.soft.length)
  for (const bin of spectrum) {
    const [soft = 0, fat = 0, bone = 0, lung = 0, spongy = 0] = channelAttenuation(bin.energyKev)
    const [softMap, fatMap, boneMap, lungMap, spongyMap] = maps as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    for (let i = 0; i < share.length; i++) {
      const depth =
        soft * (softMap[i] as number) +
        fat * (fatMap[i] as number) +
        bone * (boneMap[i] as number) +
        lung * (lungMap[i] as number) +
        spongy * (spongyMap[i] as number)
      share[i] = (share[i] as number) + bin.share * Math.exp(-depth)
    }
  }
  return share
}

/**
 * Takes one exposure.
 * @returns absorbed quanta per pixel after gain calibration, as shares of the open beam; row-major
 */
export function exposeDetector(input: DetectorInput, random: Random): Float32Array {
  const { technique, pixelMm, columns, rows, collimator, marker } = input
  const open = openQuanta(technique, pixelMm)
  const primary = primaryShare(input.thickness, technique)
  for (let i = 0; i < primary.length; i++) primary[i] = (primary[i] as number) * (collimator[i] as number)
  const scatter = scatterShare(primary, input)
  const tube = tubeProfile(input)
  for (let i = 0; i < primary.length; i++)
    primary[i] = ((primary[i] as number) + (scatter[i] as number)) * (marker[i] as number)

  // Full width of the focal spot's shadow, as the deviation of a Gaussian.
  const shadowMm = (technique.focusMm * input.objectMm) / (technique.distanceMm - input.objectMm) / 2.355
  const quanta = blurField(primary, { columns, rows }, shadowMm / pixelMm)
  for (let i = 0; i < quanta.length; i++) quanta[i] = random.poisson((quanta[i] as number) * (tube[i] as number) * open)
  // Light spreads over about 0.15 mm in a layer of needles.
  const light = blurField(quanta, { columns, rows }, 0.085 / pixelMm + 0.15)
  for (let i = 0; i < light.length; i++)
    light[i] = ((light[i] as number) + random.normal(0, ELECTRONIC_QUANTA)) / (open * (tube[i] as number))
  return light
}

/** Scatter at the detector, as a share of the open beam: smooth over centimetres, so found on a coarse grid. */
function scatterShare(
  primary: Float32Array,
  { thickness, technique, pixelMm, columns, rows }: DetectorInput,
): Float32Array {
  const factor = Math.max(1, Math.round(6 / pixelMm))
  const beam = shrinkField(primary, { columns, rows }, factor)
  const depth = new Float32Array(beam.map.length)
  for (const channel of CHANNELS) {
    const part = shrinkField(thickness[channel], { columns, rows }, factor).map
    for (let i = 0; i < depth.length; i++) depth[i] = (depth[i] as number) + (part[i] as number)
  }
  const made = beam.map.map(
    (value, i) => value * technique.scatterRatio * technique.gridScatter * (1 - Math.exp(-(depth[i] as number) / 9)),
  )
  return enlargeField(blurField(made, beam, 32 / (factor * pixelMm)), beam, { columns, rows }, factor)
}

/** Inverse square of the distance and heel effect: the anode stands towards the feet, as tubes are hung for a chest. */
function tubeProfile({ technique, pixelMm, columns, rows }: DetectorInput): Float32Array {
  const profile = new Float32Array(columns * rows)
  const { distanceMm } = technique
  for (let v = 0; v < rows; v++) {
    const y = (v - (rows - 1) / 2) * pixelMm
    const angle = Math.atan2(y, distanceMm) * (180 / Math.PI)
    const heel = 1 - 0.018 * angle - 0.0012 * angle * angle
    for (let u = 0; u < columns; u++) {
      const x = (u - (columns - 1) / 2) * pixelMm
      profile[v * columns + u] = heel * (distanceMm ** 2 / (distanceMm ** 2 + x * x + y * y)) ** 1.5
    }
  }
  return profile
}
