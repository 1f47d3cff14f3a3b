/**
 * How fast does the gateway take images in by STOW-RS, everything on, beside Orthanc, and how much memory does it take for it?
 *
 * 500 CT images of 0.53 MB, ten to a request, over two connections, by the same client to both, in memory, after 200 others. Then
 * one request of 2 GB, for memory.
 *
 *   node bench/gateway-stow.ts [ROUNDS]
 */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { makeDx } from './fixtures.ts'
import { ct, ctNumbered } from './gateway-loads.ts'
import { gateway, orthanc, type Receiver, type Running, roundFolder, useOf } from './gateway-receivers.ts'
import { median, publishReport, spread } from './log-report.ts'

const ROUNDS = Number(process.argv[2] ?? 3)
const COUNT = 500
const PER_REQUEST = 10
const CONNECTIONS = 2
const LARGE_PARTS = 132
const BOUNDARY = 'fiducial-bench'

interface Measured {
  readonly seconds: number
  readonly settledSeconds: number
  readonly cpuSeconds: number
  readonly settledCpuSeconds: number
  readonly peakBytes: number
}

const agent = new Agent({ keepAlive: true })
const images = Array.from({ length: COUNT }, (_, i) => ctNumbered(10_000 + i))
/** Before the clock starts: a receiver in a hospital has run for weeks. */
const warmUp = Array.from({ length: 200 }, (_, i) => ctNumbered(50_000 + i))

const receivers: readonly Receiver[] = [gateway, orthanc(false)]
const measured = new Map<string, Measured[]>(receivers.map(({ name }) => [name, []]))
for (let round = -1; round < ROUNDS; round++) {
  for (const receiver of receivers) {
    const one = await withReceiver(receiver, measureMany)
    process.stderr.write(`${receiver.name}: ${one.seconds.toFixed(2)} s\n`)
    if (round >= 0) measured.get(receiver.name)?.push(one)
  }
}
const large = new Map<string, number>()
for (const receiver of receivers) large.set(receiver.name, await withReceiver(receiver, measureLarge))
report()

async function withReceiver<T>(receiver: Receiver, measure: (running: Running) => Promise<T>): Promise<T> {
  const folder = roundFolder(true)
  const running = await receiver.start(join(folder, 'receiver'))
  try {
    return await measure(running)
  } finally {
    await running.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureMany(running: Running): Promise<Measured> {
  await storeAll(running, warmUp)
  await running.settle()
  const before = useOf(running.pid)
  const start = performance.now()
  await storeAll(running, images)
  const seconds = (performance.now() - start) / 1000
  const answered = useOf(running.pid)
  await running.settle()
  const settledSeconds = (performance.now() - start) / 1000
  const { cpuSeconds, peakBytes } = useOf(running.pid)
  return {
    seconds,
    settledSeconds,
    cpuSeconds: answered.cpuSeconds - before.cpuSeconds,
    settledCpuSeconds: cpuSeconds - before.cpuSeconds,
    peakBytes,
  }
}

/** Stores images over some connections, some to a request. */
async function storeAll(running: Running, all: readonly Uint8Array[]): Promise<void> {
  let next = 0
  const connection = async (): Promise<void> => {
    while (next < all.length) {
      const from = next
      next += PER_REQUEST
      await store(running, all.slice(from, from + PER_REQUEST))
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
}

/** Peak of memory over one request of 2 GB, less what was there before. */
async function measureLarge(running: Running): Promise<number> {
  const before = useOf(running.pid).peakBytes
  const image = makeDx(1)
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < LARGE_PARTS; i++) {
      yield head()
      yield Buffer.from(
        Buffer.from(image)
          .toString('latin1')
          .replace('2.25.2', `2.25.${3 + (i % 7)}`),
        'latin1',
      )
    }
    yield tail()
  }
  await post(running, body())
  return useOf(running.pid).peakBytes - before
}

async function store(running: Running, parts: readonly Uint8Array[]): Promise<void> {
  await post(running, [...parts.flatMap((part) => [head(), part]), tail()])
}

/** By node:http, piece by piece: fetch costs the client more than some receivers. */
async function post(running: Running, body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const sending = request(`${running.url}/studies`, {
    method: 'POST',
    agent,
    headers: {
      ...running.headers,
      'content-type': `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`,
      accept: 'application/dicom+json',
    },
  })
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>
  for await (const piece of body) if (!sending.write(piece)) await once(sending, 'drain')
  sending.end()
  const [response] = await answered
  response.resume()
  await once(response, 'end')
  if (response.statusCode !== 200 && response.statusCode !== 202) throw new Error(`stored with ${response.statusCode}`)
}

function head(): Buffer {
  return Buffer.from(`\r\n--${BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n`)
}

function tail(): Buffer {
  return Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
}

function report(): void {
  const gigabytes = (ct.length * COUNT) / 1e9
  const of = (name: string): readonly Measured[] => measured.get(name) ?? []
  const ratio =
    median(of('Orthanc').map(({ seconds }) => seconds)) / median(of('gateway').map(({ seconds }) => seconds))
  const largeOurs = (large.get('gateway') ?? 0) / 1e6
  publishReport({
    name: 'gateway-stow',
    question: 'How fast does the gateway take images in by STOW-RS, beside Orthanc?',
    input: `500 CT of ${(ct.length / 1e6).toFixed(2)} MB, ten to a request, two connections, in memory, to receivers that have taken 200 before; ${ROUNDS} rounds, in turn`,
    tables: [
      {
        title: 'Storing',
        columns: [
          '',
          'stored/s',
          'sealed and logged/s',
          'CPU-s/GB until answered',
          'CPU-s/GB in all',
          'peak memory, MB',
          'more for a request of 2 GB, MB',
        ],
        rows: receivers.map(({ name }) => [
          name,
          spread(of(name).map(({ seconds }) => COUNT / seconds)),
          name === 'gateway' ? spread(of(name).map(({ settledSeconds }) => COUNT / settledSeconds)) : '',
          spread(of(name).map(({ cpuSeconds }) => cpuSeconds / gigabytes)),
          spread(of(name).map(({ settledCpuSeconds }) => settledCpuSeconds / gigabytes)),
          spread(of(name).map(({ peakBytes }) => peakBytes / 1e6)),
          ((large.get(name) ?? 0) / 1e6).toFixed(0),
        ]),
      },
    ],
    aims: [
      { aim: 'at least 3 times Orthanc', found: ratio.toFixed(2), isMet: ratio >= 3 },
      { aim: 'less than 120 MB more, whatever the size', found: `${largeOurs.toFixed(0)} MB`, isMet: largeOurs < 120 },
    ],
    measurements: { many: Object.fromEntries(measured), large: Object.fromEntries(large) },
  })
}
