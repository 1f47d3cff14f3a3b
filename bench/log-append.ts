/**
 * How many entries a second does a log acknowledge durably, beside logs that flush each file, and the limits of the
 * machine?
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { nativeCrypto } from '../packages/node/src/keys/native-crypto.ts'
import { inFolder, type OpenLog, openOursIn } from './log-contestants.ts'
import { flushesPerSecond, leavesPerSecond, nodesPerSecond, sha256BytesPerSecond } from './log-limits.ts'
import { LEAF_BYTES, type Outcome, runWriters } from './log-load.ts'
import { PeerLog } from './log-peer.ts'
import { type Aim, median, publishReport, spread, type Table } from './log-report.ts'
import { buildTessera } from './log-tessera.ts'

const ROUNDS = Number(process.argv[2] ?? 5)
const WARM_UP = { writers: 64, entries: 2000 }
const LIMIT_MS = 1000

interface Contestant {
  readonly name: string
  /** Entries of a round, by the number of writers; none where it is not asked. */
  readonly entries: Readonly<Record<number, number>>
  readonly run: (writers: number, entries: number) => Promise<Outcome>
}

const ours = 'ours: index, proof and signed checkpoint'
const peer = '(a) every file flushed, one after the other, as Tessera does: index, proof and signed checkpoint'
const widePeer = 'the same, side by side'
const tesseraIndex = 'Tessera, as it comes: index only'
const tesseraCheckpoint = 'Tessera, a checkpoint each 100 ms: index and signed checkpoint'

async function main(): Promise<void> {
  const tessera = buildTessera()
  const contestants: readonly Contestant[] = [
    { name: ours, entries: { 1: 1000, 64: 60_000, 512: 150_000 }, run: inProcess(openOursIn) },
    {
      name: peer,
      entries: { 1: 200, 64: 10_000, 512: 50_000 },
      run: inProcess(async (folder) => new PeerLog(join(folder, 'log'), 'one after the other')),
    },
    {
      name: widePeer,
      entries: { 1: 200, 64: 10_000, 512: 50_000 },
      run: inProcess(async (folder) => new PeerLog(join(folder, 'log'), 'side by side')),
    },
    { name: tesseraIndex, entries: { 1: 20, 64: 1500, 512: 60_000 }, run: inGo(tessera, 'index') },
    { name: tesseraCheckpoint, entries: { 1: 20, 64: 1500, 512: 15_000 }, run: inGo(tessera, 'checkpoint') },
  ]
  const outcomes: Record<string, Outcome[]> = {}
  const limits: Record<string, number[]> = {}
  for (let round = 0; round < ROUNDS; round++) {
    await measureLimits(limits)
    for (const writers of [1, 64, 512]) {
      for (const { name, entries, run } of contestants) {
        const outcome = await run(writers, entries[writers] ?? 0)
        outcomes[`${writers}: ${name}`] = [...(outcomes[`${writers}: ${name}`] ?? []), outcome]
        process.stderr.write(`${round + 1} ${writers} ${name}: ${outcome.rate.toFixed(0)}/s\n`)
      }
    }
  }
  publish(contestants, outcomes, limits)
}

/** A log in this process; its folder is new. */
const inProcess =
  (open: (folder: string) => Promise<OpenLog>): Contestant['run'] =>
  (writers, entries) =>
    inFolder(async (folder) => {
      const log = await open(folder)
      await runWriters({ ...WARM_UP, writers: Math.min(writers, WARM_UP.writers), append: log.append })
      const outcome = await runWriters({ writers, entries, append: log.append })
      await log.close()
      return outcome
    })

const inGo =
  (program: string, mode: string): Contestant['run'] =>
  (writers, entries) =>
    inFolder(async (folder) => {
      const args = ['append', join(folder, 'log'), String(writers), String(entries), mode]
      const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
      if (status !== 0) throw new TypeError(`tessera ended with ${status}: ${stderr}`)
      return JSON.parse(stdout) as Outcome
    })

/** Bytes that our log flushes for a batch of 256 entries, about. */
const BATCH_BYTES = 256 * (LEAF_BYTES + 100)

async function measureLimits(limits: Record<string, number[]>): Promise<void> {
  const hasher = createHasher(nativeCrypto.hash)
  const add = (name: string, value: number): void => {
    limits[name] = [...(limits[name] ?? []), value]
  }
  await inFolder(async (folder) => {
    add('fdatasync after 4 KiB, flushes/s', flushesPerSecond(folder, 4096, LIMIT_MS))
    const flushes = flushesPerSecond(folder, Math.ceil(BATCH_BYTES / 4096) * 4096, LIMIT_MS)
    add('fdatasync after 256 entries, flushes/s', flushes)
    add('the same, entries/s', flushes * 256)
  })
  add('kernel, leaves of 1 KiB/s', leavesPerSecond(hasher, LEAF_BYTES, LIMIT_MS))
  add('kernel, nodes of 65 bytes/s', nodesPerSecond(hasher, LIMIT_MS))
  add("the runtime's SHA-256, leaves of 1 KiB/s", sha256BytesPerSecond(LIMIT_MS) / LEAF_BYTES)
}

function publish(
  contestants: readonly Contestant[],
  outcomes: Readonly<Record<string, readonly Outcome[]>>,
  limits: Readonly<Record<string, readonly number[]>>,
): void {
  const of = (writers: number, name: string): readonly Outcome[] => outcomes[`${writers}: ${name}`] ?? []
  const rates = (writers: number, name: string): number[] => of(writers, name).map(({ rate }) => rate)
  const ratio = (writers: number, name: string): number[] =>
    rates(writers, ours).map((rate, round) => rate / (rates(writers, name)[round] ?? Number.NaN))
  const tables: Table[] = [1, 64, 512].map((writers) => ({
    title: writers === 1 ? '1 writer' : `${writers} writers`,
    columns: ['', 'entries/s', 'p50, ms', 'p99, ms', 'ours / it'],
    rows: contestants.map(({ name }) => [
      name,
      spread(rates(writers, name)),
      spread(of(writers, name).map(({ p50Ms }) => p50Ms)),
      spread(of(writers, name).map(({ p99Ms }) => p99Ms)),
      name === ours ? '1' : spread(ratio(writers, name)),
    ]),
  }))
  const limitTable: Table = {
    title: 'Limits of the machine',
    columns: ['', 'by second', 'ours at 512 writers, share'],
    rows: Object.entries(limits).map(([name, values]) => [name, spread(values), shareOf(name, values)]),
  }
  function shareOf(name: string, values: readonly number[]): string {
    const isOfEntries = /entries\/s|leaves/.test(name)
    return isOfEntries ? `${((median(rates(512, ours)) / median(values)) * 100).toFixed(0)} %` : ''
  }
  publishReport({
    name: 'log-append',
    question: 'How many entries a second does a log acknowledge durably?',
    input: `entries of 1 KiB from writers that each wait for the answer, a new log each time; ${ROUNDS} rounds, all in turn; median (lowest–highest)`,
    tables: [...tables, limitTable],
    aims: aimsOf(of, ratio),
    remarks: [
      'Ours also keeps each identity, so that an entry sent twice gets its first place, and two terms to find it by; the others keep neither. Ours in one process with the writers; Tessera in a process of its own, in Go, with both cores.',
    ],
    measurements: { outcomes, limits },
  })
}

function aimsOf(
  of: (writers: number, name: string) => readonly Outcome[],
  ratio: (writers: number, name: string) => number[],
): Aim[] {
  const rate = median(of(512, ours).map((outcome) => outcome.rate))
  const p99 = median(of(512, ours).map(({ p99Ms }) => p99Ms))
  const times = (writers: number): Aim => {
    const found = median(ratio(writers, peer))
    return {
      aim: `5 times (a) at ${writers} ${writers === 1 ? 'writer' : 'writers'}`,
      found: `${found.toFixed(1)} times`,
      isMet: found >= 5,
    }
  }
  return [
    { aim: '20,000 entries/s at 512 writers', found: `${rate.toFixed(0)}/s`, isMet: rate >= 20_000 },
    { aim: 'p99 under 50 ms at 512 writers', found: `${p99.toFixed(0)} ms`, isMet: p99 < 50 },
    ...[1, 64, 512].map(times),
  ]
}

await main()
