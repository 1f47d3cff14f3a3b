/**
 * Instance record: an instance as the columns of a database hold it, and back.
 *
 * What is looked for has a column of its own; the rest is JSON. Times are milliseconds since 1970.
 */
import { decodeHex, encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { InstanceState } from '@fiducial/core/domain/gateway/instance.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { EarlierInstance, StoredDelivery, StoredInstance } from '../../services/gateway/ports.ts'

type Description = NonNullable<StoredInstance['description']>

/** A row, as a driver gives it: numbers may come as decimal text. */
export type RecordRow = Readonly<Record<string, unknown>>

export function encodeDescription(description: Description | null): string | null {
  if (description === null) return null
  const { instance, digests } = description
  const { file, dataset, pixels, frames } = digests
  return JSON.stringify({
    instance,
    digests: {
      file: hexOrNull(file),
      dataset: hexOrNull(dataset),
      pixels: hexOrNull(pixels),
      frames: frames && { count: String(frames.count), root: encodeHex(frames.root) },
    },
  })
}

export function decodeDescription(text: unknown): Description | null {
  const value = decodeJson<{
    readonly instance: Description['instance']
    readonly digests: {
      readonly file: string | null
      readonly dataset: string | null
      readonly pixels: string | null
      readonly frames: { readonly count: string; readonly root: string } | null
    }
  } | null>(text, null)
  if (value === null) return null
  const { instance, digests } = value
  const { file, dataset, pixels, frames } = digests
  return {
    instance,
    digests: {
      file: bytesOrNull(file),
      dataset: bytesOrNull(dataset),
      pixels: bytesOrNull(pixels),
      frames: frames && { count: BigInt(frames.count), root: decodeHex(frames.root) },
    },
  }
}

/** @param row  with the columns of the table `instance` */
export function readInstance(row: RecordRow, deliveries: readonly StoredDelivery[]): StoredInstance {
  return {
    id: text(row.id),
    spoolKey: text(row.spool_key),
    lengthBytes: number(row.length_bytes),
    sha256: bytes(row.sha256),
    origin: decodeJson(row.origin),
    receivedAt: date(row.received_at),
    sopClassUid: textOrNull(row.sop_class_uid),
    sopInstanceUid: textOrNull(row.sop_instance_uid),
    studyInstanceUid: textOrNull(row.study_instance_uid),
    transferSyntaxUid: textOrNull(row.transfer_syntax_uid),
    orderKey: text(row.order_key),
    state: text(row.state) as InstanceState,
    route: textOrNull(row.route),
    reasons: decodeJson(row.reasons, []),
    verdict: decodeJson(row.verdict, null),
    description: decodeDescription(row.description),
    sealed: decodeJson(row.sealed, null),
    otherKeys: decodeJson(row.other_keys, []),
    attempts: number(row.attempts),
    judgedAt: dateOrNull(row.judged_at),
    doneAt: dateOrNull(row.done_at),
    releaseAskedBy: decodeJson(row.asked_by, null),
    deliveries,
  }
}

/** @param row  with the columns of the table `delivery` */
export function readDelivery(row: RecordRow): StoredDelivery {
  return {
    id: text(row.number),
    instanceId: text(row.instance),
    orderKey: text(row.order_key),
    destination: text(row.destination),
    spoolKey: text(row.spool_key),
    sha256: bytes(row.sha256),
    sopClassUid: text(row.sop_class_uid),
    sopInstanceUid: text(row.sop_instance_uid),
    transferSyntaxUid: text(row.transfer_syntax_uid),
    state: text(row.state) as StoredDelivery['state'],
    attempts: number(row.attempts),
    dueAt: date(row.due_at),
    lastError: textOrNull(row.last_error),
    sentAt: dateOrNull(row.sent_at),
    committedAt: dateOrNull(row.committed_at),
  }
}

export function readEarlier(row: RecordRow): EarlierInstance {
  return {
    id: text(row.id),
    sha256: bytes(row.sha256),
    state: text(row.state) as InstanceState,
    description: decodeDescription(row.description),
    receivedAt: date(row.received_at),
  }
}

export const encodeJson = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

/** @throws {StoreError} `spool_corrupted` */
function decodeJson<T>(value: unknown, otherwise?: T): T {
  if (value === null && otherwise !== undefined) return otherwise
  try {
    return JSON.parse(text(value)) as T
  } catch (cause) {
    throw cause instanceof StoreError ? cause : damaged(cause)
  }
}

const hexOrNull = (value: Uint8Array | null): string | null => value && encodeHex(value)
const bytesOrNull = (value: string | null): Uint8Array | null => (value === null ? null : decodeHex(value))

function text(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  throw damaged()
}

const textOrNull = (value: unknown): string | null => (value === null ? null : text(value))

export function number(value: unknown): number {
  const read = typeof value === 'string' ? Number(value) : value
  if (typeof read !== 'number' || !Number.isSafeInteger(read)) throw damaged()
  return read
}

const date = (value: unknown): Date => new Date(number(value))
export const dateOrNull = (value: unknown): Date | null => (value == null ? null : date(value))

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw damaged()
  return new Uint8Array(value)
}

const damaged = (cause?: unknown): StoreError =>
  new StoreError('spool_corrupted', 'a record of the gateway is damaged', { cause })
