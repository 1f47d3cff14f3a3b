/**
 * How many million samples a second are marked and read, by plain code, by the kernel without vectors and with them?
 *
 * Tiles of real images of every kind, one thread; beside them the copying of the same bytes, which is the least that any of
 * this can take.
 *
 *   node bench/mark-tiles.ts
 */
import { createKernelCoder } from '@fiducial/core/domain/mark/kernel/mark-kernel.ts'
import { gridOf, takeTile } from '@fiducial/core/domain/mark/tiles/grid.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import type { TileCoder, TileWork } from '@fiducial/core/domain/mark/tiles/tile-coder.ts'
import { makeKeyTable } from '@fiducial/core/domain/mark/tiles/tile-keys.ts'
import { maximumOf } from '@fiducial/core/domain/pixels/plane.ts'
import { median, publishReport, spread } from './log-report.ts'
import { allImages } from './mark-all-images.ts'

const ROUNDS = 5
/** Of each folder of chest X-rays. */
const PICTURES = 8
/** Tiles of one image at most, so that no image outweighs its kind. */
const TILES = 400
const SIZES = [32, 64] as const
/** Bytes of the stream in each tile. */
const STREAM_BYTES = 2
const AIM = 150

interface Job {
  readonly tileSize: (typeof SIZES)[number]
  readonly work: TileWork
}

const tables = new Map(SIZES.map((size) => [size, makeKeyTable(new Uint8Array(32).fill(1), size)]))
const coders = (create: (table: ReturnType<typeof makeKeyTable>) => TileCoder) =>
  new Map([...tables].map(([size, table]) => [size, create(table)]))
const contestants = {
  'plain code': coders(createPlainCoder),
  'kernel without vectors': coders((table) => createKernelCoder(table, 'scalar')),
  'kernel with vectors': coders((table) => createKernelCoder(table, 'simd')),
}
type Name = keyof typeof contestants
const names = Object.keys(contestants) as Name[]

const kinds = new Map<string, Job[]>()
for await (const found of allImages(PICTURES)) {
  if (!('pixels' in found)) continue
  const [plane] = found.pixels.read(0)
  if (plane === undefined) continue
  const tileSize = plane.bits >= 10 ? 32 : 64
  const { tiles } = gridOf(plane, tileSize)
  const step = Math.max(1, Math.floor(tiles.length / TILES))
  const jobs = tiles
    .filter((_, i) => i % step === 0)
    .map(
      (tile, i): Job => ({
        tileSize,
        work: {
          samples: takeTile(plane, tile),
          width: tile.width,
          height: tile.height,
          maximum: maximumOf(plane),
          pad: i,
          stream: new Uint8Array(STREAM_BYTES).fill(i),
        },
      }),
    )
  kinds.set(found.kind, [...(kinds.get(found.kind) ?? []), ...jobs])
}

const copyOf = ({ tileSize, work }: Job): Job => ({
  tileSize,
  work: { ...work, samples: work.samples.slice(), stream: work.stream.slice() },
})
const samplesOf = (jobs: readonly Job[]): number => jobs.reduce((sum, { work }) => sum + work.samples.length, 0)

/** Millions of samples by second of processor time of this thread. @param times  for what is too quick for the clock */
function rate(jobs: readonly Job[], step: (job: Job) => unknown, times = 1): number {
  const start = process.threadCpuUsage()
  for (let i = 0; i < times; i++) for (const job of jobs) step(job)
  const { user, system } = process.threadCpuUsage(start)
  return (times * samplesOf(jobs)) / (user + system)
}

interface Rates {
  readonly embed: number[]
  readonly read: number[]
  readonly sums: number[]
}
const target = new Uint16Array(511 * 511)
const copying: number[] = []
const all = [...kinds.values()].flat()
const measurements: Record<string, Record<string, Rates>> = {}
for (const [kind, jobs] of kinds) {
  const found: Record<string, Rates> = {}
  for (const name of names) found[name] = { embed: [], read: [], sums: [] }
  measurements[kind] = found
  // Short work is done over and over, so that the clock tells something of it.
  const repeated = Array.from({ length: Math.ceil(4e6 / samplesOf(jobs)) }, () => jobs).flat()
  for (let round = -1; round < ROUNDS; round++) {
    for (const name of names) {
      const coder = ({ tileSize }: Job) => contestants[name].get(tileSize) as TileCoder
      const fresh = repeated.map(copyOf)
      const embed = rate(fresh, (job) => coder(job).embed(job.work))
      const sums = rate(fresh, (job) => coder(job).sums(job.work.samples), 20)
      const read = rate(fresh, (job) => coder(job).read(job.work))
      if (round < 0) continue
      found[name]?.embed.push(embed)
      found[name]?.read.push(read)
      found[name]?.sums.push(sums)
    }
    if (round >= 0) copying.push(rate(all, ({ work }) => target.set(work.samples), 20))
  }
}

const cell = (kind: string, name: Name, what: keyof Rates): string => spread(measurements[kind]?.[name]?.[what] ?? [])
const slowest = (what: keyof Rates): number =>
  Math.min(...[...kinds.keys()].map((kind) => median(measurements[kind]?.['kernel with vectors']?.[what] ?? [])))
const aimed = (name: string, what: keyof Rates) => ({
  aim: `${name}: ${AIM} million samples a second on images of every kind`,
  found: `${Math.round(slowest(what))} on the slowest kind`,
  isMet: slowest(what) >= AIM,
})

publishReport({
  name: 'mark-tiles',
  question: 'How many million samples a second are marked and read?',
  input:
    `${all.length} tiles of ${(samplesOf(all) / 1e6).toFixed(1)} million samples of real images, ${STREAM_BYTES} bytes of ` +
    `stream in each; one thread, by its processor time; ${ROUNDS} rounds, in turn; median (lowest–highest); reading ` +
    'restores the samples',
  tables: (['embed', 'read', 'sums'] as const).map((what) => ({
    title: { embed: 'Embedding', read: 'Reading', sums: 'Both sums of a tile' }[what],
    columns: ['million samples/s', ...names],
    rows: [...kinds.keys()].sort().map((kind) => [kind, ...names.map((name) => cell(kind, name, what))]),
  })),
  remarks: [`Copying the same samples: ${spread(copying)} million a second.`],
  aims: [aimed('embedding', 'embed'), aimed('reading', 'read')],
  measurements: { ...measurements, copying },
})
