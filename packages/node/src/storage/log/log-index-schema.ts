/**
 * Log index schema: the database that finds entries of a log on one machine by identity, number and term.
 *
 *     entry     number → flags, identity and terms, laid out as in the write-ahead log
 *     payload   number → statement
 *     identity  first 48 bits of an identity, number
 *     term      48 bits of the keyed digest of a term, number
 *     fresh_…   the same two for the newest entries, until there are enough to be moved together
 *
 * Looking up goes by the short keys and is settled by the entry itself, so two that share a key are told apart. The
 * short keys make the index small, and let an erased term leave no copy of its text: SQLite moves the rows of an ordered
 * index about and does not wipe where they stood. Rows of `entry` and `payload` are added at the end only, and erasing
 * overwrites them in place with as many zeros, so these never move.
 *
 * Keys come in no order, so that each would change a page of its own in a large table. The fresh tables are small, and
 * their rows are moved in order, many to a page: that is what keeps a large log as fast as a small one. Of one key, all
 * fresh rows are younger than the others.
 */
import { hash, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { guard, openDatabase, rowOf } from './sqlite.ts'
import type { TermsPlace } from './wal-format.ts'

const VERSION = 1
/** How long a writer waits for readers; the log's appends may wait for it. */
const BUSY_MS = 2_000
/** Bytes before the terms in the body of an entry: flags 1, number of terms 2, identity 32. */
export const BODY_HEADER = 35

const SETUP = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA secure_delete = ON;
  PRAGMA cache_size = -65536;
  PRAGMA wal_autocheckpoint = 4000;
  CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS payload (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS identity (key INTEGER, number INTEGER, PRIMARY KEY (key, number)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS term (key INTEGER, number INTEGER, PRIMARY KEY (key, number)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS fresh_identity (key INTEGER, number INTEGER, PRIMARY KEY (key, number)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS fresh_term (key INTEGER, number INTEGER, PRIMARY KEY (key, number)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS meta (
    id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER, size INTEGER, released INTEGER, salt BLOB
  );
`

/** What an index knows of itself. */
export interface IndexState {
  /** Entries it holds: all those below this number. */
  readonly size: number
  /** Entries that the write-ahead log need not have any more. */
  readonly released: number
  /** Key of the digests of terms, 16 bytes. */
  readonly salt: Uint8Array
}

/** Opens the index for writing, and makes it where there is none. @throws {StoreError} as {@link openDatabase} */
export function openIndex(path: string, timeoutMs = BUSY_MS): DatabaseSync {
  const database = openDatabase(path, SETUP, { timeout: timeoutMs })
  guard(() => {
    database.prepare('INSERT OR IGNORE INTO meta VALUES (1, ?, 0, 0, ?)').run(VERSION, randomBytes(16))
    // After a flush that failed, the system shows what the disk may not have, and would never write it again by itself.
    database.exec('PRAGMA wal_checkpoint(PASSIVE)')
  })
  return database
}

/** @throws {StoreError} `log_corrupted` for a database that is no index of this version */
export function readState(database: DatabaseSync): IndexState {
  const row = guard(() => rowOf(database.prepare('SELECT version, size, released, salt FROM meta'))) ?? {}
  const { version, size, released, salt } = row
  if (
    version !== VERSION ||
    typeof size !== 'number' ||
    typeof released !== 'number' ||
    !(salt instanceof Uint8Array)
  ) {
    throw new StoreError('log_corrupted', 'the index of the log is none that this program writes')
  }
  return { size, released, salt }
}

/** @param at  where the identity begins */
export function identityKey(bytes: Uint8Array, at = 0): number {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return view.readUIntBE(at, 6)
}

/** The key of a term in an index with this salt. @param term  as encodeTerm in wal-format.ts writes it */
export function termKey(salt: Uint8Array, term: Uint8Array): number {
  return hash('sha256', Buffer.concat([salt, term]), 'buffer').readUIntBE(0, 6)
}

/** Where the terms lie in the body of an entry. */
export function bodyTerms(body: Buffer): TermsPlace {
  return { terms: BODY_HEADER, termCount: body.readUInt16BE(1) }
}

/** The bytes of a row as a Buffer over the same memory. */
export function asBuffer(bytes: unknown): Buffer {
  if (!(bytes instanceof Uint8Array)) throw new StoreError('log_corrupted', 'a row of the index is damaged')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
