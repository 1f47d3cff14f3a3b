/**
 * WAL scan: walks through the records of a segment, and says how it ends.
 *
 * A record that is not whole is a torn tail if nothing follows it: its writing was cut off, so nobody was told of it.
 * Anything else that does not fit is damage, and is never cut away.
 *
 * Known flaw: damage to the last record of the last segment looks like a torn tail. Whoever holds a checkpoint or an
 * index of more entries than are left knows better, and compares.
 */
import { fstat } from 'node:fs'
import { promisify } from 'node:util'
import { StoreError } from '@fiducial/core/errors.ts'
import { readAt, withFile } from './durable.ts'
import {
  BLOCK,
  decodeRecordHeader,
  decodeSegmentHeader,
  isRecordWhole,
  isZero,
  RECORD_HEADER,
  type RecordHeader,
  type SegmentHeader,
  wholeBlocks,
} from './wal-format.ts'

const statOf = promisify(fstat)
/** Bytes that are looked at together when searching. */
const WINDOW = 256 * BLOCK

/** A record that is whole and in its place. */
export interface FoundRecord {
  readonly header: RecordHeader
  /** The bytes, without the zeros that fill the last block. */
  readonly bytes: Buffer
  readonly offset: number
}

/** How a segment ends. */
export interface SegmentEnd {
  /** Undefined where not even the header is whole. */
  readonly header: SegmentHeader | undefined
  /** Index after the last entry. */
  readonly next: bigint
  /** Offset after the last record, with the zeros that fill its last block. */
  readonly offset: number
  /** Whether an incomplete record follows. */
  readonly isTorn: boolean
}

export interface ScanOptions {
  /** Name of the segment, for errors. */
  readonly name: string
  /** What the name says. */
  readonly first: bigint
  /** Nothing at or after this offset is looked at. Default: the end of the file. */
  readonly endOffset?: number
}

/**
 * Walks through a segment, and gives its records in order.
 *
 * @returns how it ends
 * @throws {StoreError} `log_corrupted` for a record that is damaged, or not the next one
 */
export async function* scanSegment(
  descriptor: number,
  { name, first, endOffset }: ScanOptions,
): AsyncGenerator<FoundRecord, SegmentEnd, undefined> {
  const { size } = await statOf(descriptor)
  const end = Math.min(endOffset ?? size, size)
  const header = decodeSegmentHeader(await readAt(descriptor, 0, BLOCK))
  if (header === undefined) {
    // The header is flushed before the first record is written.
    if (await hasContent(descriptor, BLOCK, end)) throw corrupted(name, 0, 'its header is damaged')
    return { header, next: first, offset: 0, isTorn: true }
  }
  if (header.first !== first) throw corrupted(name, 0, `it begins with entry ${header.first}, not ${first}`)
  let next = first
  let offset = BLOCK
  for (;;) {
    const start = await readAt(descriptor, offset, Math.min(RECORD_HEADER, Math.max(0, end - offset)))
    const record = decodeRecordHeader(start, header.salt)
    if (record === undefined) {
      const isTorn = await hasContent(descriptor, offset, end)
      if (isTorn && (await hasRecord(descriptor, offset + BLOCK, end, header.salt))) {
        throw corrupted(name, offset, 'the header of a record is damaged')
      }
      return { header, next, offset, isTorn }
    }
    const padded = wholeBlocks(record.lengthBytes)
    const read = await readAt(descriptor, offset, Math.min(padded, end - offset))
    const bytes = read.subarray(0, record.lengthBytes)
    if (bytes.length < record.lengthBytes || !isRecordWhole(bytes)) {
      if (await hasContent(descriptor, offset + padded, end)) throw corrupted(name, offset, 'a record is damaged')
      return { header, next, offset, isTorn: true }
    }
    if (!isZero(read.subarray(record.lengthBytes))) throw corrupted(name, offset, 'a record is not followed by zeros')
    if (record.first !== next) throw corrupted(name, offset, `entry ${record.first} stands where ${next} should`)
    if (record.fence !== header.fence) throw corrupted(name, offset, 'a record has the fence of another claim')
    yield { header: record, bytes, offset }
    next += BigInt(record.count)
    offset += padded
  }
}

/** {@link scanSegment} for a file. */
export async function scanFile(
  path: string,
  options: ScanOptions,
  onRecord: (record: FoundRecord) => Promise<void> | void,
): Promise<SegmentEnd> {
  return await withFile(path, 'r', async (descriptor) => {
    const scan = scanSegment(descriptor, options)
    for (;;) {
      const step = await scan.next()
      if (step.done === true) return step.value
      await onRecord(step.value)
    }
  })
}

/** The error for a part of the log that contradicts the others. */
export function corrupted(name: string, offset: number, what: string): StoreError {
  return new StoreError('log_corrupted', `segment ${name}, offset ${offset}: ${what}`)
}

/** Whether anything but zeros stands between two offsets. */
async function hasContent(descriptor: number, from: number, to: number): Promise<boolean> {
  for (let at = from; at < to; at += WINDOW) {
    const bytes = await readAt(descriptor, at, Math.min(WINDOW, to - at))
    if (!isZero(bytes)) return true
  }
  return false
}

/** Whether the header of a record stands at a later block. */
async function hasRecord(descriptor: number, from: number, to: number, salt: Uint8Array): Promise<boolean> {
  for (let at = from; at < to; at += WINDOW) {
    const bytes = await readAt(descriptor, at, Math.min(WINDOW, to - at))
    for (let block = 0; block < bytes.length; block += BLOCK) {
      if (decodeRecordHeader(bytes.subarray(block, block + RECORD_HEADER), salt) !== undefined) return true
    }
  }
  return false
}
