/**
 * Log index: the index of a log as its sequencer sees it.
 *
 * A thread fills the database (log-index-worker.ts); a connection of our own reads it. What the thread has not committed
 * yet is remembered here, so that identities are found from the moment in which they are added. How far the thread may
 * fall behind is bounded: {@link LogIndex.room} waits.
 */
import { Worker } from 'node:worker_threads'
import { type StoreCode, StoreError } from '@fiducial/core/errors.ts'
import type { IndexAnswer, IndexTask } from './log-index-messages.ts'
import { LogIndexReader } from './log-index-reader.ts'
import type { IndexState } from './log-index-schema.ts'
import { entryPlaces } from './wal-format.ts'

/** What the thread may be behind. */
const LAG_ENTRIES = 50_000
const LAG_BYTES = 64 * 2 ** 20
/** Bytes of the smallest buffer, and how many are kept for the next batches. */
const BUFFER_BYTES = 2 ** 20
const KEPT_BUFFERS = 4

/** A record to add; see {@link LogIndex.add}. */
export interface AddedRecord {
  readonly buffer: Buffer
  readonly lengthBytes: number
  readonly first: bigint
  readonly count: number
}

interface Waiter {
  readonly resolve: (result: boolean) => void
  readonly reject: (error: unknown) => void
}

/** Identities of a record that is not committed yet. */
interface Pending {
  readonly keys: readonly string[]
  readonly bytes: number
  /** Number after its last entry. */
  readonly end: number
}

export class LogIndex {
  readonly #worker: Worker
  readonly #waiters = new Map<number, Waiter>()
  readonly #identities = new Map<string, number>()
  readonly #pending: Pending[] = []
  readonly #buffers: ArrayBuffer[] = []
  #pendingBytes = 0
  #roomWaiters: Waiter[] = []
  #reader: LogIndexReader | undefined
  #state: IndexState | undefined
  #failure: unknown
  #nextId = 0
  #isEnded = false

  private constructor(path: string) {
    this.#worker = new Worker(new URL('./log-index-worker.ts', import.meta.url), { workerData: path })
  }

  /** @throws {StoreError} `log_corrupted`, `log_locked`, `log_unwritable` */
  static async open(path: string): Promise<LogIndex> {
    const index = new LogIndex(path)
    try {
      await new Promise<void>((resolve, reject) => index.#listen({ resolve: () => resolve(), reject }))
      index.#reader = new LogIndexReader(path)
    } catch (cause) {
      await index.#worker.terminate()
      throw cause
    }
    return index
  }

  /** As it was when it was opened. */
  get opened(): IndexState {
    if (this.#state === undefined) throw new TypeError('the index is not open')
    return this.#state
  }

  get reader(): LogIndexReader {
    if (this.#reader === undefined) throw new TypeError('the index is not open')
    return this.#reader
  }

  /** A buffer of at least so many bytes, for a record. */
  buffer(bytes: number): Buffer {
    const at = this.#buffers.findIndex((kept) => kept.byteLength >= bytes)
    const [kept] = at < 0 ? [] : this.#buffers.splice(at, 1)
    return Buffer.from(kept ?? new ArrayBuffer(Math.max(bytes, BUFFER_BYTES)))
  }

  /**
   * Adds the entries of a record. Their identities are found at once; the rest follows.
   * @param record  its buffer, which must be the whole of its memory, is gone afterwards
   */
  add({ buffer, lengthBytes, first, count }: AddedRecord): void {
    const start = Number(first)
    const keys: string[] = []
    for (const { identity } of entryPlaces(buffer, count)) {
      const key = buffer.toString('latin1', identity, identity + 32)
      if (!this.#identities.has(key)) this.#identities.set(key, start + keys.length)
      keys.push(key)
    }
    this.#pending.push({ keys, bytes: lengthBytes, end: start + count })
    this.#pendingBytes += lengthBytes
    if (this.#failure !== undefined) return
    const memory = buffer.buffer as ArrayBuffer
    const task: IndexTask = { kind: 'add', buffer: memory, lengthBytes, first: start, count }
    this.#worker.postMessage(task, [memory])
  }

  /** Resolves once the thread is not too far behind. @throws {StoreError} if it has failed */
  async room(): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      if (!this.#isFull()) return
      await new Promise<boolean>((resolve, reject) => this.#roomWaiters.push({ resolve, reject }))
    }
  }

  /** Exact for everything that was added. */
  find(identities: readonly Uint8Array[]): (bigint | undefined)[] {
    const found = identities.map((identity) => {
      const key = Buffer.from(identity.buffer, identity.byteOffset, identity.length).toString('latin1')
      return this.#identities.get(key)
    })
    const older = identities.filter((_, i) => found[i] === undefined)
    const numbers = this.reader.findIdentities(older)
    let next = 0
    return found.map((pending) => {
      const number = pending ?? numbers[next++]
      return number === undefined ? undefined : BigInt(number)
    })
  }

  /** Resolves once everything added is committed. @throws {StoreError} if the thread has failed */
  async settle(): Promise<void> {
    await this.#ask((id) => ({ kind: 'settle', id }))
  }

  /** Notes durably that entries below `size` are released. @throws as {@link settle} */
  async release(size: number): Promise<void> {
    await this.#ask((id) => ({ kind: 'release', id, size }))
  }

  /** Takes a statement out, so that the database holds no copy. @throws as {@link settle}; `log_locked`, see the writer */
  async erase(number: number): Promise<boolean> {
    return await this.#ask((id) => ({ kind: 'erase', id, number }))
  }

  /** Commits everything and ends the thread, also where it has failed. */
  async close(): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#reader?.close()
    if (this.#failure === undefined) await this.#ask((id) => ({ kind: 'close', id })).catch(() => undefined)
    await this.#worker.terminate()
  }

  #ask(task: (id: number) => IndexTask): Promise<boolean> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject })
      this.#worker.postMessage(task(id))
    })
  }

  #take(id: number): Waiter | undefined {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    return waiter
  }

  #listen(ready: Waiter): void {
    this.#worker.on('message', (answer: IndexAnswer) => {
      if (answer.kind === 'ready') {
        this.#state = answer.state
        ready.resolve(true)
      } else if (answer.kind === 'committed') {
        this.#forget(answer.size)
        for (const buffer of answer.buffers) if (this.#buffers.length < KEPT_BUFFERS) this.#buffers.push(buffer)
      } else if (answer.kind === 'done') {
        this.#take(answer.id)?.resolve(answer.result)
      } else if (answer.kind === 'refused') {
        this.#take(answer.id)?.reject(new StoreError('log_locked', answer.message))
      } else {
        this.#fail(new StoreError(storeCode(answer.code), `the index of the log: ${answer.message}`))
        ready.reject(this.#failure)
      }
    })
    const onEnd = (cause: unknown): void => {
      this.#fail(new StoreError('log_stopped', 'the thread of the index has ended', { cause }))
      ready.reject(this.#failure)
    }
    this.#worker.on('error', onEnd)
    this.#worker.on('exit', onEnd)
  }

  /** Identities that the database has by now. */
  #forget(size: number): void {
    while (this.#pending[0] !== undefined && this.#pending[0].end <= size) {
      const { keys, bytes } = this.#pending.shift() as Pending
      for (const key of keys) this.#identities.delete(key)
      this.#pendingBytes -= bytes
    }
    if (this.#isFull()) return
    for (const { resolve } of this.#roomWaiters.splice(0)) resolve(true)
  }

  #fail(cause: unknown): void {
    this.#failure ??= cause
    for (const { reject } of [...this.#waiters.values(), ...this.#roomWaiters.splice(0)]) reject(this.#failure)
    this.#waiters.clear()
  }

  #isFull(): boolean {
    return this.#identities.size > LAG_ENTRIES || this.#pendingBytes > LAG_BYTES
  }
}

function storeCode(code: string): StoreCode {
  return code === 'log_corrupted' || code === 'log_locked' ? code : 'log_unwritable'
}
