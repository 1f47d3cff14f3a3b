/**
 * Watch features: how long it takes to bring a picture to its normal plane and to measure it, and whether a second implementation finds the same.
 *
 * The second implementation is watch-features-reference.py: NumPy and SciPy on one thread, the same features from the same planes, for the families
 * that it knows. Times are of one picture after another in one process, each picture measured by both in turn.
 *
 * Run: PYTHON=/path/to/python node bench/watch-features.ts [PICTURES]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { studyPlane } from '@fiducial/core/domain/watch/features/study.ts'
import { FAMILIES, FEATURES } from '@fiducial/core/domain/watch/features.ts'
import type { NormalPlane } from '@fiducial/core/domain/watch/normal-plane.ts'
import { normaliseView } from '@fiducial/core/domain/watch/normalise.ts'
import { median, publishReport, spread } from './log-report.ts'
import { markImages } from './mark-images.ts'

/** Other programs may run beside: the least of several rounds is what the work takes. */
const ROUNDS = 8

interface Answer {
  readonly families: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly ms: Readonly<Record<string, number>>
}

/** A family's first names of features are its name here. */
const nameOf = (i: number): string => FAMILIES[i]?.features[0]?.name.split('.')[0] ?? ''

interface Measured {
  readonly name: string
  readonly values: ReadonlyMap<string, number>
  /** By step: `normalise`, `study` and the families; the least of the rounds. */
  readonly ms: ReadonlyMap<string, number>
  readonly answer: Answer
}

function measure(
  view: Parameters<typeof normaliseView>[0],
): Omit<Measured, 'name' | 'answer'> & { plane: NormalPlane } {
  const ms = new Map<string, number>()
  const values = new Float64Array(FEATURES.length)
  const timed = <T>(step: string, work: () => T): T => {
    const start = performance.now()
    const result = work()
    ms.set(step, Math.min(ms.get(step) ?? Number.POSITIVE_INFINITY, performance.now() - start))
    return result
  }
  let plane: ReturnType<typeof normaliseView> = 'blank'
  for (let round = 0; round < ROUNDS; round++) {
    plane = timed('normalise', () => normaliseView(view))
    if (typeof plane === 'string') throw new Error(`a picture is refused: ${plane}`)
    const known = plane
    const study = timed('study', () => studyPlane(known))
    let at = 0
    for (const [i, family] of FAMILIES.entries()) {
      timed(nameOf(i), () => family.measure(study, values, at))
      at += family.features.length
    }
  }
  if (typeof plane === 'string') throw new Error(plane)
  return { plane, ms, values: new Map(FEATURES.map(({ name }, i) => [name, values[i] as number])) }
}

async function main(): Promise<void> {
  const count = Number(process.argv[2] ?? 12)
  const python = process.env.PYTHON ?? 'python3'
  const folder = mkdtempSync(join(tmpdir(), 'watch-features-'))
  const threads = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }
  const child = spawn(python, [join(import.meta.dirname, 'watch-features-reference.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...threads },
  })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const [planeFile, usableFile] = [join(folder, 'plane'), join(folder, 'usable')]
  const ask = async ({ width, height, samples, usable }: NormalPlane): Promise<Answer> => {
    writeFileSync(planeFile, samples)
    writeFileSync(usableFile, usable)
    child.stdin.write(`${width} ${height} ${planeFile} ${usableFile}\n`)
    const { value, done } = await answers.next()
    if (done === true) throw new Error('the reference has ended: are numpy and scipy there?')
    return JSON.parse(value) as Answer
  }
  const askOften = async (plane: NormalPlane): Promise<Answer> => {
    const all: Answer[] = []
    for (let round = 0; round < ROUNDS; round++) all.push(await ask(plane))
    const [first] = all as [Answer]
    const ms = Object.keys(first.ms).map(
      (step) => [step, Math.min(...all.map((one) => one.ms[step] as number))] as const,
    )
    return { ...first, ms: Object.fromEntries(ms) }
  }
  const found: Measured[] = []
  try {
    for await (const { name, modality, planes } of markImages({ chestXrays: count })) {
      if (modality !== 'CXR') break
      const [plane] = planes
      if (plane === undefined) continue
      const view = {
        width: plane.width,
        height: plane.height,
        samples: Float32Array.from(plane.samples),
        white: 255,
        window: null,
      }
      if (found.length === 0) measure(view)
      const { plane: normal, values, ms } = measure(view)
      found.push({ name, values, ms, answer: await askOften(normal) })
    }
  } finally {
    child.stdin.end()
    rmSync(folder, { recursive: true })
  }
  report(found)
}

function report(found: readonly Measured[]): void {
  const steps = ['normalise', 'study', ...FAMILIES.map((_, i) => nameOf(i))]
  const own = (step: string): number[] => found.map(({ ms }) => ms.get(step) ?? 0)
  const theirs = (step: string): number[] => found.map(({ answer }) => answer.ms[step] ?? 0)
  const total = found.map(({ ms }) => [...ms.values()].reduce((sum, value) => sum + value, 0))
  const shared = steps.filter((step) => theirs(step).some((ms) => ms > 0))
  const sum = (of: (step: string) => number[]): number => shared.reduce((all, step) => all + median(of(step)), 0)
  const agreements = agreementsOf(found)
  const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
  publishReport({
    name: 'watch-features',
    question:
      'How long does it take to measure a picture for the watchdog, and does a second implementation find the same?',
    input: `${found.length} chest X-rays of ChestX-ray14, 1024 × 1024, 8 bits, one a patient; ${FEATURES.length} features; least of ${ROUNDS} rounds for each step and picture, ours and theirs; one thread each`,
    tables: [
      {
        title: 'Time a picture, ms',
        columns: ['step', 'ours, median (lowest–highest)', 'NumPy and SciPy, median', 'their time over ours'],
        rows: [
          ...steps.map((step) => {
            const isShared = shared.includes(step)
            return [
              step,
              spread(own(step)),
              isShared ? median(theirs(step)) : '–',
              isShared ? median(theirs(step)) / median(own(step)) : '–',
            ]
          }),
          ['all steps', spread(total), '–', '–'],
          ['steps that both do', sum(own), sum(theirs), sum(theirs) / sum(own)],
        ],
      },
      {
        title: 'Largest difference between the two',
        columns: [
          'family',
          'features',
          'as a share of the value or of 1, the larger',
          'in deviations of the feature over the pictures',
        ],
        rows: agreements.map(({ family, features, relative, deviations }) => [
          family,
          features,
          relative.toExponential(1),
          deviations.toExponential(1),
        ]),
      },
    ],
    aims: [
      {
        aim: 'a picture of 1024² within 45 ms',
        found: `${median(total).toFixed(1)} ms, median`,
        isMet: median(total) < 45,
      },
      {
        aim: 'normalised within 15 ms',
        found: `${median(own('normalise')).toFixed(1)} ms, median`,
        isMet: median(own('normalise')) < 15,
      },
      {
        aim: 'the same as the reference to 0.001 of a deviation',
        found: Math.max(...agreements.map(({ deviations }) => deviations)).toExponential(1),
        isMet: agreements.every(({ deviations }) => deviations < 1e-3),
      },
    ],
    remarks: [
      `The process held ${memory} MiB at the end, pictures and the runtime included. Where other programs run, times are longer; the ratio is fairer.`,
    ],
    measurements: found.map(({ name, ms, answer }) => ({ name, ours: Object.fromEntries(ms), reference: answer.ms })),
  })
}

interface Agreement {
  readonly family: string
  readonly features: number
  readonly relative: number
  readonly deviations: number
}

function agreementsOf(found: readonly Measured[]): Agreement[] {
  return Object.entries(found[0]?.answer.families ?? {}).map(([family, known]) => {
    let [relative, deviations] = [0, 0]
    for (const name of Object.keys(known)) {
      const ours = found.map(({ values }) => values.get(`${family}.${name}`) ?? Number.NaN)
      const theirs = found.map(({ answer }) => answer.families[family]?.[name] ?? Number.NaN)
      const apart = ours.map((value, i) => Math.abs(value - (theirs[i] as number)))
      const mean = ours.reduce((all, value) => all + value, 0) / ours.length
      const deviation = Math.sqrt(ours.reduce((all, value) => all + (value - mean) ** 2, 0) / ours.length)
      relative = Math.max(relative, ...apart.map((value, i) => value / Math.max(1, Math.abs(theirs[i] as number))))
      deviations = Math.max(deviations, Math.max(...apart) / (deviation + 1e-9))
    }
    return { family, features: Object.keys(known).length, relative, deviations }
  })
}

await main()
