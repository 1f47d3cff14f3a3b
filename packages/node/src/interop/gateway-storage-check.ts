/** Gateway storage check: starts workers of gateway-storage-worker.ts, ends them, and holds what they were told against what is there. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { InstanceStore, StoredInstance } from '../services/gateway/ports.ts'
import { collect } from '../testing/log-contracts/harness.ts'
import { DESTINATIONS, isWhole, openInstances, openSpool } from './gateway-storage-worker.ts'

const PROGRAM = fileURLToPath(new URL('./gateway-storage-worker.ts', import.meta.url))
const PAGE = 1_000

/** What workers were told so far, of one folder. */
export class StorageHistory {
  readonly accepted = new Set<string>()
  readonly judged = new Set<string>()
  readonly sent = new Set<string>()
  readonly refused = new Map<string, number>()

  note(line: string): void {
    const [word = '', ...rest] = line.split(' ')
    const value = rest.join(' ')
    if (word === 'accepted') this.accepted.add(value)
    else if (word === 'judged') this.judged.add(value)
    else if (word === 'sent') this.sent.add(value)
    else if (word === 'refused') this.refused.set(value, (this.refused.get(value) ?? 0) + 1)
  }
}

/** Ends a worker at once, and what it was started under. */
export function killWorker({ pid }: ChildProcess): void {
  // Each is a group of processes of its own.
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}

export interface RunningWorker {
  readonly process: ChildProcess
  /** With what it wrote to stderr. */
  readonly ended: Promise<{ readonly signal: NodeJS.Signals | null; readonly stderr: string }>
}

/**
 * @param onLine  is told each line that the worker prints, after it was noted
 * @param under  a command that starts it, such as strace
 */
export function startWorker(
  args: readonly string[],
  history: StorageHistory,
  onLine: (line: string, child: ChildProcess) => void = () => undefined,
  under: readonly string[] = [],
): RunningWorker {
  const [program = '', ...words] = [
    ...under,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    PROGRAM,
    ...args,
  ]
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let [rest, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      history.note(line)
      onLine(line, child)
    }
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<{ signal: NodeJS.Signals | null; stderr: string }>((resolve) => {
    child.once('close', (_, signal) => resolve({ signal, stderr }))
  })
  return { process: child, ended }
}

export interface StorageReport {
  readonly instances: number
  /** Records that were taken back, and files without a record that were removed. */
  readonly withdrawn: number
  readonly removed: number
  readonly swept: number
}

/** Recovers as a gateway does, and checks all that was promised. */
export async function checkStorage(
  folder: string,
  history: StorageHistory,
  [name, url]: readonly [name: string, url?: string],
): Promise<StorageReport> {
  const [spool, store] = [await openSpool(folder), await openInstances(folder, name, url)]
  try {
    const swept = await spool.sweep()
    let withdrawn = 0
    const all: StoredInstance[] = []
    for (const instance of await listAll(store)) {
      const whole = await isWhole(spool, instance)
      if (whole) {
        all.push(instance)
        continue
      }
      assert.equal(instance.state, 'received', 'only what nobody was told of may be cut short')
      assert.ok(!history.accepted.has(instance.id), `${instance.id} was acknowledged and is not whole`)
      await store.withdraw(instance.id)
      await spool.remove(instance.spoolKey)
      withdrawn++
    }
    let removed = 0
    for (const key of await collect(spool.list())) {
      if (await store.knowsKey(key)) continue
      await spool.remove(key)
      removed++
    }
    checkStates(all, history)
    await checkEvents(store, all, history)
    assert.equal((await collect(spool.list())).length, all.length, 'a file for each record, and no other')
    assert.equal(await spool.sweep(), 0)
    return { instances: all.length, withdrawn, removed, swept }
  } finally {
    await store.close()
    await spool.close()
  }
}

async function listAll(store: InstanceStore): Promise<readonly StoredInstance[]> {
  const all: StoredInstance[] = []
  for (;;) {
    const after = all.at(-1)?.id
    const page = await store.list({ limit: PAGE, ...(after === undefined ? {} : { after }) })
    all.push(...page)
    if (page.length < PAGE) return all
  }
}

function checkStates(all: readonly StoredInstance[], { accepted, judged, sent }: StorageHistory): void {
  const known = new Map(all.map((instance) => [instance.id, instance]))
  for (const id of accepted) assert.ok(known.has(id), `${id} was acknowledged and is lost`)
  for (const id of judged) assert.notEqual(known.get(id)?.state, 'received', `${id} was judged`)
  for (const line of sent) {
    const [id = '', destination] = line.split(' ')
    const delivery = known.get(id)?.deliveries.find((each) => each.destination === destination)
    assert.equal(delivery?.state, 'sent', line)
  }
  for (const { state, deliveries } of all) {
    if (state === 'received') assert.equal(deliveries.length, 0)
    else assert.equal(deliveries.length, DESTINATIONS.length)
    const isSent = deliveries.length > 0 && deliveries.every((delivery) => delivery.state === 'sent')
    assert.equal(state === 'done', isSent)
  }
}

/** Each step has told of itself exactly once, and those of one order in its order. */
async function checkEvents(
  store: InstanceStore,
  all: readonly StoredInstance[],
  history: StorageHistory,
): Promise<void> {
  const events = (await store.pendingEvents(1_000_000)).map(({ news }) => news)
  assert.equal(new Set(events).size, events.length, 'no event twice')
  const expected = all.flatMap(({ id, state, deliveries }) => [
    `accepted ${id}`,
    ...(state === 'received' ? [] : [`judged ${id}`]),
    ...deliveries.filter((delivery) => delivery.state === 'sent').map(({ destination }) => `sent ${id} ${destination}`),
  ])
  assert.deepEqual(events.toSorted(), expected.toSorted())
  for (const line of history.sent) assert.ok(events.includes(`sent ${line}`))
  const orders = new Map(all.map(({ id, orderKey }) => [id, orderKey]))
  const last = new Map<string, string>()
  for (const event of events) {
    const [word, id = '', destination] = event.split(' ')
    if (word !== 'sent') continue
    const lane = `${destination} ${orders.get(id)}`
    assert.ok((last.get(lane) ?? '') < id, `${lane} is in its order`)
    last.set(lane, id)
  }
}
