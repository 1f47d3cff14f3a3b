/**
 * Sweep database: opens the SQLite file of an auditor for one process at a time.
 *
 * Source: SQLite, "PRAGMA synchronous": in WAL mode with NORMAL, what was committed survives the end of the process, and
 * a power cut takes the last commits away whole.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { inTransaction as runInTransaction } from '../transaction.ts'
import { SWEEP_KIND, SWEEP_SCHEMA } from './sweep-schema.ts'

/** Codes of SQLite for a file that another process holds, is damaged, or is something else. */
const BUSY = 5
const CORRUPT = 11
const NOT_A_DATABASE = 26

/**
 * Opens a file, or makes it.
 * @throws {StoreError} `sweep_corrupted` for a file of another kind, `output_unwritable`, also while another process sweeps
 */
export function openSweepDatabase(path: string): DatabaseSync {
  return guard(() => {
    mkdirSync(dirname(path), { recursive: true })
    const database = new DatabaseSync(path, { timeout: 1_000 })
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      const kind = database.prepare('PRAGMA application_id').get()?.application_id
      if (kind === 0 && isEmpty(database)) {
        database.exec(`BEGIN; ${SWEEP_SCHEMA}; PRAGMA application_id = ${SWEEP_KIND}; COMMIT`)
      } else if (kind !== SWEEP_KIND) throw new StoreError('sweep_corrupted', 'the file is no memory of sweeps')
      return database
    } catch (cause) {
      database.close()
      throw cause
    }
  })
}

const isEmpty = (database: DatabaseSync): boolean =>
  database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables === 0

/** Does something with a database. @throws {StoreError} for each error of SQLite */
export function guard<T>(step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw storeError(cause)
  }
}

function storeError(cause: unknown): unknown {
  if (cause instanceof StoreError || !(cause instanceof Error)) return cause
  if (!('errcode' in cause)) {
    if (!('code' in cause)) return cause
    return new StoreError('output_unwritable', `the memory of sweeps cannot be written (${String(cause.code)})`, {
      cause,
    })
  }
  const code = Number(cause.errcode) & 0xff
  if (code === BUSY) return new StoreError('output_unwritable', 'another process sweeps this archive', { cause })
  if (code === CORRUPT || code === NOT_A_DATABASE)
    return new StoreError('sweep_corrupted', `the memory of sweeps is damaged: SQLite code ${code}`, { cause })
  return new StoreError('output_unwritable', `the memory of sweeps: SQLite code ${code}`, { cause })
}

/** Runs steps in one transaction: all or nothing. */
export const inTransaction = <T>(database: DatabaseSync, steps: () => T): T =>
  guard(() => runInTransaction(database, steps))
