/**
 * Watch score: how long the watchdog takes for a picture of 1024 × 1024, from samples to report, on one core, and how much memory.
 *
 * The whole of it: view, normal plane, features, cues, score against the shipped model, words. Decoding of files is left out; local noise
 * is measured besides, as it is asked for besides. Each figure is that of one picture after another in one process, the median of rounds.
 *
 * Run: node --expose-gc bench/watch-score.ts [PICTURES]
 */
import { viewGrey } from '@fiducial/core/domain/pixels/grey-view.ts'
import { measureCues } from '@fiducial/core/domain/watch/cues.ts'
import { examinePicture } from '@fiducial/core/domain/watch/examine.ts'
import { extractFeatures } from '@fiducial/core/domain/watch/features.ts'
import { normaliseView } from '@fiducial/core/domain/watch/normalise.ts'
import { residualMap } from '@fiducial/core/domain/watch/residual/residual-map.ts'
import { shippedModel } from '../packages/node/src/wiring/watch.ts'
import { median, publishReport, spread } from './log-report.ts'
import { markImages } from './mark-images.ts'

const ROUNDS = 5
const STEPS = ['view', 'normal plane', 'features', 'cues', 'whole report', 'local noise'] as const
type Step = (typeof STEPS)[number]

const count = Number(process.argv[2] ?? 12)
const model = await shippedModel()
const times = new Map<Step, number[]>(STEPS.map((step) => [step, []]))
let [pictures, heapBefore, heapMost] = [0, 0, 0]

/** The median of several rounds, so that a turn of another program does not count. */
function time<T>(step: Step, work: () => T): T {
  const rounds: number[] = []
  let result = work()
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    result = work()
    rounds.push(performance.now() - start)
  }
  times.get(step)?.push(median(rounds))
  return result
}

for await (const { modality, planes } of markImages({ chestXrays: count })) {
  const [plane] = planes
  if (modality !== 'CXR' || plane === undefined) break
  const shown = { isInverted: false, windows: [] }
  const view = time('view', () => viewGrey(plane, shown))
  const normal = time('normal plane', () => normaliseView(view))
  if (typeof normal === 'string') throw new RangeError(normal)
  time('features', () => extractFeatures(normal))
  time('cues', () => measureCues(normal, 'chest'))
  // The shipped stratum is one of smaller pictures: what they cost is the same.
  const facts = { rows: 512, columns: 512, bits: 8 }
  globalThis.gc?.()
  heapBefore = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  const order = { facts, model, kind: 'chest', stratum: 'nih-chest-512' } as const
  time('whole report', () => {
    const examined = examinePicture({ ...order, view: viewGrey(plane, shown) })
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    heapMost = Math.max(heapMost, heapUsed + arrayBuffers - heapBefore)
    return examined
  })
  time('local noise', () => residualMap(view))
  pictures++
}

const whole = median(times.get('whole report') ?? [])
const megabytes = Math.round(heapMost / 2 ** 20)
publishReport({
  name: 'watch-score',
  question: 'How long does the watchdog take for a picture, and how much memory?',
  input: `${pictures} chest X-rays of ChestX-ray14, 1024 × 1024, 8 bits; median of ${ROUNDS} rounds for each picture; one thread`,
  tables: [
    {
      title: 'Time a picture, ms',
      columns: ['step', 'median (lowest–highest)'],
      rows: STEPS.map((step) => [step, spread(times.get(step) ?? [])]),
    },
  ],
  measurements: Object.fromEntries(times),
  aims: [
    {
      aim: 'a picture of 1024² from samples to report within 60 ms',
      found: `${whole.toFixed(1)} ms, median`,
      isMet: whole <= 60,
    },
    {
      aim: 'under 100 MB of memory for it',
      found: `${megabytes} MiB of heap and buffers at most`,
      isMet: megabytes <= 95,
    },
  ],
  remarks: [
    'Local noise is an extra, measured on pixels without loss at their own size; it is no part of the whole report.',
  ],
})
