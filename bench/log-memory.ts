/**
 * Does a log take more memory, or get slower, as it grows?
 *
 * One process appends with 512 writers, as fast as it goes, until the log has some million entries; after every so many
 * it writes down how large it is. What it shares with the file cache (the mapped index) is counted apart.
 */
import { readFileSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { number } from './harness.ts'
import { inFolder, openOursIn } from './log-contestants.ts'
import { type Outcome, runWriters } from './log-load.ts'
import { median, publishReport } from './log-report.ts'

const MILLIONS = Number(process.argv[2] ?? 6)
const STEP = 250_000
const WRITERS = 512
/** Bytes on the disk for an entry, with index. */
const ENTRY_BYTES = 2000

interface Step extends Outcome {
  readonly entries: number
  /** Memory of the process alone, MiB, at the end of the step; and its part that the file cache could take back. */
  readonly anonymousMb: number
  readonly mappedMb: number
  /** Processor, microseconds an entry. */
  readonly cpuMicros: number
}

const free = statfsSync(tmpdir())
if (free.bavail * free.bsize < MILLIONS * 1e6 * ENTRY_BYTES) throw new TypeError('too little room on the disk')

const steps: Step[] = []
await inFolder(async (folder) => {
  const log = await openOursIn(folder)
  await runWriters({ writers: WRITERS, entries: 20_000, append: log.append })
  for (let entries = 0; entries < MILLIONS * 1e6; entries += STEP) {
    const cpu = process.cpuUsage()
    const outcome = await runWriters({ writers: WRITERS, entries: STEP, append: log.append })
    const { user, system } = process.cpuUsage(cpu)
    const step = { ...outcome, ...memory(), entries: entries + STEP, cpuMicros: (user + system) / STEP }
    steps.push(step)
    process.stderr.write(
      `${step.entries} ${step.rate.toFixed(0)}/s p99 ${step.p99Ms.toFixed(0)} ms, ${step.anonymousMb} MiB\n`,
    )
  }
  await log.close()
})

function memory(): Pick<Step, 'anonymousMb' | 'mappedMb'> {
  const status = readFileSync('/proc/self/status', 'utf8')
  const megabytes = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)
  return { anonymousMb: megabytes('RssAnon'), mappedMb: megabytes('RssFile') }
}

/** Rows for each half million, from the steps since the row before. */
const rows = steps.flatMap((step, i) => {
  if (step.entries % 500_000 !== 0) return []
  const since = steps.slice(i - 1, i + 1)
  const middle = (of: (step: Step) => number): number => median(since.map(of))
  return [
    [
      `${(step.entries / 1e6).toFixed(1)} million`,
      number(middle(({ rate }) => rate)),
      number(middle(({ p50Ms }) => p50Ms)),
      number(middle(({ p99Ms }) => p99Ms)),
      number(middle(({ cpuMicros }) => cpuMicros)),
      String(step.anonymousMb),
      String(step.mappedMb),
    ],
  ]
})
const late = steps.slice(steps.length / 2).map(({ anonymousMb }) => anonymousMb)
const early = steps.slice(2, steps.length / 2).map(({ anonymousMb }) => anonymousMb)
const growth = median(late) - median(early)
publishReport({
  name: 'log-memory',
  question: 'Does a log take more memory, or get slower, as it grows?',
  input: `entries of 1 KiB from ${WRITERS} writers into one log, with no pause; one run`,
  tables: [
    {
      title: 'Growth',
      columns: [
        'entries',
        'entries/s',
        'p50, ms',
        'p99, ms',
        'processor, µs/entry',
        'own memory, MiB',
        'mapped files, MiB',
      ],
      rows,
    },
  ],
  aims: [
    {
      aim: 'memory flat as the log grows',
      found: `median of the second half of the run ${growth >= 0 ? '+' : ''}${growth.toFixed(0)} MiB against the first`,
      isMet: growth < median(early) * 0.1,
    },
  ],
  measurements: steps,
})
