/**
 * Read entry: one entry of a log with the statement beside it, each part checked against the checkpoint of a view.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { isEntryOf, isSignatureRight, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { type EventStatement, parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RekorEntry } from '@fiducial/core/formats/sigstore/rekor-entry.ts'
import type { LogView, ProvenEntry } from './log-view.ts'
import type { RecordStore } from './ports.ts'

/** What stands beside an entry. */
export type EntryStatement =
  | {
      readonly state: 'present'
      readonly payload: Uint8Array
      readonly event: EventStatement
      /** Whether the signature in the entry is right for it. */
      readonly isSigned: boolean
    }
  | { readonly state: 'erased' }
  /** A copy of the public part of a log holds no statements. */
  | { readonly state: 'absent' }

/** An entry whose inclusion was verified. */
export interface LogEntry extends ProvenEntry {
  readonly entry: RekorEntry
  readonly statement: EntryStatement
}

export interface EntrySource {
  readonly view: LogView
  /** Absent for a copy of the public part. */
  readonly records: Pick<RecordStore, 'payload'> | undefined
  readonly crypto: Crypto
}

/**
 * Reads an entry.
 * @throws {StoreError} `entry_missing`; `log_corrupted` if leaf or statement are not what the log says
 * @throws {FormatError} `entry_malformed`, `event_malformed` for what no log of ours takes
 */
export async function readLogEntry(index: bigint, source: EntrySource): Promise<LogEntry> {
  const { view, records, crypto } = source
  const [proven, payload] = await Promise.all([view.prove(index), records?.payload(index)])
  const entry = readEntry(proven.leaf)
  if (payload === undefined) return { ...proven, entry, statement: { state: 'absent' } }
  if (payload === 'erased') return { ...proven, entry, statement: { state: 'erased' } }
  if (!isEntryOf(entry, payload, crypto.hash))
    throw new StoreError('log_corrupted', `the statement of entry ${index} is another one`)
  const event = parseEventStatement(payload)
  const isSigned = isSignatureRight(entry, payload, crypto)
  return { ...proven, entry, statement: { state: 'present', payload, event, isSigned } }
}
