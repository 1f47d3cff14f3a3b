/**
 * File sequencer: the order of a log's entries, in a folder on one machine.
 *
 *     wal/          segments: batches that are not released yet (wal-format.ts)
 *     index.sqlite  identities, statements and terms of all entries (log-index-schema.ts)
 *     lock.sqlite   who may append, and the number of the newest claim (file-lock.ts)
 *
 * An append is one write and one fdatasync; the index follows in a thread of its own, and is brought up to date from the
 * segments when the log is opened. After a failure of the disk nothing is tried again: the sequencer stops, and whoever
 * opens the folder next finds out what is there.
 */
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Claim, SequencedBatch, Sequencer } from '../../services/log/ports.ts'
import { checkBatch } from './check-batch.ts'
import { attempt, makeFolder } from './durable.ts'
import { FileLock } from './file-lock.ts'
import { LogIndex } from './log-index.ts'
import type { LogIndexReader } from './log-index-reader.ts'
import { WriteAheadLog } from './wal.ts'
import type { FoundRecord } from './wal-scan.ts'

/** What is open from the first claim on. */
interface Parts {
  readonly lock: FileLock
  readonly index: LogIndex
  readonly wal: WriteAheadLog
}

export class FileSequencer implements Sequencer {
  readonly #folder: string
  #parts: Parts | undefined
  #fence = 0n
  #released = 0n
  #isClosed = false
  #failure: unknown
  /** Appends, and whatever must not happen during one. */
  #appending: Promise<unknown> = Promise.resolve()
  /** What changes sealed segments. */
  #tidying: Promise<unknown> = Promise.resolve()

  /** @param folder  absolute; is made at the first claim */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** Where the index of a sequencer lies. */
  static indexPath(folder: string): string {
    return join(folder, 'index.sqlite')
  }

  async claim(): Promise<Claim> {
    return await this.#inTurn(async () => {
      this.#requireLife()
      this.#parts ??= await this.#openParts()
      const { lock, wal } = this.#parts
      this.#fence = lock.claim(wal.fence)
      return { fence: this.#fence, size: wal.next }
    })
  }

  async append(batch: SequencedBatch, fence: bigint): Promise<void> {
    checkBatch(batch)
    await this.#inTurn(async () => {
      this.#requireLife()
      const { wal, index } = this.#parts ?? {}
      if (wal === undefined || index === undefined || fence !== this.#fence) {
        throw new StoreError('fence_lost', 'the log was claimed by somebody else, or not at all')
      }
      if (batch.first !== wal.next) {
        throw new StoreError('checkpoint_moved', `the log has ${wal.next} entries, not ${batch.first}`)
      }
      await this.#fatally(async () => {
        await index.room()
        const { buffer, lengthBytes } = await wal.append(batch, fence, (bytes) => index.buffer(bytes))
        index.add({ buffer, lengthBytes, first: batch.first, count: batch.entries.length })
      })
    })
  }

  async find(identities: readonly Uint8Array[]): Promise<readonly (bigint | undefined)[]> {
    return this.#opened().index.find(identities)
  }

  async *read(from: bigint): AsyncGenerator<SequencedBatch, void, undefined> {
    const { wal } = this.#opened()
    if (from < this.#released) throw new StoreError('log_corrupted', `entries below ${this.#released} were released`)
    yield* wal.read(from)
  }

  async release(size: bigint): Promise<void> {
    const { wal, index } = this.#opened()
    if (size > wal.next) throw new RangeError(`the log has ${wal.next} entries, so ${size} cannot be released`)
    await this.#tidily(async () => {
      if (size <= this.#released) return
      await index.release(Number(size))
      this.#released = size
      await wal.drop(size)
    })
  }

  /** For the records: what the index has. @throws {StoreError} `log_stopped` if the log is not claimed */
  get reader(): LogIndexReader {
    return this.#opened().index.reader
  }

  /** For the records: resolves once everything appended is in the index. */
  async settle(): Promise<void> {
    await this.#parts?.index.settle()
  }

  /**
   * For the records: takes a statement and all terms but its type out of index and segments.
   * @throws {StoreError} `log_stopped` if the log is not claimed; `log_locked` where somebody reads the index for so long
   *   that a copy stays, until this is called again; `log_unwritable`
   */
  async erase(number: bigint): Promise<boolean> {
    const { wal, index } = this.#opened()
    if (number < 0n || number >= wal.next) return false
    return await this.#tidily(async () => {
      await this.#inTurn(async () => {
        if (wal.isOpen(number)) await this.#fatally(() => wal.seal())
      })
      // The segment first: as long as the index has the statement, a call that was cut off can be made again.
      await index.settle()
      await wal.erase(number)
      return await index.erase(Number(number))
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.all([this.#inTurn(async () => {}), this.#tidying.catch(() => undefined)])
    const parts = this.#parts
    if (parts === undefined) return
    try {
      await (this.#failure === undefined ? parts.wal.close() : parts.wal.abandon())
    } finally {
      await parts.index.close()
      parts.lock.release()
    }
  }

  async #openParts(): Promise<Parts> {
    await attempt('making the folder of the log', () => makeFolder(this.#folder, 0o700))
    const lock = FileLock.acquire(join(this.#folder, 'lock.sqlite'))
    let index: LogIndex | undefined
    try {
      index = await LogIndex.open(FileSequencer.indexPath(this.#folder))
      const wal = await this.#recover(index)
      this.#released = BigInt(index.opened.released)
      return { lock, index, wal }
    } catch (cause) {
      await index?.close()
      lock.release()
      throw cause
    }
  }

  /** Opens the segments, and adds to the index what it lacks. */
  async #recover(index: LogIndex): Promise<WriteAheadLog> {
    const size = BigInt(index.opened.size)
    const onRecord = async ({ header: { first, count }, bytes }: FoundRecord): Promise<void> => {
      if (first + BigInt(count) <= size) return
      await index.room()
      const buffer = index.buffer(bytes.length)
      bytes.copy(buffer)
      index.add({ buffer, lengthBytes: bytes.length, first, count })
    }
    const wal = await WriteAheadLog.recover(join(this.#folder, 'wal'), {
      released: BigInt(index.opened.released),
      known: size,
      onRecord,
    })
    // A record that the index has in part, or not as the next one, stops its thread.
    await index.settle()
    return wal
  }

  /** One append, claim or sealing at a time, in the order in which they were asked for. */
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#appending.then(step)
    this.#appending = result.catch(() => undefined)
    return result
  }

  #tidily<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#tidying.then(() => this.#fatally(step))
    this.#tidying = result.catch(() => undefined)
    return result
  }

  /** A step after whose failure nobody can say what is on the disk. */
  async #fatally<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (cause) {
      const isHarmless = cause instanceof RangeError || (cause instanceof StoreError && cause.code === 'log_locked')
      if (!isHarmless) this.#failure ??= cause
      throw cause
    }
  }

  #requireLife(): void {
    if (this.#isClosed) throw new StoreError('log_stopped', 'the log is closed')
    if (this.#failure !== undefined) {
      throw new StoreError('log_stopped', 'the log has stopped after a failure of its storage', {
        cause: this.#failure,
      })
    }
  }

  #opened(): Parts {
    if (this.#isClosed || this.#parts === undefined) throw new StoreError('log_stopped', 'the log is not claimed')
    return this.#parts
  }
}
