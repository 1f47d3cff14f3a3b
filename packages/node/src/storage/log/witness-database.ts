/**
 * Witness database: opens the small SQLite file in which a witness or a monitor keeps what it has seen.
 *
 * Source: SQLite, "PRAGMA synchronous": in the mode FULL a transaction that was committed survives a power cut. What
 * stands in the tables is left to witness-store.ts and sighting-store.ts.
 */
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'

/** How long a writer waits for another process that is writing. */
const BUSY_TIMEOUT_MS = 5_000

/** Codes of SQLite for a file that is damaged, and for one that is something else. */
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

export interface DatabaseOptions {
  /** Statements that make the tables of a new file. */
  readonly schema: string
  /** Tells the kind of file, 1 to 2^31 - 1; stands in the file. */
  readonly kind: number
  /** Whether a new file is made where there is none. */
  readonly mayCreate: boolean
}

/**
 * Opens a file, or makes it.
 * @throws {StoreError} `log_missing` where there is none and none may be made, `log_corrupted` for a file of another
 *   kind, `log_unwritable`
 */
export function openDatabase(path: string, { schema, kind, mayCreate }: DatabaseOptions): DatabaseSync {
  const isNew = !existsSync(path)
  if (isNew && !mayCreate) throw new StoreError('log_missing', 'there is no such database')
  return attempt(() => {
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      prepare(database, schema, kind, isNew)
      return database
    } catch (cause) {
      database.close()
      throw cause
    }
  })
}

/** Runs what touches the database, and tells its failures by our codes. @throws {StoreError} */
export function attempt<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const code = (cause as { readonly errcode?: unknown } | null)?.errcode
    const isDamaged = code === SQLITE_CORRUPT || code === SQLITE_NOTADB
    throw new StoreError(
      isDamaged ? 'log_corrupted' : 'log_unwritable',
      isDamaged ? 'the database is damaged' : 'the database does not take what is written',
      { cause },
    )
  }
}

function prepare(database: DatabaseSync, schema: string, kind: number, isNew: boolean): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
  // Two processes may find no file at the same time: whoever is second finds the mark of the first.
  database.exec('BEGIN IMMEDIATE')
  const found = database.prepare('PRAGMA application_id').get()?.application_id
  if (isNew && found === 0) database.exec(`${schema}; PRAGMA application_id = ${kind}`)
  else if (found !== kind) {
    database.exec('ROLLBACK')
    throw new StoreError('log_corrupted', 'the database is of another kind')
  }
  database.exec('COMMIT')
}
