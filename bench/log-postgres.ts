/** How many entries a second does a log in PostgreSQL acknowledge durably? */

import { openPostgresLog } from '../packages/node/src/storage/log/postgres/open.ts'
import { makeLogSigner } from '../packages/node/src/testing/log-site.ts'
import { startPostgres } from '../packages/node/src/testing/postgres.ts'
import { inFolder, openOurs, openOursIn } from './log-contestants.ts'
import { type Outcome, runWriters } from './log-load.ts'
import { median, publishReport, spread } from './log-report.ts'

const ROUNDS = Number(process.argv[2] ?? 5)
const AIM = 20_000
const ENTRIES: Readonly<Record<number, number>> = { 1: 500, 64: 30_000, 512: 100_000 }

const cleanUps: (() => Promise<void> | void)[] = []
const cluster = await startPostgres([], { after: (cleanUp) => void cleanUps.push(cleanUp) })
const outcomes: Record<string, Outcome[]> = {}
const [postgres, files] = ['PostgreSQL', 'one folder (segments, tiles and SQLite)']
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const [writers, entries] of Object.entries(ENTRIES)) {
      const load = { writers: Number(writers), entries }
      const origin = `log.example/bench-${round}-${writers}`
      const log = await openOurs(await openPostgresLog(origin, { url: cluster.url() }), makeLogSigner(origin))
      await add(`${writers}: ${postgres}`, log, load)
      await inFolder(async (folder) => add(`${writers}: ${files}`, await openOursIn(folder), load))
    }
  }
} finally {
  for (const cleanUp of cleanUps) await cleanUp()
}

async function add(
  name: string,
  log: Awaited<ReturnType<typeof openOurs>>,
  load: { readonly writers: number; readonly entries: number },
): Promise<void> {
  await runWriters({ writers: Math.min(64, load.writers), entries: 1000, append: log.append })
  const outcome = await runWriters({ ...load, append: log.append })
  await log.close()
  outcomes[name] = [...(outcomes[name] ?? []), outcome]
  process.stderr.write(`${name}: ${outcome.rate.toFixed(0)}/s, p99 ${outcome.p99Ms.toFixed(0)} ms\n`)
}

const of = (writers: string, name: string): readonly Outcome[] => outcomes[`${writers}: ${name}`] ?? []
const found = median(of('512', postgres).map(({ rate }) => rate))
publishReport({
  name: 'log-postgres',
  question: 'How many entries a second does a log in PostgreSQL acknowledge durably?',
  input: `entries of 1 KiB from writers that each wait for index, proof and signed checkpoint; a log of its own each time, all logs in one cluster as Debian sets it up, on this machine; ${ROUNDS} rounds, in turn; median (lowest–highest)`,
  tables: Object.keys(ENTRIES).map((writers) => ({
    title: writers === '1' ? '1 writer' : `${writers} writers`,
    columns: ['', 'entries/s', 'p50, ms', 'p99, ms'],
    rows: [postgres, files].map((name) => [
      name,
      spread(of(writers, name).map(({ rate }) => rate)),
      spread(of(writers, name).map(({ p50Ms }) => p50Ms)),
      spread(of(writers, name).map(({ p99Ms }) => p99Ms)),
    ]),
  })),
  aims: [{ aim: '20,000 entries/s at 512 writers', found: `${found.toFixed(0)}/s`, isMet: found >= AIM }],
  measurements: outcomes,
})
