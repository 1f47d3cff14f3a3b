/**
 * Does the look at a volume find nodules put in and lesions taken out, slices filled in between, and volumes resampled along their slices?
 *
 * Simulated CT and MR series of the X-ray room, and the two MR volumes of the shared data whose sides are large enough. Each is examined as it is
 * and after each change, several seeds of each. Intervals: 1,000 bootstrap samples of volumes.
 *
 *   node bench/watch-volumes.ts [--patients N] [--seeds N] [--slices N]
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import type { VolumeHost } from '@fiducial/core/domain/forge/technique.ts'
import { VOLUME_TECHNIQUES } from '@fiducial/core/domain/forge/techniques/all.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import { planExposure } from '@fiducial/core/domain/room/plan.ts'
import { captureSeries } from '@fiducial/core/domain/room/room.ts'
import { examineVolume } from '@fiducial/core/domain/watch/volume/examine-volume.ts'
import type { VolumeOutcome } from '@fiducial/core/domain/watch/volume/outcome.ts'
import { sharedPath } from '../packages/node/src/testing/peers.ts'
import { publishReport } from './log-report.ts'

const { values } = parseArgs({
  options: {
    patients: { type: 'string', default: '4' },
    seeds: { type: 'string', default: '2' },
    slices: { type: 'string', default: '20' },
  },
})
const SIDE = 256
const ROUNDS = 1000

interface Volume extends VolumeHost {
  readonly name: string
  readonly group: string
}

interface Case {
  readonly volume: string
  readonly group: string
  readonly change: string
  readonly real: number
  readonly changed: number
  readonly pValue: number | null
  readonly realPValue: number | null
  readonly isHit: boolean
}

const volumes = [...simulate('ct'), ...simulate('mr'), ...scans()]
let milliseconds = 0
let examined = 0
const cases = volumes.flatMap((volume) => tryVolume(volume))
publish()

function tryVolume(volume: Volume): Case[] {
  const before = examine(volume, volume.slices)
  const found: Case[] = []
  const keep = (change: string, after: VolumeOutcome, isHit: boolean): void => {
    found.push({
      volume: volume.name,
      group: volume.group,
      change,
      real: scoreOf(before),
      changed: scoreOf(after),
      pValue: after.pValue,
      realPValue: before.pValue,
      isHit,
    })
  }
  for (const technique of VOLUME_TECHNIQUES) {
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      try {
        const { slices, spot } = technique.make(volume, createRandom(900 + seed))
        const after = examine(
          volume,
          slices.map((samples, z) => rounded(volume.slices[z] as GreyView, samples)),
        )
        const isHit = after.regions.some(
          (region) =>
            region.left < spot.right &&
            region.right > spot.left &&
            region.top < spot.bottom &&
            region.bottom > spot.top &&
            region.first < spot.last &&
            region.last > spot.first,
        )
        keep(technique.id, after, isHit)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error // Too small, or no place for it.
      }
    }
  }
  const filled = fillBetween(volume.slices)
  const between = examine({ ...volume, sliceSpacingMm: volume.sliceSpacingMm / 2 }, filled)
  keep('slices filled in between', between, between.period?.slices === 2)
  const resampled = examine(volume, resample(volume.slices, 1.25))
  keep('resampled along slices, 5 for 4', resampled, (resampled.period?.p ?? 1) < 0.01)
  const middle = volume.slices.length >> 1
  const one = examine(
    volume,
    volume.slices.map((slice, z) => (z === middle ? smooth(slice) : slice)),
  )
  keep('one slice smoothed', one, one.slices[middle]?.why !== null)
  return found
}

function examine(volume: Pick<Volume, 'spacingMm' | 'sliceSpacingMm'>, slices: readonly GreyView[]): VolumeOutcome {
  const started = performance.now()
  const outcome = examineVolume(slices, volume)
  milliseconds += performance.now() - started
  examined += slices.reduce((sum, { samples }) => sum + samples.length, 0)
  return outcome
}

/** −log10 of the volume's chance; the region's own score beyond where that is cut off. */
function scoreOf({ pValue, regionScore }: VolumeOutcome): number {
  return Math.max(regionScore, -Math.log10(pValue ?? 1))
}

function* simulate(kind: 'ct' | 'mr'): Generator<Volume> {
  for (let patient = 0; patient < Number(values.patients); patient++) {
    const plan = planExposure(`watch-volumes/${patient}`, {
      kind,
      at: '2026-03-04T10:11:12.345+01:00',
      size: { columns: SIDE, rows: SIDE },
      sliceCount: Number(values.slices),
    })
    const slices = [...captureSeries(plan)].map(({ pixels, columns, rows }) => {
      const samples = Float32Array.from(pixels, (value) => Math.max(0, value + (kind === 'ct' ? 1100 : 0)))
      return { width: columns, height: rows, samples, white: 4095, window: null }
    })
    const [spacingMm, sliceSpacingMm] = kind === 'ct' ? [1.5, 5] : [0.9, 5]
    yield {
      name: `${kind} ${patient}`,
      group: `simulated ${kind.toUpperCase()}`,
      kind,
      slices,
      spacingMm,
      sliceSpacingMm,
    }
  }
}

function* scans(): Generator<Volume> {
  const bytes = gunzipSync(readFileSync(sharedPath('data/volumes/nibabel/example4d.nii.gz')))
  for (let at = 0; at < 2; at++) {
    const { slices, spacing } = readNifti(bytes, at)
    yield {
      name: `example4d ${at}`,
      group: 'MR scan',
      kind: 'mr',
      slices,
      spacingMm: spacing[0],
      sliceSpacingMm: spacing[2],
    }
  }
}

/** One volume of a little-endian NIfTI-1 file of 16-bit samples: as much of the format as these files need. */
function readNifti(
  bytes: Uint8Array,
  at: number,
): { readonly slices: GreyView[]; readonly spacing: [number, number, number] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [width, height, count] = [42, 44, 46].map((offset) => view.getInt16(offset, true)) as [number, number, number]
  const start = view.getFloat32(108, true) + 2 * at * width * height * count
  const slices = Array.from({ length: count }, (_, z) => ({
    width,
    height,
    samples: Float32Array.from({ length: width * height }, (_, i) =>
      Math.max(0, view.getInt16(start + 2 * (z * width * height + i), true)),
    ),
    white: 32767,
    window: null,
  }))
  return { slices, spacing: [80, 84, 88].map((offset) => view.getFloat32(offset, true)) as [number, number, number] }
}

function fillBetween(slices: readonly GreyView[]): GreyView[] {
  return slices.flatMap((slice, z) => {
    const before = slices[z - 1]
    return before === undefined ? [slice] : [mix(before, slice, 0.5), slice]
  })
}

function resample(slices: readonly GreyView[], factor: number): GreyView[] {
  return Array.from({ length: Math.floor((slices.length - 1) * factor) }, (_, i) => {
    const at = i / factor
    const low = Math.floor(at)
    return mix(slices[low] as GreyView, slices[low + 1] as GreyView, at - low)
  })
}

function mix(a: GreyView, b: GreyView, share: number): GreyView {
  return rounded(
    a,
    a.samples.map((value, i) => (1 - share) * value + share * (b.samples[i] as number)),
  )
}

/** A twelfth of each of the four neighbours, the rest of the sample itself. */
function smooth(slice: GreyView): GreyView {
  const { samples, width } = slice
  const at = (i: number): number => samples[i] ?? 0
  return rounded(
    slice,
    samples.map((value, i) => (8 * value + at(i - 1) + at(i + 1) + at(i - width) + at(i + width)) / 12),
  )
}

function rounded(like: GreyView, samples: Float32Array): GreyView {
  return { ...like, samples: samples.map((value) => Math.max(0, Math.min(like.white, Math.floor(value + 0.5)))) }
}

function areaUnder(list: readonly Case[]): number {
  const reals = [...new Map(list.map(({ volume, real }) => [volume, real])).values()]
  let wins = 0
  for (const { changed } of list) for (const real of reals) wins += changed > real ? 1 : changed === real ? 0.5 : 0
  return wins / (list.length * reals.length)
}

function interval(list: readonly Case[]): readonly [number, number] {
  const random = createRandom(20262)
  const byVolume = [...Map.groupBy(list, ({ volume }) => volume).values()]
  const areas = Array.from({ length: ROUNDS }, () =>
    areaUnder(byVolume.flatMap(() => byVolume[random.integer(byVolume.length)] as Case[])),
  ).sort((a, b) => a - b)
  return [areas[Math.floor(ROUNDS * 0.025)] as number, areas[Math.ceil(ROUNDS * 0.975) - 1] as number]
}

function publish(): void {
  const rows = [...Map.groupBy(cases, ({ group, change }) => `${group}|${change}`)].map(([key, list]) => {
    const [group = '', change = ''] = key.split('|')
    const [low, high] = interval(list)
    const small = list.filter(({ pValue }) => (pValue ?? 1) < 0.01).length
    const reals = [...new Map(list.map(({ volume, realPValue }) => [volume, realPValue])).values()]
    const realsSmall = reals.filter((p) => (p ?? 1) < 0.01).length
    const isPlain = reals.length < 3
    return [
      group,
      change,
      `${list.length} of ${reals.length}`,
      isPlain ? '–' : areaUnder(list).toFixed(3),
      isPlain ? '–' : `${low.toFixed(3)} – ${high.toFixed(3)}`,
      `${small} of ${list.length}`,
      `${list.filter(({ isHit }) => isHit).length} of ${list.length}`,
      `${realsSmall} of ${reals.length}`,
    ]
  })
  publishReport({
    name: 'watch-volumes',
    question:
      'Does the look at a volume find nodules put in and lesions taken out, slices filled in between, and volumes resampled along their slices?',
    input: `${values.patients} simulated CT and ${values.patients} simulated MR series of ${values.slices} slices, ${SIDE}², 5 mm apart as the room makes them; 2 volumes of one MR scan, 128 × 96 × 24.`,
    tables: [
      {
        title: 'By change',
        columns: [
          'volumes',
          'change',
          'changed, of volumes',
          'area under the curve',
          '95 % interval',
          'p below 0.01',
          'place or period right',
          'unchanged with p below 0.01',
        ],
        rows,
      },
    ],
    remarks: [
      `${((milliseconds / examined) * 512 * 512).toFixed(0)} ms for 512² samples of a slice, mean, on a machine that others use too.`,
      'Simulated series have independent noise from slice to slice and one anatomy a patient; real scanners overlap, interleave and average. Areas on them are no claim on scans.',
      'The MR scan is one person, one device, both volumes of one session: no area can be given.',
      'Forgeries of the volume kind are of one forge, whose grain is matched to the surroundings.',
    ],
    measurements: cases,
  })
}
