/** How many instances a second does the storage of a gateway take durably, beside a plain loop of write and fdatasync? */
import { createHash } from 'node:crypto'
import { closeSync, fdatasync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FileSpool } from '../packages/node/src/storage/gateway/file-spool.ts'
import { SqliteInstances } from '../packages/node/src/storage/gateway/sqlite-instances.ts'
import {
  copyTo,
  idOf,
  judged,
  lease,
  minute,
  received,
} from '../packages/node/src/testing/gateway-contracts/made-up.ts'
import { median, publishReport, spread, type Table } from './log-report.ts'

const ROUNDS = Number(process.argv[2] ?? 5)
const PIECE = Buffer.alloc(64 * 2 ** 10, 3)
const SIZES = [
  { name: 'CT', bytes: 512 * 2 ** 10, count: 300 },
  { name: 'DX', bytes: 15 * 2 ** 20, count: 20 },
] as const
const LANES = [1, 4] as const
const flush = promisify(fdatasync)

/** Does a step so often, by so many at the same time; gives the rate. */
async function rate(count: number, lanes: number, step: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const start = performance.now()
  const lane = async (): Promise<void> => {
    while (next < count) await step(next++)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return (count / (performance.now() - start)) * 1000
}

type Contestant = (
  folder: string,
  bytes: number,
) => Promise<{
  readonly step: (i: number) => Promise<unknown>
  readonly close?: () => Promise<unknown>
}>

/** One file after the other in one folder, whose name nobody flushes. */
const plain = (isHashed: boolean): Contestant => {
  return async (folder, bytes) => ({
    step: async (i) => {
      const file = openSync(join(folder, `plain-${i}`), 'wx')
      const hash = createHash('sha256')
      for (let at = 0; at < bytes; at += PIECE.length) {
        writeSync(file, PIECE)
        if (isHashed) hash.update(PIECE)
      }
      await flush(file)
      closeSync(file)
    },
  })
}

const spool: Contestant = async (folder, bytes) => {
  const files = await FileSpool.open(join(folder, 'spool'))
  return {
    step: async () => {
      const writer = files.create()
      for (let at = 0; at < bytes; at += PIECE.length) writer.write(PIECE)
      await writer.commit()
    },
    close: () => files.close(),
  }
}

const spoolAndRecord: Contestant = async (folder, bytes) => {
  const files = await FileSpool.open(join(folder, 'spool'))
  const store = await SqliteInstances.open(join(folder, 'instances.db'))
  return {
    step: async (i) => {
      const writer = files.create()
      for (let at = 0; at < bytes; at += PIECE.length) writer.write(PIECE)
      const instance = received(i, { spoolKey: writer.key, ...writer.finish() })
      await Promise.all([writer.commit(), store.accept(instance, [])])
    },
    close: () => store.close(),
  }
}

const OURS = 'spool and record, side by side'
const PLAIN = 'write and fdatasync, one file each'
const CONTESTANTS: Readonly<Record<string, Contestant>> = {
  [OURS]: spoolAndRecord,
  'spool: digest, name and folder flushed': spool,
  'write and fdatasync, with the digest': plain(true),
  [PLAIN]: plain(false),
}

async function inFolder<T>(where: string, step: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(where, 'fiducial-bench-'))
  mkdirSync(folder, { recursive: true })
  try {
    return await step(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Rates of the steps of an instance, from 64 at a time. */
async function recordRates(where: string): Promise<Readonly<Record<string, number>>> {
  return await inFolder(where, async (folder) => {
    const store = await SqliteInstances.open(join(folder, 'instances.db'))
    const count = 6_400
    const events = [{ news: '{}' }]
    const accept = await rate(count, 64, (i) => store.accept(received(i, { orderKey: `study ${i % 100}` }), events))
    await store.claimReceived(lease(1, { limit: count }))
    const judge = await rate(count, 64, (i) => {
      return store.judge(idOf(i), 'gateway-1', judged({ deliveries: [copyTo('PACS', i)], events }), minute(2))
    })
    const claimed = await store.claimDeliveries('PACS', lease(3, { limit: count }))
    const sent = await rate(count, 64, (i) => store.sent(claimed[i]?.id ?? '', 'gateway-1', minute(4), events))
    await store.close()
    return { accept, judge, sent }
  })
}

async function main(): Promise<void> {
  const rates: Record<string, number[]> = {}
  const note = (name: string, value: number): void => {
    rates[name] = [...(rates[name] ?? []), value]
    process.stderr.write(`${name}: ${value.toFixed(0)}/s\n`)
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, bytes, count } of SIZES) {
      for (const lanes of LANES) {
        for (const [contestant, open] of Object.entries(CONTESTANTS)) {
          const value = await inFolder(tmpdir(), async (folder) => {
            const { step, close } = await open(folder, bytes)
            const found = await rate(count, lanes, step)
            await close?.()
            return found
          })
          note(`${name} ${lanes} ${contestant}`, value)
        }
      }
    }
    for (const [place, where] of [
      ['disk', tmpdir()],
      ['memory', '/dev/shm'],
    ] as const) {
      for (const [step, value] of Object.entries(await recordRates(where))) note(`${place} ${step}`, value)
    }
  }
  const of = (name: string): readonly number[] => rates[name] ?? []
  const files = SIZES.flatMap(({ name, bytes }) =>
    LANES.map(
      (lanes): Table => ({
        title: `${name} instances of ${Math.round(bytes / 1024)} KiB, ${lanes} at a time`,
        columns: ['', 'instances/s', 'MB/s', 'of the plain loop'],
        rows: Object.keys(CONTESTANTS).map((contestant) => {
          const values = of(`${name} ${lanes} ${contestant}`)
          const share = values.map((value, i) => value / (of(`${name} ${lanes} ${PLAIN}`)[i] ?? 1))
          return [contestant, spread(values), spread(values.map((value) => (value * bytes) / 1e6)), spread(share)]
        }),
      }),
    ),
  )
  const records: Table = {
    title: 'Steps of records, 64 at a time',
    columns: ['step', 'on the disk, 1/s', 'in memory, 1/s'],
    rows: ['accept', 'judge', 'sent'].map((step) => [step, spread(of(`disk ${step}`)), spread(of(`memory ${step}`))]),
  }
  const durable = median(of(`CT 1 ${OURS}`))
  const accepted = median(of('memory accept'))
  publishReport({
    name: 'gateway-storage',
    question: 'How many instances a second does the storage of a gateway take durably?',
    input: `made-up files in pieces of 64 KiB, a new folder each time; ${ROUNDS} rounds, all in turn; median (lowest–highest)`,
    tables: [...files, records],
    aims: [
      {
        aim: '200 CT instances a second, durable, one at a time',
        found: `${durable.toFixed(0)}/s`,
        isMet: durable >= 200,
      },
      {
        aim: '2,000 records accepted a second, in memory',
        found: `${accepted.toFixed(0)}/s`,
        isMet: accepted >= 2_000,
      },
    ],
    measurements: rates,
  })
}

await main()
