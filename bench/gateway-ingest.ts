/**
 * How fast does the gateway take images in by C-STORE, with flushing, hashing, verifying, sealing and logging on, beside DCMTK's
 * storescp and Orthanc?
 *
 * 500 CT images of 0.53 MB and 50 DX images of 15.1 MB, each with a UID of its own, sent by storescu over one association
 * (TCP_NODELAY on both sides); and CT over 64 associations at once. In memory, where processors count, and on the disk, where
 * flushing does: there Orthanc flushes, too, and storescp never does.
 *
 *   node bench/gateway-ingest.ts [ROUNDS]
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ct, type Load, makeCtLoad, makeDxLoad, sendFolder } from './gateway-loads.ts'
import { gateway, orthanc, type Receiver, roundFolder, storescp, type Use, useOf } from './gateway-receivers.ts'
import { type Aim, median, publishReport, spread } from './log-report.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const CT_COUNT = 500
const DX_COUNT = 50
const ASSOCIATIONS = 64

interface Measured {
  /** Until the last answer. */
  readonly seconds: number
  /** Until everything is judged, sealed and logged. */
  readonly settledSeconds: number
  readonly atAnswer: Use
  readonly atEnd: Use
}

const images = roundFolder(true)
/** Before the clock starts: a receiver in a hospital has run for weeks. */
const warmUp = makeCtLoad(images, { name: 'warm-up', count: 200, associations: 1, first: 50_000 })
const loads = {
  ct: makeCtLoad(images, { name: 'CT', count: CT_COUNT, associations: 1 }),
  dx: makeDxLoad(images, DX_COUNT),
  many: makeCtLoad(images, { name: 'CT over 64 associations', count: CT_COUNT, associations: ASSOCIATIONS }),
}

const inMemory: readonly Receiver[] = [gateway, storescp(true), storescp(false), orthanc(false)]
const onDisk: readonly Receiver[] = [gateway, storescp(true), orthanc(true)]
const results: Record<string, Record<string, Measured[]>> = {}
for (const [place, receivers, chosen] of [
  ['memory', inMemory, [loads.ct, loads.dx, loads.many]],
  ['disk', onDisk, [loads.ct, loads.dx]],
] as const) {
  for (const load of chosen) {
    const key = `${load.name}, ${place}`
    const measured: Record<string, Measured[]> = Object.fromEntries(receivers.map(({ name }) => [name, []]))
    results[key] = measured
    for (let round = -1; round < ROUNDS; round++) {
      for (const receiver of receivers) {
        const one = await measure(receiver, load, place === 'memory')
        process.stderr.write(
          `${key} ${receiver.name}: ${one.seconds.toFixed(2)} s, settled ${one.settledSeconds.toFixed(2)} s\n`,
        )
        if (round >= 0) measured[receiver.name]?.push(one)
      }
    }
  }
}
report()

async function measure(receiver: Receiver, load: Load, isInMemory: boolean): Promise<Measured> {
  const folder = roundFolder(isInMemory)
  const running = await receiver.start(join(folder, 'receiver'))
  try {
    await Promise.all(warmUp.folders.map((images) => sendFolder(running.port, running.aet, images)))
    await running.settle()
    const before = useOf(running.pid)
    const start = performance.now()
    await Promise.all(load.folders.map((images) => sendFolder(running.port, running.aet, images)))
    const seconds = (performance.now() - start) / 1000
    const atAnswer = since(before, useOf(running.pid))
    await running.settle()
    const settledSeconds = (performance.now() - start) / 1000
    return { seconds, settledSeconds, atAnswer, atEnd: since(before, useOf(running.pid)) }
  } finally {
    await running.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function since(before: Use, after: Use): Use {
  return { ...after, cpuSeconds: after.cpuSeconds - before.cpuSeconds }
}

function report(): void {
  const loadOf = (key: string): Load => Object.values(loads).find(({ name }) => key.startsWith(`${name},`)) as Load
  const rateOf = (key: string, name: string, of: (one: Measured) => number): number =>
    loadOf(key).count / median((results[key]?.[name] ?? []).map(of))
  const tables = Object.entries(results).map(([key, measured]) => {
    const { count, bytes } = loadOf(key)
    const gigabytes = bytes / 1e9
    return {
      title: `${key}: ${count} images, ${(bytes / 1e6).toFixed(0)} MB`,
      columns: [
        '',
        'acknowledged/s',
        'sealed and logged/s',
        'CPU-s/GB until acknowledged',
        'CPU-s/GB in all',
        'peak memory, MB',
      ],
      rows: Object.entries(measured).map(([name, all]) => [
        name,
        spread(all.map((one) => count / one.seconds)),
        name === 'gateway' ? spread(all.map((one) => count / one.settledSeconds)) : '',
        spread(all.map((one) => one.atAnswer.cpuSeconds / gigabytes)),
        spread(all.map((one) => one.atEnd.cpuSeconds / gigabytes)),
        spread(all.map((one) => one.atEnd.peakBytes / 1e6)),
      ]),
    }
  })
  const acknowledged = ({ seconds }: Measured): number => seconds
  const ratio = (key: string, name: string): number =>
    rateOf(key, 'gateway', acknowledged) / rateOf(key, name, acknowledged)
  const aim = (text: string, found: number, least: number): Aim => ({
    aim: text,
    found: found.toFixed(2),
    isMet: found >= least,
  })
  publishReport({
    name: 'gateway-ingest',
    question: 'How fast does the gateway take images in, everything on, beside storescp and Orthanc?',
    input: `500 CT of ${(ct.length / 1e6).toFixed(2)} MB and 50 DX of 15.1 MB by storescu over one association, CT also over 64, to receivers that have taken 200 before; ${ROUNDS} rounds, in turn`,
    tables,
    aims: [
      aim('at least 2 times Orthanc, CT in memory', ratio('CT, memory', 'Orthanc'), 2),
      aim('at least 2 times Orthanc, DX in memory', ratio('DX, memory', 'Orthanc'), 2),
      aim('at least 3 times Orthanc where both flush, CT', ratio('CT, disk', 'Orthanc, flushing'), 3),
      aim('at least 0.75 times storescp with signing and record, CT in memory', ratio('CT, memory', 'storescp'), 0.75),
      aim('at least 0.9 times storescp +B, CT in memory', ratio('CT, memory', 'storescp +B'), 0.9),
    ],
    remarks: [
      'The gateway acknowledges when file and record are durable; what it does then (verdict, seal, log) runs beside what comes next, on the same two processors. storescp neither flushes nor keeps a record.',
    ],
    measurements: results,
  })
}
