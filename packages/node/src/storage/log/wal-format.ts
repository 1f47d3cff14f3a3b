/**
 * WAL format: the bytes of a write-ahead segment.
 *
 * A segment is a file of blocks of 4,096 bytes. The first block is its header; each record begins at a block of its own
 * and holds one batch, so that writing one never touches a block of another that was acknowledged. After the last
 * record there is nothing, or zeros: the file is made longer ahead of time. All numbers are big-endian.
 *
 *     segment header: magic 8 | first index 8 | fence 8 | salt 16 | SHA-256 of these 40 bytes, 32 | zeros
 *     record:         magic 8 | bytes of the record 4 | entries 4 | first index 8 | fence 8
 *                     | SHA-256 of salt and these 32 bytes, 32 | entries | root 32 | SHA-256 of all before it, 32 | zeros
 *     entry:          flags 1 | bytes of the leaf 2 | of the payload 4 | number of terms 2 | identity 32
 *                     | leaf | payload | terms
 *     term:           kind 1 | bytes of the value 2 | value in UTF-8
 *
 * The salt is random: no statement can hold bytes that a reader could take for the header of a record. Erasing an entry
 * keeps every length: payload and values become zeros, the flag says so, and the digest is made anew.
 */
import { hash } from 'node:crypto'
import type { NewEntry, SequencedBatch, Term, TermKind } from '../../services/log/ports.ts'

/** Bytes of a block. */
export const BLOCK = 4_096
const SEGMENT_MAGIC = Buffer.from('FidWalS1', 'latin1')
const RECORD_MAGIC = Buffer.from('FidWalR1', 'latin1')
const SEGMENT_HEADER = 72
/** Bytes of the header of a record. */
export const RECORD_HEADER = 64
const RECORD_TRAILER = 64
const ENTRY_HEADER = 41
/** No batch takes more bytes than this. */
const RECORD_LIMIT = 2 ** 30

const ZEROS = Buffer.alloc(256 * BLOCK)

const HAS_PAYLOAD = 1
/** Set where payload and terms were taken out. */
export const IS_ERASED = 2

const KINDS = ['type', 'instance', 'series', 'study', 'device', 'person', 'key', 'digest'] as const satisfies TermKind[]
const KIND_NUMBERS: ReadonlyMap<TermKind, number> = new Map(KINDS.map((kind, number) => [kind, number]))
/** A term that was erased. */
const NO_KIND = 255

export interface SegmentHeader {
  /** Index of the first entry. */
  readonly first: bigint
  /** Of the claim under which all records of the segment were written. */
  readonly fence: bigint
  /** 16 bytes. */
  readonly salt: Uint8Array
}

export interface RecordHeader {
  /** Without the zeros that fill the last block. */
  readonly lengthBytes: number
  readonly count: number
  readonly first: bigint
  readonly fence: bigint
}

/** Where terms lie in some bytes. */
export interface TermsPlace {
  readonly terms: number
  readonly termCount: number
}

/** Where the parts of an entry lie in the bytes of a record; each ends where the next begins. */
export interface EntryPlace extends TermsPlace {
  readonly flags: number
  readonly identity: number
  readonly leaf: number
  readonly payload: number
  readonly end: number
}

/** Rounds up to whole blocks. */
export function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK
}

/** One block. */
export function encodeSegmentHeader({ first, fence, salt }: SegmentHeader): Buffer {
  const block = Buffer.alloc(BLOCK)
  SEGMENT_MAGIC.copy(block)
  block.writeBigUInt64BE(first, 8)
  block.writeBigUInt64BE(fence, 16)
  block.set(salt, 24)
  block.set(sha256(block.subarray(0, 40)), 40)
  return block
}

/** @returns undefined for bytes that are no header, whole and undamaged */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER || !bytes.subarray(0, 8).equals(SEGMENT_MAGIC)) return undefined
  if (!sha256(bytes.subarray(0, 40)).equals(bytes.subarray(40, 72))) return undefined
  if (!isZero(bytes.subarray(SEGMENT_HEADER))) return undefined
  const salt = Uint8Array.from(bytes.subarray(24, 40))
  return { first: bytes.readBigUInt64BE(8), fence: bytes.readBigUInt64BE(16), salt }
}

/**
 * At most this many bytes are needed for the record of a batch, whole blocks.
 * @throws {RangeError} for a batch of more than 1 GiB
 */
export function recordBound({ entries }: SequencedBatch): number {
  let bytes = RECORD_HEADER + RECORD_TRAILER
  for (const { leaf, payload, terms } of entries) {
    bytes += ENTRY_HEADER + leaf.length + (payload?.length ?? 0)
    // In UTF-8, a UTF-16 unit takes at most three bytes.
    for (const { value } of terms) bytes += 3 + 3 * value.length
  }
  if (bytes > RECORD_LIMIT) throw new RangeError('a batch takes at most 1 GiB')
  return wholeBlocks(bytes)
}

/**
 * Writes the record of a batch.
 *
 * @param target  at least {@link recordBound} bytes; whatever lies there is overwritten
 * @returns length without the zeros that fill the last block; these are written too
 */
export function encodeRecord(batch: SequencedBatch, fence: bigint, salt: Uint8Array, target: Buffer): number {
  let at = RECORD_HEADER
  for (const entry of batch.entries) at = encodeEntry(entry, target, at)
  target.set(batch.root, at)
  const length = at + RECORD_TRAILER
  RECORD_MAGIC.copy(target)
  target.writeUInt32BE(length, 8)
  target.writeUInt32BE(batch.entries.length, 12)
  target.writeBigUInt64BE(batch.first, 16)
  target.writeBigUInt64BE(fence, 24)
  target.set(headerDigest(target, salt), 32)
  sealRecord(target, length)
  target.fill(0, length, wholeBlocks(length))
  return length
}

function encodeEntry({ leaf, identity, payload, terms }: NewEntry, target: Buffer, start: number): number {
  let at = start
  target[at] = payload === undefined ? 0 : HAS_PAYLOAD
  target.writeUInt16BE(leaf.length, at + 1)
  target.writeUInt32BE(payload?.length ?? 0, at + 3)
  target.writeUInt16BE(terms.length, at + 7)
  target.set(identity, at + 9)
  at += ENTRY_HEADER
  target.set(leaf, at)
  at += leaf.length
  if (payload !== undefined) {
    target.set(payload, at)
    at += payload.length
  }
  for (const { kind, value } of terms) {
    const length = target.write(value, at + 3, 'utf8')
    target[at] = kindNumber(kind)
    target.writeUInt16BE(length, at + 1)
    at += 3 + length
  }
  return at
}

/** @returns undefined for bytes that are no header of a record of that segment, whole and undamaged */
export function decodeRecordHeader(bytes: Buffer, salt: Uint8Array): RecordHeader | undefined {
  if (bytes.length < RECORD_HEADER || !bytes.subarray(0, 8).equals(RECORD_MAGIC)) return undefined
  if (!headerDigest(bytes, salt).equals(bytes.subarray(32, 64))) return undefined
  return {
    lengthBytes: bytes.readUInt32BE(8),
    count: bytes.readUInt32BE(12),
    first: bytes.readBigUInt64BE(16),
    fence: bytes.readBigUInt64BE(24),
  }
}

/** Whether the digest at the end of a record is that of what stands before it. @param record  of its own length */
export function isRecordWhole(record: Buffer): boolean {
  const end = record.length - 32
  return end > RECORD_HEADER && sha256(record.subarray(0, end)).equals(record.subarray(end))
}

/** Whether there is nothing but zeros. @param bytes  at most 256 blocks */
export function isZero(bytes: Buffer): boolean {
  return bytes.equals(ZEROS.subarray(0, bytes.length))
}

/** Makes the digest at the end of a record anew. */
export function sealRecord(record: Buffer, length: number): void {
  record.set(sha256(record.subarray(0, length - 32)), length - 32)
}

/** Finds the entries of a record that is whole. */
export function* entryPlaces(record: Buffer, count: number): Generator<EntryPlace, void, undefined> {
  let at = RECORD_HEADER
  for (let i = 0; i < count; i++) {
    const place = entryPlace(record, at)
    yield place
    at = place.end
  }
}

/** The entry that begins at an offset. */
export function entryPlace(record: Buffer, at: number): EntryPlace {
  const leaf = at + ENTRY_HEADER
  const payload = leaf + record.readUInt16BE(at + 1)
  const terms = payload + record.readUInt32BE(at + 3)
  const termCount = record.readUInt16BE(at + 7)
  let end = terms
  for (let i = 0; i < termCount; i++) end += 3 + record.readUInt16BE(end + 1)
  return { flags: record[at] ?? 0, identity: at + 9, leaf, payload, terms, end, termCount }
}

/** The payload of an entry, as a view; `erased`, or undefined for none. */
export function payloadAt(record: Buffer, { flags, payload, terms }: EntryPlace): Buffer | 'erased' | undefined {
  if ((flags & IS_ERASED) !== 0) return 'erased'
  return (flags & HAS_PAYLOAD) === 0 ? undefined : record.subarray(payload, terms)
}

/** A term as it stands in an entry. */
export function encodeTerm({ kind, value }: Term): Buffer {
  const text = Buffer.from(value, 'utf8')
  const bytes = Buffer.alloc(3 + text.length)
  bytes[0] = kindNumber(kind)
  bytes.writeUInt16BE(text.length, 1)
  bytes.set(text, 3)
  return bytes
}

/** The terms that are not erased, each as a view of the bytes that {@link encodeTerm} writes. */
export function* encodedTerms(bytes: Buffer, { terms, termCount }: TermsPlace): Generator<Buffer, void, undefined> {
  let at = terms
  for (let i = 0; i < termCount; i++) {
    const end = at + 3 + bytes.readUInt16BE(at + 1)
    if (bytes[at] !== NO_KIND) yield bytes.subarray(at, end)
    at = end
  }
}

/** The terms that are not erased. */
export function termsAt(bytes: Buffer, place: TermsPlace): Term[] {
  return [...encodedTerms(bytes, place)].flatMap((term) => {
    const kind = KINDS[term[0] ?? NO_KIND]
    return kind === undefined ? [] : [{ kind, value: term.toString('utf8', 3) }]
  })
}

/** Takes payload and terms, but those of the type, out of a record, and makes its digest anew. */
export function eraseAt(record: Buffer, place: EntryPlace): void {
  record[place.identity - 9] = place.flags | IS_ERASED
  record.fill(0, place.payload, place.terms)
  eraseTerms(record, place)
  sealRecord(record, record.length)
}

/** Makes the values of all terms but those of the type zeros. @returns copies of what {@link encodedTerms} gave before */
export function eraseTerms(bytes: Buffer, place: TermsPlace): Buffer[] {
  const erased: Buffer[] = []
  for (const term of encodedTerms(bytes, place)) {
    if (KINDS[term[0] ?? NO_KIND] === 'type') continue
    erased.push(Buffer.from(term))
    term[0] = NO_KIND
    term.fill(0, 3)
  }
  return erased
}

/** The batch of a record that is whole; its bytes are copies. */
export function decodeRecord(record: Buffer, { first, count }: RecordHeader): SequencedBatch {
  const entries: NewEntry[] = []
  for (const place of entryPlaces(record, count)) {
    const payload = payloadAt(record, place)
    entries.push({
      leaf: Uint8Array.from(record.subarray(place.leaf, place.payload)),
      identity: Uint8Array.from(record.subarray(place.identity, place.identity + 32)),
      terms: termsAt(record, place),
      ...(payload === undefined || payload === 'erased' ? {} : { payload: Uint8Array.from(payload) }),
    })
  }
  const root = record.subarray(record.length - RECORD_TRAILER, record.length - 32)
  return { first, entries, root: Uint8Array.from(root) }
}

function kindNumber(kind: TermKind): number {
  return KIND_NUMBERS.get(kind) ?? NO_KIND
}

function headerDigest(header: Buffer, salt: Uint8Array): Buffer {
  return sha256(Buffer.concat([salt, header.subarray(0, 32)]))
}

function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer')
}
