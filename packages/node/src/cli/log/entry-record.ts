/**
 * Entry record: an entry of a log as --json shows it: what happened, to what, who signed it, and that it is in the log.
 *
 * Statements are the site's own data, so UIDs are shown; persons only by the id that the site calls them by.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { type CustodyStatement, EVENT_DETAILS } from '@fiducial/core/domain/log/event-details.ts'
import { CONTENT_DIGESTS, type ContentDigests, type EventInstance } from '@fiducial/core/domain/log/event-parts.ts'
import type { RecordShape } from '@fiducial/core/domain/log/event-shape.ts'
import { type AcquisitionStatement, parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import type { JsonObject, JsonValue } from '@fiducial/core/formats/json/parse.ts'
import { parseJson } from '@fiducial/core/formats/json/parse.ts'
import { hashLeaf } from '@fiducial/core/formats/merkle/tree.ts'
import { spkiOfVerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { type QuotedCheckpoint, writeQuotedCheckpoint } from '@fiducial/core/formats/tlog/quoted-checkpoint.ts'
import { factsOfAcquisition } from '../../services/log/acquired-facts.ts'
import type { LogView } from '../../services/log/log-view.ts'
import type { LogEntry } from '../../services/log/read-entry.ts'

export interface EntryRecord {
  readonly index: string
  readonly leafHash: string
  /** Everything that is shown was checked; what does not come to the root is an error. */
  readonly inclusion: 'holds'
  /** Whether the statement is there. */
  readonly state: 'present' | 'erased' | 'absent'
  /** `log`, the id of a device, or the SHA-256 of a key that nobody here is known by. */
  readonly signedBy: string
  readonly signature?: 'holds' | 'fails'
  readonly event?: EventRecord
  /** Of an entry whose statement was erased: the entry that says so. */
  readonly erasedBy?: string
}

export interface EventRecord {
  readonly type: string
  readonly at: string
  readonly isDemo: boolean
  /** Id of the system that recorded it. */
  readonly recorder: string
  readonly instance: Readonly<Record<string, string | null>> | null
  readonly digests: JsonValue
  readonly checkpoint: JsonValue
  readonly details: JsonValue
  /** The whole of it, where that was asked for. */
  readonly statement?: JsonValue
}

export interface RecordOptions {
  readonly view: LogView
  readonly crypto: Crypto
  /** Shows statements whole, with the names of persons. */
  readonly isWhole: boolean
}

export function recordOfEntry(entry: LogEntry, options: RecordOptions): EntryRecord {
  const { index, leaf, statement } = entry
  const event =
    statement.state === 'present' ? recordOfStatement(statement.payload, statement.event, options) : undefined
  return {
    index: String(index),
    leafHash: encodeHex(hashLeaf(options.crypto.hash, leaf)),
    inclusion: 'holds',
    state: statement.state,
    signedBy: signerOf(entry, event, options),
    ...(statement.state === 'present' && { signature: statement.isSigned ? 'holds' : 'fails' }),
    ...(event && { event }),
  }
}

/** Whose key signed an entry. */
function signerOf({ entry }: LogEntry, event: EventRecord | undefined, { view, crypto }: RecordOptions): string {
  const isLog = view.quorum.logs.some(
    ({ key }) => key.type === 'ed25519' && equalBytes(spkiOfVerifierKey(key), entry.spki),
  )
  if (isLog) return 'log'
  return event?.type === 'acquired' ? event.recorder : sha256(entry.spki, crypto)
}

type Statement = Extract<LogEntry['statement'], { readonly state: 'present' }>

function recordOfStatement(payload: Uint8Array, event: Statement['event'], options: RecordOptions): EventRecord {
  const record = event.type === 'acquired' ? recordOfAcquisition(parseStatement(payload)) : recordOfCustody(event)
  return options.isWhole ? { ...record, statement: parseJson(payload) } : record
}

function recordOfAcquisition(statement: AcquisitionStatement): EventRecord {
  const { type, at, isDemo, instance, digests, device, operator } = factsOfAcquisition(statement)
  return {
    type,
    at: at.toISOString(),
    isDemo,
    recorder: device.id,
    instance: recordOfInstance(instance),
    digests: recordOfDigests(digests),
    checkpoint: recordOfCheckpoint(statement.checkpoint),
    details: { device: device.id, operator: operator.id },
  }
}

function recordOfCustody(statement: CustodyStatement): EventRecord {
  const { type, at, isDemo, recorder, instance, digests, checkpoint, details } = statement
  const shape = EVENT_DETAILS[type] as RecordShape<CustodyStatement['details']>
  return {
    type,
    at: at.toISOString(),
    isDemo,
    recorder: recorder.id,
    instance: recordOfInstance(instance),
    digests: recordOfDigests(digests),
    checkpoint: recordOfCheckpoint(checkpoint),
    details: withoutNames(shape.write(details)),
  }
}

const recordOfInstance = (instance: EventInstance | null): EventRecord['instance'] => instance && { ...instance }
const recordOfDigests = (digests: ContentDigests | null): JsonValue => digests && CONTENT_DIGESTS.write(digests)
const recordOfCheckpoint = (quoted: QuotedCheckpoint | null): JsonValue => writeQuotedCheckpoint(quoted)

/** A value in which each party is its id. */
function withoutNames(value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(withoutNames)
  const object = value as JsonObject
  if (typeof object.id === 'string' && typeof object.name === 'string' && Object.keys(object).length === 2)
    return object.id
  return Object.fromEntries(Object.entries(object).map(([name, inner]) => [name, withoutNames(inner)]))
}

function sha256(bytes: Uint8Array, { hash }: Crypto): string {
  const digest = hash('sha256')
  digest.update(bytes)
  return encodeHex(digest.digest())
}
