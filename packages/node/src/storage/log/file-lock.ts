/**
 * File lock: admits one process to a log, and numbers the claims on it.
 *
 * The lock is SQLite's own, on a small database that holds the number of the newest claim; the kernel takes it back from
 * a process that dies. Known flaw: on Unix such a lock is lost when the same process opens and closes the file by other
 * means, so nothing but this module may touch it.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { guard, inTransaction, openDatabase, rowOf } from './sqlite.ts'

export class FileLock {
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Takes the lock, without waiting. @throws {StoreError} `log_locked` where another holds it; `log_unwritable` */
  static acquire(path: string): FileLock {
    // Full, and extra: the number of a claim survives a power cut before anybody uses it.
    const setup = 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = EXTRA;'
    const database = openDatabase(path, setup, { timeout: 0 })
    try {
      guard(() => {
        // The lock of a writer, kept until the connection is closed.
        database.exec('BEGIN EXCLUSIVE')
        database.exec('CREATE TABLE IF NOT EXISTS claim (id INTEGER PRIMARY KEY CHECK (id = 1), fence INTEGER)')
        database.exec('INSERT OR IGNORE INTO claim VALUES (1, 0)')
        database.exec('COMMIT')
      })
    } catch (cause) {
      database.close()
      throw cause
    }
    return new FileLock(database)
  }

  /** The number of a new claim, greater than all before it and than `above`. @throws {StoreError} `log_unwritable` */
  claim(above: bigint): bigint {
    return inTransaction(this.#database, () => {
      const statement = this.#database.prepare('UPDATE claim SET fence = max(fence, ?) + 1 RETURNING fence')
      statement.setReadBigInts(true)
      const fence = rowOf(statement, above)?.fence
      if (typeof fence !== 'bigint') throw new StoreError('log_corrupted', 'the lock of the log holds no number')
      return fence
    })
  }

  release(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}
