/** Transaction: steps in an SQLite database that happen all or not at all. */
import type { DatabaseSync } from 'node:sqlite'

/**
 * Runs steps in one transaction, which begins with the right to write.
 * @throws what SQLite throws, untranslated; what the steps throw, once all of them are taken back
 */
export function inTransaction<T>(database: DatabaseSync, steps: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = steps()
    database.exec('COMMIT')
    return result
  } catch (cause) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw cause
  }
}
