/**
 * How long is it from the first byte of an image to its verdict: of one that comes alone, and of those in a burst?
 *
 * The gateway's own clock: from the first byte to the answer (`fiducial_receive_seconds`), and from there to the verdict.
 *
 *   node bench/gateway-verdict.ts [ROUNDS]
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Load, makeCtLoad, makeDxLoad, sendFolder } from './gateway-loads.ts'
import { gateway, type Running, roundFolder } from './gateway-receivers.ts'
import { median, publishReport } from './log-report.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const ALONE = 30

interface Measured {
  /** From the first byte to the answer, mean. */
  readonly receiveMs: number
  /** From the answer to the verdict, each. */
  readonly judgeMs: readonly number[]
}

const images = roundFolder(true)
const warmUp = makeCtLoad(images, { name: 'warm-up', count: 100, associations: 1, first: 50_000 })
const loads: readonly (Load & { readonly isAlone: boolean })[] = [
  { ...makeCtLoad(images, { name: 'CT, one at a time', count: ALONE, associations: ALONE }), isAlone: true },
  { ...makeCtLoad(images, { name: 'CT, 500 in one association', count: 500, associations: 1 }), isAlone: false },
  { ...makeDxLoad(images, 50), name: 'DX, 50 in one association', isAlone: false },
]

const results: Record<string, Measured[]> = {}
for (const load of loads) {
  const all: Measured[] = []
  results[load.name] = all
  for (let round = 0; round < ROUNDS; round++) all.push(await measure(load))
}
report()

async function measure({ folders, isAlone }: (typeof loads)[number]): Promise<Measured> {
  const folder = roundFolder(true)
  const running = await gateway.start(join(folder, 'receiver'))
  try {
    for (const before of warmUp.folders) await sendFolder(running.port, running.aet, before)
    await running.settle()
    const [since, earlier] = [new Date().toISOString(), await received(running)]
    for (const each of folders) {
      await sendFolder(running.port, running.aet, each)
      if (isAlone) await running.settle()
    }
    await running.settle()
    const after = await received(running)
    return {
      receiveMs: (1000 * (after.seconds - earlier.seconds)) / (after.count - earlier.count),
      judgeMs: await judgedSince(running, since),
    }
  } finally {
    await running.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Time from first bytes to answers so far, and of how many. */
async function received({ url = '', headers }: Running): Promise<{ readonly seconds: number; readonly count: number }> {
  const text = await (await fetch(new URL('/metrics', url), { headers: { ...headers } })).text()
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^fiducial_receive_seconds_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    )
  return { seconds: sum('sum'), count: sum('count') }
}

async function judgedSince({ url = '', headers }: Running, since: string): Promise<readonly number[]> {
  const path = new URL(`/api/v1/instances?limit=1000&since=${since}`, url)
  const { instances } = (await (await fetch(path, { headers: { ...headers } })).json()) as {
    readonly instances: readonly { readonly receivedAt: string; readonly judgedAt: string }[]
  }
  return instances.map(({ receivedAt, judgedAt }) => Date.parse(judgedAt) - Date.parse(receivedAt))
}

function report(): void {
  const at = (sorted: readonly number[], part: number): string => `${sorted[Math.floor(part * (sorted.length - 1))]}`
  const rows = Object.entries(results).map(([name, all]) => {
    const sorted = all.flatMap(({ judgeMs }) => judgeMs).toSorted((a, b) => a - b)
    const receive = median(all.map(({ receiveMs }) => receiveMs))
    return [name, receive.toFixed(1), at(sorted, 0.5), at(sorted, 0.95), at(sorted, 1)]
  })
  const columns = ['', 'first byte to answer, mean', 'answer to verdict, median', '95 of 100', 'longest']
  publishReport({
    name: 'gateway-verdict',
    question: 'How long is it from the first byte of an image to its verdict?',
    input: `${ALONE} CT of 0.53 MB one at a time, 500 CT and 50 DX of 15.1 MB in one association, by storescu, in memory; ${ROUNDS} rounds`,
    tables: [{ title: 'Milliseconds', columns, rows }],
    remarks: [
      'In a burst senders go first: examination begins when nothing has come in for a moment, or after two and a half seconds. What is examined is verified and, here, sealed.',
    ],
    measurements: results,
  })
}
