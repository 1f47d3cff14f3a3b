/**
 * How long does an image take to get through a gateway that seals it, relayed or by the spool, beside sending it directly?
 *
 * 500 CT images of 0.53 MB and 50 DX images of 15.1 MB by storescu over one association, to storescp +B: directly, through the
 * gateway with a route that relays, and through the gateway by its spool; each until everything is there. Then single
 * images, from the first byte that is sent to the answer of storescp, as a tap in front of it sees it.
 *
 *   node bench/gateway-relay.ts [ROUNDS]
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DimseSender } from '../packages/node/src/dimse/dimse-sender.ts'
import { copyOf, type Load, makeCtLoad, makeDxLoad, sendCopies, sendFolder } from './gateway-loads.ts'
import { gatewayWith, type Receiver, type Running, roundFolder, storescp } from './gateway-receivers.ts'
import { median, publishReport, spread } from './log-report.ts'
import { Tap } from './tap.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const CT_COUNT = 500
const DX_COUNT = 50
/** Images of which each is sent when the one before has arrived. */
const SINGLES = 20
/** Of the gateway to the destination: relayed images wait for their verdict over one each. */
const ASSOCIATIONS = 16
const REST_MS = 30

const WAYS = ['directly', 'relayed', 'by the spool'] as const
type Way = (typeof WAYS)[number]

interface Measured {
  readonly acknowledgedSeconds: number
  readonly arrivedSeconds: number
  /** Part of the images that were relayed; null where there is no gateway. */
  readonly relayed: number | null
}

const images = roundFolder(true)
const loads: readonly Load[] = [
  makeCtLoad(images, { name: 'CT', count: CT_COUNT, associations: 1 }),
  makeDxLoad(images, DX_COUNT),
]
const single = makeCtLoad(images, { name: 'single CT', count: SINGLES, associations: SINGLES })

const throughput: Record<string, Record<Way, Measured[]>> = {}
for (const load of loads) {
  const measured: Record<Way, Measured[]> = { directly: [], relayed: [], 'by the spool': [] }
  throughput[load.name] = measured
  for (let round = -1; round < ROUNDS; round++) {
    for (const way of WAYS) {
      const one = await measure(way, load)
      const { acknowledgedSeconds, arrivedSeconds, relayed } = one
      process.stderr.write(
        `${load.name} ${way}: ${acknowledgedSeconds.toFixed(2)} s, arrived ${arrivedSeconds.toFixed(2)} s${relayed === null ? '' : `, ${(100 * relayed).toFixed(0)} % relayed`}\n`,
      )
      if (round >= 0) measured[way].push(one)
    }
  }
}
const waits: Record<Way, number[]> = { directly: [], relayed: [], 'by the spool': [] }
for (const way of WAYS) {
  waits[way].push(...(await measureSingles(way, single)))
  process.stderr.write(`single CT ${way}: ${median(waits[way]).toFixed(1)} ms\n`)
}
report()

async function measure(way: Way, load: Load): Promise<Measured> {
  return through(way, undefined, async (first) => {
    const start = performance.now()
    await Promise.all(load.folders.map((folder) => sendFolder(first.port, first.aet, folder)))
    const acknowledgedSeconds = (performance.now() - start) / 1000
    await first.settle()
    const arrivedSeconds = (performance.now() - start) / 1000
    return { acknowledgedSeconds, arrivedSeconds, relayed: await partRelayed(first, load.count) }
  })
}

/** Milliseconds from the moment at which each image begins to be sent to the answer of the destination. */
async function measureSingles(way: Way, load: Load): Promise<readonly number[]> {
  const tap = new Tap()
  return through(way, tap, async (first) => {
    const port = way === 'directly' ? tap.port : first.port
    const sender = new DimseSender(
      { host: '127.0.0.1', port, calledAet: first.aet, callingAet: 'BENCH' },
      { parallel: 1 },
    )
    const found: number[] = []
    for (const folder of load.folders) {
      const [name = ''] = readdirSync(folder)
      await pause(REST_MS)
      const answered = tap.next()
      const begun = await sendOne(sender, readFileSync(join(folder, name)))
      found.push((await answered) - begun)
      await first.settle()
    }
    await sender.close()
    // The first one opens associations and starts the threads that examine.
    return found.slice(1)
  })
}

/** @returns when its first byte was sent */
async function sendOne(sender: DimseSender, bytes: Uint8Array): Promise<number> {
  let begun = 0
  const copy = copyOf(bytes, '', () => {
    begun = performance.now()
  })
  await sendCopies(sender, [copy])
  return begun
}

/** Runs a measurement over a destination that was just started, and a gateway in front of it where there is to be one. */
async function through<T>(way: Way, tap: Tap | undefined, run: (first: Running) => Promise<T>): Promise<T> {
  const folder = roundFolder(true)
  const pacs = await storescp(true, ['--fork']).start(join(folder, 'pacs'))
  await tap?.open(pacs.port)
  const receiver = gatewayFor(way, tap?.port ?? pacs.port)
  const gateway = await receiver?.start(join(folder, 'gateway'))
  try {
    return await run(gateway ?? pacs)
  } finally {
    await gateway?.stop()
    tap?.close()
    await pacs.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function gatewayFor(way: Way, port: number): Receiver | undefined {
  if (way === 'directly') return undefined
  const relay = way === 'relayed' ? 'relay: pacs, ' : ''
  return gatewayWith(
    `gateway, ${way}`,
    `destinations: { pacs: { aet: BENCH, host: 127.0.0.1, port: ${port}, associations: ${ASSOCIATIONS} } }
routes: [{ name: all, ${relay}to: [pacs] }]
`,
  )
}

async function partRelayed({ url, headers }: Running, count: number): Promise<number | null> {
  if (url === undefined) return null
  const text = await (await fetch(new URL('/metrics', url), { headers: headers ?? {} })).text()
  const [, relayed = '0'] = /^fiducial_relays_total\{[^}]*outcome="relayed"[^}]*\} (\d+)$/m.exec(text) ?? []
  return Number(relayed) / count
}

function report(): void {
  const arrived = (load: string, way: Way): number =>
    median((throughput[load]?.[way] ?? []).map(({ arrivedSeconds }) => arrivedSeconds))
  const tables = loads.map(({ name, count, bytes }) => ({
    title: `${name}: ${count} images, ${(bytes / 1e6).toFixed(0)} MB`,
    columns: ['', 'acknowledged/s', 'arrived/s', 'relayed, %'],
    rows: WAYS.map((way) => {
      const all = throughput[name]?.[way] ?? []
      return [
        way,
        spread(all.map(({ acknowledgedSeconds }) => count / acknowledgedSeconds)),
        spread(all.map(({ arrivedSeconds }) => count / arrivedSeconds)),
        way === 'directly' ? '' : spread(all.map(({ relayed }) => 100 * (relayed ?? 0))),
      ]
    }),
  }))
  const aims = loads.map(({ name }) => {
    const found = arrived(name, 'directly') / arrived(name, 'relayed')
    return { aim: `relayed at least 0.5 times directly, ${name}`, found: found.toFixed(2), isMet: found >= 0.5 }
  })
  publishReport({
    name: 'gateway-relay',
    question: 'How long does an image take to get through a gateway that seals it, relayed or by the spool?',
    input: `500 CT of 0.53 MB and 50 DX of 15.1 MB by storescu over one association to storescp +B --fork, in memory; ${ROUNDS} rounds, in turn`,
    tables: [
      ...tables,
      {
        title: 'One CT image: from its first byte to the answer of storescp',
        columns: ['', 'ms'],
        rows: WAYS.map((way) => [way, spread(waits[way])]),
      },
    ],
    aims,
    remarks: [
      'Sender, gateway and destination share the processors. The gateway has file and record durable, and the image examined, sealed and logged, before the destination gets its end.',
    ],
    measurements: { throughput, waits },
  })
}
