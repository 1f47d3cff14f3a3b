/**
 * WAL: the write-ahead log, a folder of segments named after the index of their first entry.
 *
 * A batch is one write and one fdatasync. Segments are made longer ahead of time, without writing, so that a batch
 * changes no length. What is appended under a new claim goes to a new segment. The format is in wal-format.ts; what is
 * done about a failure, and that one thing happens at a time, is left to the sequencer.
 */

import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { SequencedBatch } from '../../services/log/ports.ts'
import { attempt, files, isCode, makeFolder, syncFolder, unwritable, withFile, writeAt } from './durable.ts'
import {
  BLOCK,
  decodeRecord,
  encodeRecord,
  encodeSegmentHeader,
  entryPlaces,
  eraseAt,
  recordBound,
  wholeBlocks,
} from './wal-format.ts'
import { corrupted, type FoundRecord, type SegmentEnd, scanFile, scanSegment } from './wal-scan.ts'

const SEGMENT_BYTES = 64 * 2 ** 20
const NAME = /^(\d{20})\.wal$/
const TEMPORARY = /^\.rewritten-\d{20}\.tmp$/

interface Segment {
  readonly path: string
  readonly name: string
  readonly first: bigint
  /** Index after its last entry. */
  next: bigint
  /** Offset after its last record. */
  offset: number
}

/** The segment that is written to. */
interface OpenSegment extends Segment {
  readonly descriptor: number
  readonly fence: bigint
  readonly salt: Uint8Array
}

/** A record as it was written: `bytes` of it, at the beginning of a buffer. */
export interface WrittenRecord {
  readonly buffer: Buffer
  readonly lengthBytes: number
}

export interface RecoverOptions {
  /** Entries below it need not be there. */
  readonly released: bigint
  /** Entries that somebody has seen: fewer are damage, from which nothing is cut away. Default: none. */
  readonly known?: bigint
  /** Sees each record, in order; the bytes are its own. */
  readonly onRecord: (record: FoundRecord) => Promise<void>
  /** A segment that would grow beyond this is followed by a new one. Default: 64 MiB. */
  readonly segmentBytes?: number
}

export class WriteAheadLog {
  readonly #folder: string
  readonly #segmentBytes: number
  /** In order; the open one is the last. */
  readonly #segments: Segment[] = []
  #open: OpenSegment | undefined
  #next: bigint
  #fence = 0n

  private constructor(folder: string, released: bigint, segmentBytes: number) {
    this.#folder = folder
    this.#segmentBytes = segmentBytes
    this.#next = released
  }

  /** Index after the last entry. */
  get next(): bigint {
    return this.#next
  }

  /** Of the newest record. */
  get fence(): bigint {
    return this.#fence
  }

  /**
   * Opens a folder: checks every byte of it, and cuts off what nobody was told of.
   * @throws {StoreError} `log_corrupted`, naming segment and offset; `log_unwritable`
   */
  static async recover(folder: string, options: RecoverOptions): Promise<WriteAheadLog> {
    const { released, known = 0n, onRecord, segmentBytes = SEGMENT_BYTES } = options
    const log = new WriteAheadLog(folder, released, segmentBytes)
    await attempt('opening the write-ahead log', async () => {
      await makeFolder(folder)
      const names = (await readdir(folder)).sort()
      for (const name of names.filter((found) => TEMPORARY.test(found))) await files.rm(join(folder, name))
      const segments = names.filter((name) => NAME.test(name))
      const changes: (() => Promise<void>)[] = []
      for (const [i, name] of segments.entries()) {
        changes.push(await log.#scanSegment(name, { isLast: i === segments.length - 1, onRecord }))
      }
      // What looks like a record whose writing was cut off may be one that was acknowledged, and damaged since.
      if (log.#next < known) {
        throw new StoreError('log_corrupted', `${known} entries are known, and the segments end at ${log.#next}`)
      }
      for (const change of changes) await change()
      await syncFolder(folder)
    })
    return log
  }

  /** Checks a segment. @returns what is to be changed in it, once all of them are checked */
  async #scanSegment(
    name: string,
    { isLast, onRecord }: { isLast: boolean } & Pick<RecoverOptions, 'onRecord'>,
  ): Promise<() => Promise<void>> {
    const first = BigInt(name.slice(0, 20))
    // Released segments may still be there, if the process ended before it removed them.
    const before = this.#segments.at(-1)?.next
    if (before === undefined ? first > this.#next : first !== before) {
      throw corrupted(name, 0, `entries ${before ?? this.#next} to ${first} are missing`)
    }
    const path = join(this.#folder, name)
    let last: FoundRecord | undefined
    const end = await scanFile(path, { name, first }, async (record) => {
      last = record
      await onRecord(record)
    })
    if (end.isTorn && !isLast) throw corrupted(name, end.offset, 'a record is damaged')
    if (end.header !== undefined && end.header.fence < this.#fence) {
      throw corrupted(name, 0, `its fence ${end.header.fence} is older than ${this.#fence} before it`)
    }
    this.#fence = end.header?.fence ?? this.#fence
    if (last === undefined) {
      if (!isLast) throw corrupted(name, BLOCK, 'it holds no entry')
      // A segment that was begun, and nothing acknowledged in it.
      return () => files.rm(path)
    }
    if (end.next > this.#next) this.#next = end.next
    this.#segments.push({ path, name, first, next: end.next, offset: end.offset })
    const whole = last
    return () => cutAndRewrite(path, end, whole)
  }

  /**
   * Appends a batch. When it resolves, the batch survives a power cut.
   *
   * @param batch   has been checked
   * @param buffer  gives a buffer of at least so many bytes, which is written to and handed back
   * @throws {RangeError} for a batch that is too large, before anything happens; {StoreError} `log_unwritable`, after
   *   which nothing may be appended any more
   */
  async append(batch: SequencedBatch, fence: bigint, buffer: (bytes: number) => Buffer): Promise<WrittenRecord> {
    const target = buffer(recordBound(batch))
    return await attempt('appending to the write-ahead log', async () => {
      const segment = await this.#segmentFor(target.length, fence)
      const lengthBytes = encodeRecord(batch, fence, segment.salt, target)
      const padded = wholeBlocks(lengthBytes)
      await writeAt(segment.descriptor, target.subarray(0, padded), segment.offset)
      await files.fdatasync(segment.descriptor)
      segment.offset += padded
      this.#next += BigInt(batch.entries.length)
      segment.next = this.#next
      return { buffer: target, lengthBytes }
    })
  }

  /** Batches from the one that holds an index. @throws {StoreError} `log_corrupted`, `log_unwritable` */
  async *read(from: bigint): AsyncGenerator<SequencedBatch, void, undefined> {
    for (const segment of this.#segments.slice()) {
      if (segment.next <= from) continue
      const descriptor = await openSegment(segment)
      try {
        const records = scanSegment(descriptor, { ...segment, endOffset: segment.offset })
        for await (const { header, bytes } of records) {
          if (header.first + BigInt(header.count) > from) yield decodeRecord(bytes, header)
        }
      } catch (cause) {
        throw unwritable('reading a segment', cause)
      } finally {
        await attempt('reading a segment', () => files.close(descriptor))
      }
    }
  }

  /** Ends the segment that is written to; the next batch goes to a new one. Not while something is being appended. */
  async seal(): Promise<void> {
    const segment = this.#open
    if (segment === undefined) return
    this.#open = undefined
    await attempt('sealing a segment', async () => {
      // The zeros ahead are of no use any more. Should they come back in a power cut, they do no harm.
      await files.ftruncate(segment.descriptor, segment.offset)
      await files.close(segment.descriptor)
    })
  }

  /** Removes sealed segments whose entries are all below an index. */
  async drop(below: bigint): Promise<void> {
    const dropped = this.#segments.filter((segment) => segment !== this.#open && segment.next <= below)
    if (dropped.length === 0) return
    await attempt('removing released segments', async () => {
      // The oldest first: were a newer one gone and it still there, there would be a gap.
      for (const segment of dropped) {
        this.#segments.splice(this.#segments.indexOf(segment), 1)
        await files.rm(segment.path, { force: true })
        await syncFolder(this.#folder)
      }
    })
  }

  /** Whether an entry lies in the segment that is written to. */
  isOpen(index: bigint): boolean {
    return this.#open !== undefined && index >= this.#open.first
  }

  /** Takes payload and terms of an entry out of its segment, which is sealed. Where it was dropped, does nothing. */
  async erase(index: bigint): Promise<void> {
    const segment = this.#segments.find(({ first, next }) => index >= first && index < next)
    if (segment === undefined) return
    await attempt('erasing in a segment', async () => {
      const temporary = join(this.#folder, `.rewritten-${segment.name.slice(0, 20)}.tmp`)
      await files.copyFile(segment.path, temporary)
      await withFile(temporary, 'r+', async (descriptor) => {
        for await (const { header, bytes, offset } of scanSegment(descriptor, segment)) {
          if (index < header.first || index >= header.first + BigInt(header.count)) continue
          const place = [...entryPlaces(bytes, header.count)][Number(index - header.first)]
          if (place !== undefined) eraseAt(bytes, place)
          await writeAt(descriptor, bytes, offset)
        }
        await files.fsync(descriptor)
      })
      await files.rename(temporary, segment.path)
      await syncFolder(this.#folder)
    })
  }

  async close(): Promise<void> {
    await this.seal()
  }

  /** After a failure: gives the descriptor back, and changes nothing. */
  async abandon(): Promise<void> {
    const segment = this.#open
    this.#open = undefined
    if (segment !== undefined) await files.close(segment.descriptor).catch(() => undefined)
  }

  async #segmentFor(bytes: number, fence: bigint): Promise<OpenSegment> {
    const segment = this.#open
    if (segment !== undefined && segment.fence === fence && segment.offset + bytes <= this.#segmentBytes) {
      return segment
    }
    await this.seal()
    const name = `${String(this.#next).padStart(20, '0')}.wal`
    const path = join(this.#folder, name)
    const salt = Uint8Array.from(randomBytes(16))
    const descriptor = await files.open(path, 'wx+', 0o600)
    const made = { path, name, first: this.#next, next: this.#next, offset: BLOCK, descriptor, fence, salt }
    this.#open = made
    this.#segments.push(made)
    this.#fence = fence
    await writeAt(descriptor, encodeSegmentHeader(made), 0)
    await files.ftruncate(descriptor, this.#segmentBytes)
    await files.fsync(descriptor)
    await syncFolder(this.#folder)
    return made
  }
}

/**
 * Cuts a torn tail off, and writes the last record once more in its place. Its fsync may have failed, in which case
 * the system shows bytes that the disk does not have, and would not write them again by itself.
 */
async function cutAndRewrite(path: string, end: SegmentEnd, last: FoundRecord): Promise<void> {
  await withFile(path, 'r+', async (descriptor) => {
    await files.ftruncate(descriptor, end.offset)
    const padding = Buffer.alloc(end.offset - last.offset - last.bytes.length)
    await writeAt(descriptor, Buffer.concat([last.bytes, padding]), last.offset)
    await files.fsync(descriptor)
  })
}

async function openSegment({ path, name }: Segment): Promise<number> {
  try {
    return await files.open(path, 'r')
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) throw corrupted(name, 0, 'it is not there')
    throw unwritable('reading a segment', cause)
  }
}
