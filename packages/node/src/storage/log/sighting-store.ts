/**
 * Sighting store: the newest checkpoint that each source has shown to a monitor, in SQLite.
 */
import type { SightingStore } from '../../services/log/ports.ts'
import { attempt, openDatabase } from './witness-database.ts'

/** "fdsi" as a number. */
const KIND = 0x66647369

const SCHEMA = 'CREATE TABLE sighting (source TEXT PRIMARY KEY, note TEXT NOT NULL) STRICT, WITHOUT ROWID'

/** Opens a store, or makes it. @throws {StoreError} `log_corrupted`, `log_unwritable` */
export function openSightingStore(path: string): SightingStore {
  const database = openDatabase(path, { schema: SCHEMA, kind: KIND, mayCreate: true })
  const select = database.prepare('SELECT note FROM sighting WHERE source = ?')
  const upsert = database.prepare(
    'INSERT INTO sighting VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET note = excluded.note',
  )
  return {
    read: async (source) => attempt(() => select.get(source)?.note as string | undefined),
    write: async (source, note) => void attempt(() => upsert.run(source, note)),
    close: async () => database.close(),
  }
}
