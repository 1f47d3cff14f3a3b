/**
 * Examine volume: whether the slices of a series belong together, each with all of its places.
 *
 * A scanner makes slices whose noise goes on, or does not, in one way throughout. Slices that were made or changed one by one, or filled in between
 * others, break it. The volume is its own measure; nothing is learnt. Advisory: docs/reference/watch-volumes.md names what real scanners do that
 * looks the same. Limits: volumes changed as a whole, in one way, show nothing; nor does an edit that carried noise of the volume's own kind.
 */
import type { GreyView } from '../../pixels/grey-view.ts'
import { LEAST_SLICES, REPORT_BELOW, VOLUME_SENTENCES, type VolumeAbsence, type VolumeOutcome } from './outcome.ts'
import { measureSlices, NUMBERS, type SliceCells } from './slice-cells.ts'
import { findPeriod, markSlices, profilesOf } from './slice-marks.ts'
import { type BoxSize, findVolumeRegions } from './volume-regions.ts'

export interface VolumeSpacing {
  /** Distance of neighbouring samples, and of neighbouring slices, millimetres; null where nobody says. */
  readonly spacingMm: number | null
  readonly sliceSpacingMm: number | null
}

/** What is looked for is about so large. */
const WIDTH_MM = 16
const DEPTH_MM = 8
const LEAST_CELLS = 16

/**
 * @param slices  in the order of their positions, all of one size; each is read once and let go after the next two
 * Cost: linear; three slices and 12 bytes a cell are held.
 */
export function examineVolume(slices: Iterable<GreyView>, spacing: VolumeSpacing): VolumeOutcome {
  const cells = measureSlices(slices)
  const absent = absenceOf(cells)
  if (cells === undefined || absent !== null) return abstain(absent ?? 'sizes_differ')
  const profiles = profilesOf(cells)
  const marks = markSlices(profiles)
  const { regions, score } = findVolumeRegions(cells, boxSize(cells, spacing))
  const period = strongestPeriod(profiles)
  // Tails of places are heavier than those of slices: their score is to be ranked, and is no chance to be added here.
  const least = Math.min(...marks.map(({ p }) => p), period?.p ?? 1)
  return {
    isAdvisory: true,
    absent: null,
    pValue: Math.min(1, Math.max(1e-12, 2 * least)),
    regionScore: score,
    slices: marks,
    regions,
    period,
    sentence: sentenceOf(marks.filter(({ why }) => why !== null).length, regions.length, period?.p ?? 1),
  }
}

/** Of all numbers that were measured; its chance is corrected for their count. */
function strongestPeriod(profiles: readonly Float64Array[]): VolumeOutcome['period'] {
  const periods = profiles.flatMap((profile) => findPeriod(profile) ?? [])
  const [first] = periods.sort((a, b) => a.p - b.p)
  return first === undefined ? null : { slices: first.slices, p: Math.min(1, periods.length * first.p) }
}

function boxSize({ cell, columns, rows, slices }: SliceCells, { spacingMm, sliceSpacingMm }: VolumeSpacing): BoxSize {
  const side = Math.round(WIDTH_MM / (cell * (spacingMm ?? 0.7)))
  const depth = Math.round(DEPTH_MM / (sliceSpacingMm ?? 2.5))
  return {
    side: Math.max(1, Math.min(3, side, columns >> 2, rows >> 2)),
    slices: Math.max(1, Math.min(5, depth, slices.length >> 2)),
  }
}

function absenceOf(cells: SliceCells | undefined): VolumeAbsence | null {
  if (cells === undefined) return 'sizes_differ'
  if (cells.slices.length < LEAST_SLICES) return 'too_few_slices'
  const usable = cells.slices.map((numbers) => {
    let count = 0
    for (let i = 0; i < numbers.length; i += NUMBERS) if (!Number.isNaN(numbers[i] as number)) count++
    return count
  })
  return usable.filter((count) => count >= LEAST_CELLS).length < LEAST_SLICES ? 'too_little_usable' : null
}

const ABSENCE_SENTENCES: Readonly<Record<VolumeAbsence, string>> = {
  too_few_slices: `A volume of fewer than ${LEAST_SLICES} slices is not examined.`,
  sizes_differ: 'The slices are not all of one size.',
  too_little_usable: 'Too little of the slices shows noise that can be compared.',
}

const abstain = (absent: VolumeAbsence): VolumeOutcome => ({
  isAdvisory: true,
  absent,
  pValue: null,
  regionScore: 0,
  slices: [],
  regions: [],
  period: null,
  sentence: ABSENCE_SENTENCES[absent],
})

function sentenceOf(slices: number, regions: number, periodChance: number): string {
  const parts = [
    ...(slices > 0 ? [`${slices} of the slices depart from their neighbours.`] : []),
    ...(regions > 0 ? [`${regions} places depart from the rest of the volume.`] : []),
    ...(periodChance < REPORT_BELOW ? [VOLUME_SENTENCES.periodic] : []),
  ]
  if (parts.length === 0) return 'The slices go on into each other in one way throughout.'
  return `${parts.join(' ')} Interleaved or interpolated scans do so too.`
}
