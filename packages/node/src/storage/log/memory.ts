/**
 * Memory: all ports of a custody log in the memory of one process. For tests, and for logs that are made to be looked
 * at once.
 *
 * State and adapters are apart: several adapters over one {@link MemoryState} stand for several processes over one
 * storage, and an adapter that is made anew stands for a restart.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type {
  CheckpointCell,
  Claim,
  ImmutableStore,
  Job,
  JobQueue,
  MapHead,
  MapStore,
  NewEntry,
  RecordQuery,
  RecordStore,
  SequencedBatch,
  Sequencer,
  StoredObject,
} from '../../services/log/ports.ts'
import { checkBatch, checkQuery } from './check-batch.ts'
import { checkObjectPath, checkPartialPath } from './object-path.ts'

/** What survives a restart. */
export interface MemoryState {
  fence: bigint
  size: bigint
  released: bigint
  batches: SequencedBatch[]
  readonly entries: MemoryEntry[]
  /** Identity in hexadecimal to index. */
  readonly identities: Map<string, bigint>
  readonly objects: Map<string, Uint8Array>
  /** Checkpoints by the name of their cell. */
  readonly cells: Map<string, string>
  readonly jobs: Map<string, MemoryJob>
  readonly nodes: Map<string, Uint8Array>
  head: MapHead | undefined
}

interface MemoryEntry {
  readonly entry: NewEntry
  readonly isErased: boolean
}

interface MemoryJob extends Omit<Job, 'attempt'> {
  readonly attempt: number
  readonly due: number
  readonly state: 'waiting' | 'claimed' | 'done'
}

/** All ports of a log. */
export interface MemoryLog {
  readonly sequencer: MemorySequencer
  readonly objects: MemoryObjects
  /** Where recovery begins. */
  readonly head: MemoryCheckpointCell
  /** What others may see. */
  readonly published: MemoryCheckpointCell
  readonly records: MemoryRecordStore
  readonly jobs: MemoryJobQueue
  readonly map: MemoryMapStore
}

export function createMemoryState(): MemoryState {
  return {
    fence: 0n,
    size: 0n,
    released: 0n,
    batches: [],
    entries: [],
    identities: new Map(),
    objects: new Map(),
    cells: new Map(),
    jobs: new Map(),
    nodes: new Map(),
    head: undefined,
  }
}

/** Adapters over a state, which others may be used over at the same time. */
export function openMemoryLog(state: MemoryState = createMemoryState()): MemoryLog {
  return {
    sequencer: new MemorySequencer(state),
    objects: new MemoryObjects(state),
    head: new MemoryCheckpointCell(state, 'head'),
    published: new MemoryCheckpointCell(state, 'published'),
    records: new MemoryRecordStore(state),
    jobs: new MemoryJobQueue(state),
    map: new MemoryMapStore(state),
  }
}

/** Admits any number of holders: the last to claim fences the others off. */
export class MemorySequencer implements Sequencer {
  readonly #state: MemoryState
  #isClosed = false

  constructor(state: MemoryState) {
    this.#state = state
  }

  async claim(): Promise<Claim> {
    this.#isClosed = false
    this.#state.fence++
    return { fence: this.#state.fence, size: this.#state.size }
  }

  async append(batch: SequencedBatch, fence: bigint): Promise<void> {
    checkBatch(batch)
    const state = this.#state
    if (this.#isClosed) throw new StoreError('log_stopped', 'the sequencer is closed')
    if (fence !== state.fence || fence === 0n) throw new StoreError('fence_lost', 'somebody else has claimed the log')
    if (batch.first !== state.size) {
      throw new StoreError('checkpoint_moved', `the log has ${state.size} entries, not ${batch.first}`)
    }
    const copy = copyBatch(batch)
    state.batches.push(copy)
    for (const entry of copy.entries) {
      state.identities.set(hex(entry.identity), state.size)
      state.entries.push({ entry, isErased: false })
      state.size++
    }
  }

  async find(identities: readonly Uint8Array[]): Promise<readonly (bigint | undefined)[]> {
    return identities.map((identity) => this.#state.identities.get(hex(identity)))
  }

  async *read(from: bigint): AsyncGenerator<SequencedBatch, void, undefined> {
    const { released, batches } = this.#state
    if (from < released) throw new StoreError('log_corrupted', `entries below ${released} were released`)
    for (const batch of [...batches]) {
      if (batch.first + BigInt(batch.entries.length) > from) yield copyBatch(this.#asItIsNow(batch))
    }
  }

  async release(size: bigint): Promise<void> {
    const state = this.#state
    if (size > state.size) throw new RangeError(`the log has ${state.size} entries, so ${size} cannot be released`)
    if (size <= state.released) return
    state.released = size
    state.batches = state.batches.filter(({ first, entries }) => first + BigInt(entries.length) > size)
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  /** Without what was erased since. */
  #asItIsNow(batch: SequencedBatch): SequencedBatch {
    const entries = batch.entries.map((entry, i) => this.#state.entries[Number(batch.first) + i]?.entry ?? entry)
    return { ...batch, entries }
  }
}

export class MemoryRecordStore implements RecordStore {
  readonly #state: MemoryState

  constructor(state: MemoryState) {
    this.#state = state
  }

  async payload(index: bigint): Promise<Uint8Array | 'erased' | undefined> {
    const found = this.#state.entries[Number(index)]
    return found?.isErased === true ? 'erased' : copyOf(found?.entry.payload)
  }

  async find(query: RecordQuery): Promise<readonly bigint[]> {
    checkQuery(query)
    const { term, from = 0n, to, limit, order } = query
    const found: bigint[] = []
    for (const [i, { entry }] of this.#state.entries.entries()) {
      const index = BigInt(i)
      if (index < from || (to !== undefined && index >= to)) continue
      if (entry.terms.some(({ kind, value }) => kind === term.kind && value === term.value)) found.push(index)
    }
    return (order === 'newest_first' ? found.reverse() : found).slice(0, limit)
  }

  async erase(index: bigint): Promise<boolean> {
    const found = this.#state.entries[Number(index)]
    if (found === undefined || found.isErased) return false
    const { payload, ...rest } = found.entry
    const terms = rest.terms.filter(({ kind }) => kind === 'type')
    if (payload === undefined && terms.length === rest.terms.length) return false
    this.#state.entries[Number(index)] = { entry: { ...rest, terms }, isErased: true }
    payload?.fill(0)
    return true
  }

  async settle(): Promise<void> {}
}

export class MemoryObjects implements ImmutableStore {
  readonly #state: MemoryState

  constructor(state: MemoryState) {
    this.#state = state
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    checkObjectPath(path)
    return copyOf(this.#state.objects.get(path))
  }

  async putOnce(path: string, bytes: Uint8Array): Promise<void> {
    checkObjectPath(path)
    const { objects } = this.#state
    const there = objects.get(path)
    if (there === undefined) objects.set(path, bytes.slice())
    else if (hex(there) !== hex(bytes)) throw new StoreError('object_conflict', 'an object is there with other bytes')
  }

  async putAll(objects: readonly StoredObject[]): Promise<void> {
    for (const { path } of objects) checkObjectPath(path)
    for (const { path, bytes } of objects) await this.putOnce(path, bytes)
  }

  async removePartial(path: string): Promise<void> {
    checkPartialPath(path)
    this.#state.objects.delete(path)
  }
}

export class MemoryCheckpointCell implements CheckpointCell {
  readonly #cells: Map<string, string>
  readonly #name: string

  /** @param name  which of the cells of the log */
  constructor({ cells }: MemoryState, name: string) {
    this.#cells = cells
    this.#name = name
  }

  async read(): Promise<string | undefined> {
    return this.#cells.get(this.#name)
  }

  async compareAndSwap(expected: string | undefined, next: string): Promise<void> {
    if (this.#cells.get(this.#name) !== expected) {
      throw new StoreError('checkpoint_moved', 'another checkpoint is current')
    }
    this.#cells.set(this.#name, next)
  }
}

export class MemoryJobQueue implements JobQueue {
  readonly #state: MemoryState

  constructor(state: MemoryState) {
    this.#state = state
  }

  async enqueue({ kind, key, body }: Pick<Job, 'kind' | 'key' | 'body'>, notBefore?: Date): Promise<void> {
    const { jobs } = this.#state
    const id = JSON.stringify([kind, key])
    if (jobs.has(id)) return
    jobs.set(id, { id, kind, key, body: body.slice(), attempt: 0, due: notBefore?.getTime() ?? 0, state: 'waiting' })
  }

  async claim(kinds: readonly string[], now: Date, leaseMs: number): Promise<Job | undefined> {
    const at = now.getTime()
    const due = [...this.#state.jobs.values()]
      .filter((job) => job.state !== 'done' && kinds.includes(job.kind) && job.due <= at)
      .reduce<MemoryJob | undefined>(
        (first, job) => (first === undefined || job.due < first.due ? job : first),
        undefined,
      )
    if (due === undefined) return undefined
    const claimed: MemoryJob = { ...due, attempt: due.attempt + 1, due: at + leaseMs, state: 'claimed' }
    this.#state.jobs.set(claimed.id, claimed)
    const { id, kind, key, body, attempt } = claimed
    return { id, kind, key, body: body.slice(), attempt }
  }

  async complete(job: Job): Promise<boolean> {
    return this.#change(job, { state: 'done', body: new Uint8Array(0) })
  }

  async retry(job: Job, notBefore: Date): Promise<boolean> {
    return this.#change(job, { state: 'waiting', due: notBefore.getTime() })
  }

  async pending(): Promise<number> {
    return [...this.#state.jobs.values()].filter(({ state }) => state !== 'done').length
  }

  async close(): Promise<void> {}

  #change({ id, attempt }: Job, change: Partial<MemoryJob>): boolean {
    const job = this.#state.jobs.get(id)
    if (job === undefined || job.state !== 'claimed' || job.attempt !== attempt) return false
    this.#state.jobs.set(id, { ...job, ...change })
    return true
  }
}

export class MemoryMapStore implements MapStore {
  readonly #state: MemoryState

  constructor(state: MemoryState) {
    this.#state = state
  }

  async head(): Promise<MapHead | undefined> {
    return this.#state.head
  }

  async get(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return keys.map((key) => copyOf(this.#state.nodes.get(key)))
  }

  async write(
    changes: ReadonlyMap<string, Uint8Array | undefined>,
    head: MapHead,
    expectedSize?: bigint,
  ): Promise<void> {
    if (expectedSize !== undefined && (this.#state.head?.size ?? 0n) !== expectedSize) {
      throw new StoreError('checkpoint_moved', 'the map has another head by now')
    }
    for (const [key, value] of changes) {
      if (value === undefined) this.#state.nodes.delete(key)
      else this.#state.nodes.set(key, value.slice())
    }
    this.#state.head = { size: head.size, root: head.root.slice() }
  }

  async count(): Promise<bigint> {
    return BigInt(this.#state.nodes.size)
  }
}

function copyBatch({ first, entries, root }: SequencedBatch): SequencedBatch {
  const copies = entries.map(({ leaf, identity, payload, terms }) => ({
    leaf: leaf.slice(),
    identity: identity.slice(),
    terms: terms.map((term) => ({ ...term })),
    ...(payload === undefined ? {} : { payload: payload.slice() }),
  }))
  return { first, entries: copies, root: root.slice() }
}

function copyOf(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes?.slice()
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
