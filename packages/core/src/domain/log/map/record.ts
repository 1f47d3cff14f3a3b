/**
 * Record: what the map keeps of one instance, and how the records of a study become one value.
 *
 * The value of a study commits to how many instances it has and to all its records, in the order of their keys, by an
 * RFC 6962 tree. A record is never taken out: an instance that is gone stays, marked as gone. Bytes:
 * docs/reference/completeness.md.
 */
import { digestOf, type HashFactory } from '../../../bytes/hash.ts'
import { encodeUtf8 } from '../../../bytes/text.ts'
import { StoreError } from '../../../errors.ts'
import { hashTree } from '../../../formats/merkle/tree.ts'
import { DIGEST_BYTES } from './map-hash.ts'

/** Whether an instance is there, or by which kind of event it went. */
export type InstanceState = 'present' | 'erased' | 'withdrawn'

export interface MapRecord {
  /** 32 bytes; comes from the salt of the study and the SOP Instance UID. */
  readonly key: Uint8Array
  /** 32 bytes; comes from the salt of the study and the Series Instance UID of the newest entry that names one. */
  readonly series: Uint8Array
  /** SHA-256 that the newest entry with a digest gives, 32 bytes; null where none gave one. */
  readonly digest: Uint8Array | null
  /** Index in the log of the first entry about the instance that counts here. */
  readonly first: bigint
  /** Index of the newest; at least `first`. */
  readonly newest: bigint
  /** How many such entries there are; 1 exactly if `first` is `newest`. */
  readonly entries: number
  readonly state: InstanceState
}

/** In the order of their bytes. */
export const STATES: readonly InstanceState[] = ['present', 'erased', 'withdrawn']
export const RECORD_BYTES = 117
/** Most entries that are counted. */
export const ENTRIES_LIMIT = 0xffffffff

const STUDY_TAG = encodeUtf8('fiducial map study value v1\n')

/** What is known of all records of a study. */
export interface StudySummary {
  /** 32 bytes. */
  readonly salt: Uint8Array
  /** How many instances are present. */
  readonly present: bigint
  /** How many records there are, of instances that are present or gone. */
  readonly size: bigint
  /** RFC 6962 root over the records in the order of their keys, 32 bytes. */
  readonly root: Uint8Array
}

/** Value of a study in the map, 32 bytes. */
export function hashStudy(hashes: HashFactory, { salt, present, size, root }: StudySummary): Uint8Array {
  const counts = new DataView(new ArrayBuffer(16))
  counts.setBigUint64(0, present)
  counts.setBigUint64(8, size)
  return digestOf(hashes, 'sha256', STUDY_TAG, salt, new Uint8Array(counts.buffer), root)
}

/** Counts and digests the records of a study. @param records  in the order of their keys */
export function summarize(hashes: HashFactory, salt: Uint8Array, records: readonly MapRecord[]): StudySummary {
  return {
    salt,
    present: BigInt(records.filter(({ state }) => state === 'present').length),
    size: BigInt(records.length),
    root: hashTree(hashes, records.map(encodeRecord)),
  }
}

/** The bytes of a record, the entry of the tree: 117 of them, numbers big-endian. */
export function encodeRecord({ key, series, digest, first, newest, entries, state }: MapRecord): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(key)
  bytes.set(series, DIGEST_BYTES)
  if (digest !== null) bytes.set(digest, 2 * DIGEST_BYTES)
  view.setBigUint64(96, first)
  view.setBigUint64(104, newest)
  view.setUint32(112, entries)
  bytes[116] = STATES.indexOf(state)
  return bytes
}

/** Whether two keys stand in ascending order, the first being less. */
export function isLess(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < DIGEST_BYTES; i++) {
    if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number)
  }
  return false
}

/** Whether keys ascend, each once. */
export const isAscending = (records: readonly MapRecord[]): boolean =>
  records.every(({ key }, i) => i === 0 || isLess((records[i - 1] as MapRecord).key, key))

/** Whether indexes and count of a record fit each other. */
export function isPlausible({ first, newest, entries }: MapRecord): boolean {
  if (first > newest || entries < 1) return false
  return first === newest ? entries === 1 : entries >= 2 && BigInt(entries) <= newest - first + 1n
}

/** The records of a study as they are stored, one after the other. */
export function encodeRecords(records: readonly MapRecord[]): Uint8Array {
  const bytes = new Uint8Array(records.length * RECORD_BYTES)
  for (const [i, record] of records.entries()) bytes.set(encodeRecord(record), i * RECORD_BYTES)
  return bytes
}

/**
 * Reads stored records, the inverse of {@link encodeRecords}. What comes out are views of the bytes.
 * @throws {StoreError} `log_corrupted` for anything else
 */
export function decodeRecords(bytes: Uint8Array): readonly MapRecord[] {
  if (bytes.length % RECORD_BYTES !== 0) throw corrupted()
  const records: MapRecord[] = []
  for (let offset = 0; offset < bytes.length; offset += RECORD_BYTES) {
    records.push(decodeRecord(bytes.subarray(offset, offset + RECORD_BYTES)))
  }
  if (!isAscending(records) || !records.every(isPlausible)) throw corrupted()
  return records
}

function decodeRecord(bytes: Uint8Array): MapRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const state = STATES[bytes[116] as number]
  if (state === undefined) throw corrupted()
  const digest = bytes.subarray(64, 96)
  return {
    key: bytes.subarray(0, 32),
    series: bytes.subarray(32, 64),
    digest: digest.some((byte) => byte !== 0) ? digest : null,
    first: view.getBigUint64(96),
    newest: view.getBigUint64(104),
    entries: view.getUint32(112),
    state,
  }
}

const corrupted = (): StoreError =>
  new StoreError('log_corrupted', 'records of a study in the completeness map are damaged')
