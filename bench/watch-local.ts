/**
 * Does the residual map find places that were put in, taken out, copied or brought from elsewhere, on pictures stored without loss?
 *
 * Each picture is scored as it is and after each local technique of the forge, once. Chest X-rays whose place in the sorted list is a multiple of three
 * were looked at while the map was made and take no part. Intervals: 1,000 bootstrap samples of patients.
 *
 *   node bench/watch-local.ts [--chests N] [--small N] [--slices N]
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { createRandom } from '@fiducial/core/domain/attack/random.ts'
import { forgeView } from '@fiducial/core/domain/forge/forge-view.ts'
import type { Host, HostKind, Spot } from '@fiducial/core/domain/forge/technique.ts'
import { TECHNIQUES } from '@fiducial/core/domain/forge/techniques/all.ts'
import { viewGrey } from '@fiducial/core/domain/pixels/grey-view.ts'
import type { ResidualOutcome } from '@fiducial/core/domain/watch/residual/outcome.ts'
import { residualMap } from '@fiducial/core/domain/watch/residual/residual-map.ts'
import { sharedFiles } from '../packages/node/src/testing/shared-files.ts'
import { publishReport } from './log-report.ts'
import { markImages } from './mark-images.ts'

const { decode: decodePng } = createRequire(join(import.meta.dirname, '../packages/node/package.json'))('fast-png')
const { values } = parseArgs({
  options: {
    chests: { type: 'string', default: '80' },
    small: { type: 'string', default: '40' },
    slices: { type: 'string', default: '20' },
  },
})
const ROUNDS = 1000
const LOCAL = TECHNIQUES.filter(({ reach }) => reach === 'local')
const AIM = 0.75

interface Subject {
  readonly patient: string
  readonly host: Host
}

interface Case {
  readonly patient: string
  readonly real: number
  readonly forged: number
  /** A reported place overlaps the true one; null where none was reported. */
  readonly isHit: boolean | null
  readonly realReported: boolean
}

const groups: { readonly name: string; readonly subjects: readonly Subject[] }[] = [
  { name: 'NIH chest X-rays, 1024²', subjects: chests('nih-chestxray14', Number(values.chests), false) },
  { name: 'NIH chest X-rays shrunk to 512²', subjects: chests('nih-chestxray14-512', Number(values.small), true) },
  { name: 'CT and MR slices', subjects: await slices(Number(values.slices)) },
]
const times: number[] = []
const found = groups.map(({ name, subjects }) => ({ name, subjects: subjects.length, cases: tryGroup(subjects) }))
publish()

function tryGroup(subjects: readonly Subject[]): Map<string, Case[]> {
  const cases = new Map<string, Case[]>(LOCAL.map(({ id }) => [id, []]))
  subjects.forEach(({ patient, host }, number) => {
    const started = performance.now()
    const before = residualMap(host)
    if (host.width * host.height === 1024 * 1024) times.push(performance.now() - started)
    const donor = subjects[(number + 1) % subjects.length]?.host
    for (const technique of LOCAL) {
      try {
        const { samples, spot } = forgeView(
          technique,
          { ...host, ...(donor === undefined ? {} : { donor }) },
          7000 + number,
        )
        const after = residualMap({ ...host, samples: Float32Array.from(samples) })
        cases.get(technique.id)?.push({
          patient,
          real: before.imageScore,
          forged: after.imageScore,
          isHit: spot === null ? null : isHit(after, spot),
          realReported: before.regions.length > 0,
        })
      } catch (error) {
        if (!(error instanceof RangeError)) throw error // Too small, or of another kind.
      }
    }
  })
  return cases
}

function isHit({ regions }: ResidualOutcome, spot: Spot): boolean | null {
  if (regions.length === 0) return null
  return regions.some(
    ({ left, top, right, bottom }) => left < spot.right && right > spot.left && top < spot.bottom && bottom > spot.top,
  )
}

function areaUnder(cases: readonly Case[]): number {
  let wins = 0
  for (const { forged } of cases) for (const { real } of cases) wins += forged > real ? 1 : forged === real ? 0.5 : 0
  return wins / cases.length ** 2
}

/** 2.5 % and 97.5 % of the areas of resampled patients. */
function interval(cases: readonly Case[]): readonly [number, number] {
  const random = createRandom(20261)
  const byPatient = [...Map.groupBy(cases, ({ patient }) => patient).values()]
  const areas = Array.from({ length: ROUNDS }, () =>
    areaUnder(byPatient.flatMap(() => byPatient[random.integer(byPatient.length)] as Case[])),
  ).sort((a, b) => a - b)
  return [areas[Math.floor(ROUNDS * 0.025)] as number, areas[Math.ceil(ROUNDS * 0.975) - 1] as number]
}

/** Forged pictures above the score that one real in twenty exceeds. */
function foundAtFivePercent(cases: readonly Case[]): number {
  const reals = cases.map(({ real }) => real).sort((a, b) => b - a)
  const limit = reals[Math.floor(reals.length / 20)] as number
  return cases.filter(({ forged }) => forged > limit).length / cases.length
}

function chests(folder: string, most: number, isSmall: boolean): Subject[] {
  const tuned = new Set(
    originals()
      .filter((_, place) => place % 3 === 0)
      .map(patientOf),
  )
  const seen = new Set<string>()
  const subjects: Subject[] = []
  for (const { path, name } of sharedFiles(`data/cxr/real/${folder}`)) {
    const patient = patientOf(name)
    if (!name.endsWith('.png') || tuned.has(patient) || seen.has(patient)) continue
    seen.add(patient)
    // The small ones are taken from all over the list.
    if (isSmall && seen.size % 8 !== 0) continue
    const { width, height, channels, depth, data } = decodePng(readFileSync(path))
    if (channels !== 1 || depth !== 8) continue
    const samples = Float32Array.from(data as Uint8Array)
    subjects.push({
      patient,
      host: { width, height, samples, white: 255, window: null, kind: 'chest', spacingMm: null },
    })
    if (subjects.length === most) break
  }
  return subjects
}

function originals(): string[] {
  return sharedFiles('data/cxr/real/nih-chestxray14')
    .map(({ name }) => name)
    .filter((name) => name.endsWith('.png'))
}

function patientOf(name: string): string {
  return basename(name).slice(0, 8)
}

async function slices(most: number): Promise<Subject[]> {
  const subjects: Subject[] = []
  for await (const { name, modality, planes } of markImages({ chestXrays: 0 })) {
    const [plane] = planes
    const kind = modality.toLowerCase() as HostKind
    if (plane === undefined || (kind !== 'ct' && kind !== 'mr') || plane.samples.length > 2 ** 21) continue
    const view = viewGrey(plane, { isInverted: false, windows: [] })
    subjects.push({ patient: name, host: { ...view, kind, spacingMm: null } })
    if (subjects.length === most) break
  }
  return subjects
}

function publish(): void {
  const share = (part: number, of: number): string => (of === 0 ? '–' : `${((100 * part) / of).toFixed(0)} %`)
  const rows = found.flatMap(({ name, cases }) =>
    [...cases]
      .filter(([, list]) => list.length > 1)
      .map(([id, list]) => {
        const [low, high] = interval(list)
        const hits = list.filter(({ isHit }) => isHit === true).length
        return {
          group: name,
          technique: id,
          n: list.length,
          area: areaUnder(list),
          low,
          high,
          atFive: foundAtFivePercent(list),
          hits,
          realReported: list.filter(({ realReported }) => realReported).length,
        }
      }),
  )
  const [median = Number.NaN] = times.toSorted((a, b) => a - b).slice(Math.floor(times.length / 2))
  publishReport({
    name: 'watch-local',
    question:
      'Does the residual map find places that were put in, taken out, copied or brought from elsewhere, on pictures stored without loss?',
    input: `${found.map(({ name, subjects }) => `${subjects} ${name}`).join('; ')}; one forgery of each kind for each.`,
    tables: [
      {
        title: 'By technique',
        columns: [
          'pictures',
          'technique',
          'n',
          'area under the curve',
          '95 % interval',
          'found at 5 % false',
          'place reported right',
          'reals with a place reported',
        ],
        rows: rows.map(({ group, technique, n, area, low, high, atFive, hits, realReported }) => [
          group,
          technique,
          n,
          area.toFixed(3),
          `${low.toFixed(3)} – ${high.toFixed(3)}`,
          share(atFive, 1),
          share(hits, n),
          share(realReported, n),
        ]),
      },
    ],
    aims: rows
      .filter(({ group }) => group === groups[0]?.name)
      .map(({ technique, area, low }) => ({
        aim: `${technique}: area above ${AIM} on 1024²`,
        found: `${area.toFixed(3)}, from ${low.toFixed(3)}`,
        isMet: area > AIM,
      })),
    remarks: [
      `A map of 1024² takes ${median.toFixed(0)} ms, median of ${times.length}, on a machine that others use too.`,
      'The chest X-rays are of one hospital, were compressed with loss and shrunk before they were published, and have 8 bits; the noise is near the rounding.',
      'The 512² ones were shrunk once more. CT and MR slices are of few devices, several from one patient: their intervals are too narrow.',
      'The forgeries are of one forge, whose patches are feathered and whose grain is matched; those of others may be easier or harder.',
    ],
    measurements: { rows, times, cases: found.map(({ name, cases }) => ({ name, cases: Object.fromEntries(cases) })) },
  })
}
