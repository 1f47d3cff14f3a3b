/**
 * Log fault matrix: lets each step of a log's storage fail in turn, starts the log again, and holds it to its word.
 *
 * One cell is one step, {before, after} it took effect, and {the process dies there, only that step fails}. The same
 * scenario runs over any storage: a log that has a past, part of it durable and not integrated, is opened, takes entries
 * in waves with repetitions among them, publishes, and is closed. What happens next is the same in every cell:
 * everything acknowledged is at its place, nothing that was ever signed contradicts it, what was not acknowledged gets
 * one place when it is sent again, and the check of the log is clean.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { createHasher } from '@fiducial/core/formats/merkle/wasm-hasher.ts'
import { createNoteSigner } from '../keys/log-signer.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { type CustodyLog, type LogOptions, openCustodyLog } from '../services/log/custody-log.ts'
import type { Witnessing } from '../services/log/integrator.ts'
import type { LogPorts, NewEntry } from '../services/log/ports.ts'
import { files } from '../storage/log/durable.ts'
import { type Fault, type FaultMoment, FaultPlan, faultFiles, withFaults } from './log-faults.ts'
import { LogHistory } from './log-history.ts'
import { makeLogOptions, ORIGIN } from './log-site.ts'
import { makeStatementEntry } from './log-statements.ts'
import { LogWitness } from './log-witness-double.ts'

/** Ports of one process, and its end. */
export type OpenPorts = LogPorts & { close(): Promise<void> }

/** A storage that outlives the processes which use it. */
export interface Storage {
  /** A process that begins. */
  open(): Promise<OpenPorts>
  /** Another storage that holds the same. */
  copy(): Storage
}

export interface Cell {
  /** Such as `sequencer.append`. */
  readonly step: string
  /** Which call of it, from 1. */
  readonly call: number
  readonly moment: FaultMoment
  /** Whether the process dies there; otherwise only that step fails. */
  readonly isFinal: boolean
  /** Statements that were acknowledged before the log was started again. */
  readonly acknowledged: number
  /** Promises of an append, and how many of them were answered with an error. */
  readonly appends: number
  readonly refused: number
  /** Different checkpoints that were held against each other. */
  readonly checkpoints: number
}

/** Begins a process whose steps belong to a plan. */
export type Instrument = (storage: Storage, plan: FaultPlan) => Promise<OpenPorts>

/** Each call of a port is a step. */
export const portSteps: Instrument = async (storage, plan) => {
  const { close, ...ports } = await storage.open()
  const wrapped = Object.entries(ports).map(([name, port]) => [name, withFaults(name, port, plan)] as const)
  return { ...(Object.fromEntries(wrapped) as unknown as LogPorts), close }
}

/** Each call of the file system that changes something is a step. */
export const fileSteps: Instrument = async (storage, plan) => {
  const restore = faultFiles(files, plan)
  try {
    const ports = await storage.open()
    return { ...ports, close: () => ports.close().finally(restore) }
  } catch (error) {
    restore()
    throw error
  }
}

const PAST = 6
const UNINTEGRATED = 4
/** New statements of each wave. */
const WAVES = [1, 5, 60, 2, 140, 1, 81, 10] as const
/** After this wave somebody waits until it can be seen by all. */
const PUBLISHED_WAVE = 2
const WATCHDOG_MS = 60_000

const entry = (number: number): NewEntry => makeStatementEntry(`statement ${number}`, 60 + (number % 7) * 30)
const ENTRIES = Array.from({ length: PAST + UNINTEGRATED + WAVES.reduce((sum, wave) => sum + wave, 0) }, (_, i) =>
  entry(i),
)

export class FaultMatrix {
  readonly #instrument: Instrument
  readonly #past: Promise<Past>
  readonly #signer = makeSigner()
  readonly cells: Cell[] = []

  /** @param empty  a storage that holds nothing yet */
  constructor(instrument: Instrument, empty: Storage) {
    this.#instrument = instrument
    this.#past = makePast(empty, this.#signer)
  }

  /** The steps of a run without a fault, in order. */
  async steps(): Promise<readonly string[]> {
    const plan = new FaultPlan()
    await this.#run(plan)
    assert.equal(plan.hasStruck, false)
    return plan.steps
  }

  /** Runs a cell; undefined where this run had fewer such calls than the fault asks for. */
  async cell(fault: Required<Fault>): Promise<Cell | undefined> {
    const { name, step, moment, isFinal } = fault
    const plan = new FaultPlan(fault)
    const where = `call ${step + 1} of ${name} ${isFinal ? 'dies' : 'fails'} ${moment}`
    try {
      const outcome = await watched(where, () => this.#run(plan))
      if (!plan.hasStruck) return undefined
      const cell = { step: name, call: step + 1, moment, isFinal, ...outcome }
      this.cells.push(cell)
      return cell
    } catch (error) {
      if (error instanceof Error) error.message = `${where}: ${error.message}`
      throw error
    }
  }

  /** Runs the cells of every call that a run without a fault makes, or of so many calls of each kind, spread evenly. */
  async all(isFinal: boolean, callsOfEach = Number.POSITIVE_INFINITY): Promise<ReadonlyMap<string, number>> {
    const calls = new Map<string, number>()
    for (const name of await this.steps()) calls.set(name, (calls.get(name) ?? 0) + 1)
    for (const [name, count] of calls) {
      for (const step of spread(count, callsOfEach)) {
        for (const moment of ['before', 'after'] as const) {
          const cell = await this.cell({ name, step, moment, isFinal })
          // A run has fewer of some calls than the one that was counted; it has a first of each.
          if (cell === undefined && callsOfEach < count) await this.cell({ name, step: 0, moment, isFinal })
        }
      }
    }
    return calls
  }

  async #run(plan: FaultPlan): Promise<Pick<Cell, 'acknowledged' | 'appends' | 'refused' | 'checkpoints'>> {
    const past = await this.#past
    const storage = past.storage.copy()
    const history = new LogHistory(this.#signer, past.history)
    const witness = new LogWitness(this.#signer, past.witness)
    const witnessing = withFaults('witness', { cosign: witness.cosign.bind(witness) }, plan)
    const counts = { appends: 0, refused: 0 }
    try {
      const ports = await this.#instrument(storage, plan)
      await runScenario(ports, makeOptions(this.#signer, witnessing), history, counts).finally(() => ports.close())
    } catch (error) {
      // It could not be opened, or not be closed.
      if (!(error instanceof StoreError)) throw error
    }
    const { acknowledged } = history
    await checkRestart(storage, makeOptions(this.#signer, witness), history)
    assert.deepEqual(witness.violations, [])
    return { acknowledged, ...counts, checkpoints: history.checkpoints }
  }
}

/** Some of the numbers below `count`, spread evenly. */
function spread(count: number, some: number): readonly number[] {
  const wanted = Math.min(count, some)
  return Array.from({ length: wanted }, (_, i) => Math.floor(((i + 0.5) * count) / wanted))
}

/** What signs is not what fails here: one signature is enough, made in this thread, so that each run has the same steps. */
function makeSigner(): LogSigner {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { key } = createNoteSigner(ORIGIN, 'ed25519', privateKey, nativeCrypto.hash)
  return { origin: ORIGIN, ed25519: { key, sign: async (message) => new Uint8Array(sign(null, message, privateKey)) } }
}

const makeOptions = (signer: LogSigner, witnessing: Witnessing): LogOptions =>
  makeLogOptions(signer, {
    hasher: createHasher(nativeCrypto.hash),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    batchEntries: 32,
    witnessing,
  })

interface Past {
  readonly storage: Storage
  readonly history: LogHistory
  readonly witness: LogWitness
}

/** A log with some entries that are integrated, and some that are durable only. */
async function makePast(storage: Storage, signer: LogSigner): Promise<Past> {
  const history = new LogHistory(signer)
  const witness = new LogWitness(signer)
  const options = makeOptions(signer, witness)
  const ports = await storage.open()
  const log = await openCustodyLog(ports, options)
  await appendAll(log, ENTRIES.slice(0, PAST), history)
  history.see(await log.published(BigInt(PAST - 1)))
  await log.close()
  await ports.close()
  const next = await storage.open()
  const head = withFaults('head', next.head, new FaultPlan({ step: 0, name: 'head.compareAndSwap', moment: 'before' }))
  const cut = await openCustodyLog({ ...next, head }, options)
  await appendAll(cut, ENTRIES.slice(PAST, PAST + UNINTEGRATED), history)
  await assert.rejects(cut.close(), StoreError)
  await next.close()
  return { storage, history, witness }
}

/** Opens a log, sends entries in waves, and closes it. */
async function runScenario(
  ports: LogPorts,
  options: LogOptions,
  history: LogHistory,
  counts: { appends: number; refused: number },
): Promise<void> {
  const log = await openCustodyLog(ports, options)
  let first = PAST + UNINTEGRATED
  for (const [number, size] of WAVES.entries()) {
    const fresh = ENTRIES.slice(first, first + size)
    first += size
    // One of them twice, and two that were sent before.
    const wave = [...fresh, ENTRIES[first - 1], ENTRIES[number], ENTRIES[first - size - 1]] as NewEntry[]
    counts.appends += wave.length
    counts.refused += await appendAll(log, wave, history)
    if (number === PUBLISHED_WAVE) {
      const shown = log.published(log.state.size - 1n)
      await shown.then((note) => history.see(note)).catch(expectStoreError)
    }
    // The others have to share the thread with what is derived.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await log.close()
}

function expectStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error
}

/** Sends entries at once. @returns how many were refused */
async function appendAll(log: CustodyLog, entries: readonly NewEntry[], history: LogHistory): Promise<number> {
  const answers = await Promise.allSettled(entries.map((one) => log.append(one)))
  let refused = 0
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'fulfilled') {
      history.acknowledge(entries[i] as NewEntry, answer.value)
    } else {
      refused++
      expectStoreError(answer.reason)
    }
  }
  return refused
}

/** What a restart has to show, whatever happened before. */
async function checkRestart(storage: Storage, options: LogOptions, history: LogHistory): Promise<void> {
  const ports = await storage.open()
  for (const cell of [ports.head, ports.published]) {
    const note = await cell.read()
    if (note !== undefined) history.see(note)
  }
  const log = await openCustodyLog(ports, options)
  const acknowledged = new Set(ENTRIES.filter((one) => history.has(one)))
  assert.ok(log.state.size >= acknowledged.size, 'no acknowledged entry is lost')
  // Of those that are known, some: all of them are looked for in the end.
  const sent = ENTRIES.filter((one, i) => !acknowledged.has(one) || i % 8 === 0)
  const receipts = await Promise.all(sent.map((one) => log.append(one)))
  for (const [i, receipt] of receipts.entries()) {
    const one = sent[i] as NewEntry
    assert.ok(!(acknowledged.has(one) && receipt.isNew), `entry ${receipt.index} had been acknowledged`)
    history.acknowledge(one, receipt)
  }
  assert.equal(log.state.size, BigInt(ENTRIES.length), 'each statement has one place')
  const later = makeStatementEntry('the log goes on')
  const last = await log.append(later)
  history.acknowledge(later, last)
  history.see(await log.published(last.index))
  await history.checkNoFork(log, last.checkpoint)
  const report = await history.checkStored(ports)
  assert.equal(report.size, BigInt(ENTRIES.length + 1))
  await log.close()
  await ports.close()
}

/** Fails where a step hangs, and says which. */
async function watched<T>(what: string, step: () => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(WATCHDOG_MS)
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new assert.AssertionError({ message: `${what} hangs` }))
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([step(), promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The matrix as a table, one row a step. */
export function formatMatrix(cells: readonly Cell[]): string {
  const rows = [...Map.groupBy(cells, ({ step }) => step)].map(([step, of]) => {
    const count = (moment: FaultMoment, isFinal: boolean): number =>
      of.filter((cell) => cell.moment === moment && cell.isFinal === isFinal).length
    const sum = (field: 'acknowledged' | 'refused'): number => of.reduce((total, cell) => total + cell[field], 0)
    const calls = new Set(of.map(({ call }) => call)).size
    return [
      step,
      calls,
      count('before', true),
      count('after', true),
      count('before', false),
      count('after', false),
      sum('acknowledged'),
      sum('refused'),
    ]
  })
  const heads = ['step', 'calls', 'dies before', 'dies after', 'fails before', 'fails after', 'acknowledged', 'refused']
  const totals = heads.map((_, at) => (at === 0 ? 'all' : rows.reduce((sum, row) => sum + Number(row[at]), 0)))
  const lines = [heads, ...rows, totals].map((row) => row.map(String))
  const widths = heads.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines
    .map((line) =>
      line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
    )
    .join('\n')
}
