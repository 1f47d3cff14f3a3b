/** SQLite: opens databases of the runtime's own SQLite, and turns its errors into ours. */
import { DatabaseSync, type DatabaseSyncOptions, type StatementSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { inTransaction as runInTransaction } from '../transaction.ts'

/** How long a call waits for somebody else's lock. */
const BUSY_MS = 10_000
/** Primary result codes of SQLite ("Result and Error Codes"). */
const BUSY = 5
const CORRUPT = 11
const NOT_A_DATABASE = 26

/** A row, as a statement gives it. */
export type Row = Readonly<Record<string, unknown>>

/**
 * Opens a database, and makes what is in it.
 *
 * @param setup  statements that may be run again each time
 * @throws {StoreError} `log_locked`, `log_corrupted`, `log_unwritable`
 */
export function openDatabase(path: string, setup: string, options: DatabaseSyncOptions = {}): DatabaseSync {
  return guard(() => {
    const database = new DatabaseSync(path, { timeout: BUSY_MS, ...options })
    try {
      database.exec(setup)
    } catch (cause) {
      database.close()
      throw cause
    }
    return database
  })
}

/** Does something with a database. @throws {StoreError} for each error of SQLite, with the code that tells it best */
export function guard<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw databaseError(cause)
  }
}

/** An error of SQLite as one of ours; other errors as they are. */
export function databaseError(cause: unknown): unknown {
  if (!(cause instanceof Error) || !('errcode' in cause)) return cause
  const code = Number(cause.errcode) & 0xff
  if (code === BUSY) return new StoreError('log_locked', 'another process holds a database of the log', { cause })
  if (code === CORRUPT || code === NOT_A_DATABASE) {
    return new StoreError('log_corrupted', `a database of the log is damaged: SQLite code ${code}`, { cause })
  }
  return new StoreError('log_unwritable', `a database of the log: SQLite code ${code}`, { cause })
}

/** Runs steps in one transaction: all or nothing. @throws {StoreError} as {@link guard}; what the steps throw */
export const inTransaction = <T>(database: DatabaseSync, steps: () => T): T =>
  guard(() => runInTransaction(database, steps))

/** The row that a statement gives; undefined for none. */
export function rowOf(
  statement: StatementSync,
  ...values: readonly (string | number | bigint | Uint8Array)[]
): Row | undefined {
  return statement.get(...values) as Row | undefined
}
