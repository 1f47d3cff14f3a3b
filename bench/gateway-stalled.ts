/**
 * How many images a second does a gateway get into a peer that answers late, by the number of its associations?
 *
 * 120 CT images of 0.53 MB, each a study of its own, to storescp +B --fork as Debian starts it, without TCP_NODELAY: its answers
 * leave in two writes, of which the second one waits. By storescu over one association, and by the gateway's sender over 1 to 8.
 *
 *   node bench/gateway-stalled.ts [ROUNDS]
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DimseSender } from '../packages/node/src/dimse/dimse-sender.ts'
import { copyOf, ct, ctNumbered, makeCtLoad, sendCopies, sendFolder } from './gateway-loads.ts'
import { type Running, roundFolder, storescp } from './gateway-receivers.ts'
import { median, publishReport, spread } from './log-report.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const COUNT = 120
const FIRST = 10_000
const PARALLEL = [1, 2, 4, 8] as const
const STORESCU = 'storescu'

const images = roundFolder(true)
const load = makeCtLoad(images, { name: 'CT', count: COUNT, associations: 1, first: FIRST })
const ways: Readonly<Record<string, (peer: Running) => Promise<void>>> = {
  [STORESCU]: ({ port, aet }) => sendFolder(port, aet, load.folders[0] as string),
  ...Object.fromEntries(PARALLEL.map((parallel) => [nameOf(parallel), (peer: Running) => send(peer, parallel)])),
}
const seconds: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((way) => [way, []]))
for (let round = -1; round < ROUNDS; round++) {
  for (const [way, run] of Object.entries(ways)) {
    const one = await measure(run)
    process.stderr.write(`${way}: ${one.toFixed(2)} s\n`)
    if (round >= 0) seconds[way]?.push(one)
  }
}
report()
rmSync(images, { recursive: true })

function nameOf(parallel: number): string {
  return `gateway's sender, ${parallel} ${parallel === 1 ? 'association' : 'associations'}`
}

async function measure(run: (peer: Running) => Promise<void>): Promise<number> {
  const folder = roundFolder(true)
  const peer = await storescp(true, ['--fork'], '0').start(join(folder, 'peer'))
  try {
    const start = performance.now()
    await run(peer)
    return (performance.now() - start) / 1000
  } finally {
    await peer.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function send(peer: Running, parallel: number): Promise<void> {
  const node = { host: '127.0.0.1', port: peer.port, calledAet: peer.aet, callingAet: 'BENCH' }
  const sender = new DimseSender(node, { parallel })
  const copies = Array.from({ length: COUNT }, (_, i) => copyOf(ctNumbered(FIRST + i), String(i)))
  await sendCopies(sender, copies)
  await sender.close()
}

function report(): void {
  const rates = Object.fromEntries(Object.entries(seconds).map(([way, all]) => [way, all.map((one) => COUNT / one)]))
  const reference = median(rates[STORESCU] ?? [])
  const best = median(rates[nameOf(4)] ?? []) / reference
  publishReport({
    name: 'gateway-stalled',
    question: 'How many images a second does a gateway get into a peer that answers late?',
    input: `${COUNT} CT of ${(ct.length / 1e6).toFixed(2)} MB, each a study of its own, to storescp +B --fork without TCP_NODELAY, in memory; ${ROUNDS} rounds, in turn`,
    tables: [
      {
        title: 'Sending',
        columns: ['', 'stored/s', 'storescu = 1'],
        rows: Object.entries(rates).map(([way, all]) => [way, spread(all), (median(all) / reference).toFixed(2)]),
      },
    ],
    aims: [{ aim: 'at least 3 times storescu by 4 associations', found: best.toFixed(2), isMet: best >= 3 }],
    remarks: [
      'A destination has 4 associations unless its routes say otherwise; images of one study go by one of them.',
    ],
    measurements: seconds,
  })
}
