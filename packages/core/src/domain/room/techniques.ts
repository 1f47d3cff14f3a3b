/**
 * Techniques: how the room takes each kind of picture, for the body at hand.
 *
 * Voltages, filters and distances as in common protocols: chest at 180 cm with a grid and hard radiation, hand at 105 cm
 * without a grid and soft radiation. The charge follows the body as an automatic exposure control would let it.
 */
import type { ExposurePlan } from './plan.ts'
import type { Field, Setup } from './radiograph.ts'
import type { Random } from './random.ts'
import { createRandom } from './random.ts'
import type { ResonanceSetup } from './resonance.ts'
import type { SliceSetup } from './tomograph.ts'

/** The stream of a plan for one purpose. */
export const streamOf = (plan: ExposurePlan, label: string): Random =>
  createRandom(`${plan.seed}/${plan.kind}/${label}`)

export interface RadiographSetup extends Setup {
  readonly currentMa: number
  readonly photometricInterpretation: 'MONOCHROME1' | 'MONOCHROME2'
}

/** Widths of the detector and of the imaging plate. */
const CHEST_WIDTH_MM = 350
const HAND_WIDTH_MM = 240

export function setupChest(plan: ExposurePlan): RadiographSetup {
  const { size, body } = plan
  const random = streamOf(plan, 'technique')
  const pixelMm = CHEST_WIDTH_MM / size.columns
  const isInverted = false
  return {
    ...size,
    pixelMm,
    technique: {
      peakKv: random.pick([117, 120, 125]),
      currentTimeMas: round(1.5 * Math.exp((body.fatMm - 8) * 0.035) * random.between(0.9, 1.1), 2),
      distanceMm: 1800,
      filter: { aluminiumMm: 2.8, copperMm: 0.1 },
      focusMm: 1.2,
      gridScatter: 0.2,
      scatterRatio: 2.2,
    },
    currentMa: 320,
    tone: {
      bitsStored: random.pick([12, 14]),
      coarseGain: random.between(0.46, 0.54),
      fineGain: random.between(1.05, 1.25),
      dark: { share: 0.08, place: random.between(0.08, 0.12) },
      bright: { share: 0.98, place: random.between(0.9, 0.95) },
      isInverted,
    },
    photometricInterpretation: 'MONOCHROME2',
    objectMm: 140,
    target: [random.around(0, 4), 0, -12 + random.around(0, 6)],
    turnDegrees: body.turnDegrees,
    bodyScale: body.frame,
    isMirrored: false,
    warpMm: 1.8,
    trabeculaMm: 2.4,
    field: collimate(size, pixelMm, random),
    hasShutter: true,
    markers: [
      { text: 'L', leftMm: CHEST_WIDTH_MM - 40 + random.around(0, 4), topMm: 14 + random.around(0, 3), heightMm: 15 },
    ],
  }
}

export function setupHand(plan: ExposurePlan): RadiographSetup {
  const { size, body, laterality } = plan
  const random = streamOf(plan, 'technique')
  const pixelMm = HAND_WIDTH_MM / size.columns
  const isMirrored = laterality === 'R'
  // Some plate readers store the negative and ask for it to be turned round.
  const isInverted = random.uniform() < 0.5
  return {
    ...size,
    pixelMm,
    technique: {
      peakKv: random.pick([48, 50, 52]),
      currentTimeMas: round(2.5 * random.between(0.9, 1.1), 2),
      distanceMm: 1050,
      filter: { aluminiumMm: 2.5, copperMm: 0 },
      focusMm: 0.6,
      gridScatter: 1,
      scatterRatio: 0.5,
    },
    currentMa: 160,
    tone: {
      bitsStored: random.pick([10, 12]),
      coarseGain: 0.8,
      fineGain: random.between(1.15, 1.35),
      dark: { share: 0.12, place: 0.22 },
      bright: { share: 0.97, place: 0.88 },
      isInverted,
    },
    photometricInterpretation: isInverted ? 'MONOCHROME1' : 'MONOCHROME2',
    objectMm: 16,
    target: [random.around(0, 5), 0, 48 + random.around(0, 4)],
    turnDegrees: 0,
    bodyScale: body.frame * (body.sex === 'F' ? 0.95 : 1),
    isMirrored,
    warpMm: 0.5,
    trabeculaMm: 1.1,
    field: collimate(size, pixelMm, random),
    hasShutter: true,
    markers: [
      {
        text: laterality,
        leftMm: isMirrored ? 14 + random.around(0, 3) : HAND_WIDTH_MM - 26 + random.around(0, 3),
        topMm: 14 + random.around(0, 3),
        heightMm: 12,
      },
    ],
  }
}

/** The collimator leaves a few millimetres of the detector dark at each side. */
function collimate(
  { columns, rows }: { readonly columns: number; readonly rows: number },
  pixelMm: number,
  random: Random,
): Field {
  const edge = (): number => Math.round(random.between(2, 7) / pixelMm)
  return { left: edge(), top: edge(), right: columns - edge(), bottom: rows - edge() }
}

export interface TomographSetup extends Omit<SliceSetup, 'z'> {
  /** Heights of the middles of the slices, head first. */
  readonly heights: readonly number[]
  readonly peakKv: number
  readonly currentMa: number
  readonly fieldMm: number
  /** As scanners of some makers store it: signed, with a value outside the scale around the circle. */
  readonly isSigned: boolean
}

export function setupTomograph(plan: ExposurePlan): TomographSetup {
  const { body, size, imageCount } = plan
  const random = streamOf(plan, 'technique')
  const fieldMm = Math.round((2 * (172 + body.fatMm) * body.frame + 26) / 10) * 10
  const thicknessMm = 3
  const top = 62 * body.frame
  const bottom = -118 * body.frame
  const spacing = imageCount === 1 ? 0 : Math.max(thicknessMm, Math.floor((top - bottom) / (imageCount - 1)))
  const middle = imageCount === 1 ? -6 : (top + bottom) / 2
  const first = Math.round(middle + (spacing * (imageCount - 1)) / 2)
  return {
    size: size.columns,
    pixelMm: fieldMm / size.columns,
    centerX: round(random.around(0, 3), 1),
    centerY: round(8 + random.around(0, 3), 1),
    thicknessMm,
    currentTimeMas: Math.round(150 * Math.exp((body.fatMm - 8) * 0.03)),
    bodyScale: body.frame,
    tableY: Math.round((122 + body.fatMm * 1.1) * body.frame + 2),
    heights: Array.from({ length: imageCount }, (_, i) => first - i * spacing),
    peakKv: 120,
    currentMa: 300,
    fieldMm,
    isSigned: random.uniform() < 0.5,
  }
}

export interface HeadSetup extends Omit<ResonanceSetup, 'z'> {
  /** Heights of the middles of the slices, feet first. */
  readonly heights: readonly number[]
  readonly fieldMm: number
  readonly flipDegrees: number
  readonly spacingMm: number
}

export function setupHead(plan: ExposurePlan): HeadSetup {
  const { size, imageCount } = plan
  const random = streamOf(plan, 'technique')
  const fieldMm = 240
  const thicknessMm = 5
  const spacingMm = imageCount === 1 ? thicknessMm * 1.1 : Math.max(thicknessMm * 1.1, round(92 / (imageCount - 1), 1))
  const first = imageCount === 1 ? 12 : round(14 - (spacingMm * (imageCount - 1)) / 2, 1)
  return {
    size: size.columns,
    pixelMm: fieldMm / size.columns,
    thicknessMm,
    repetitionMs: random.pick([440, 460, 500]),
    echoMs: random.pick([9, 10, 12]),
    noise: random.between(0.009, 0.016),
    unevenness: random.between(0.08, 0.18),
    heights: Array.from({ length: imageCount }, (_, i) => round(first + i * spacingMm, 3)),
    fieldMm,
    flipDegrees: 90,
    spacingMm,
  }
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits))
