/**
 * Witness store: what a witness has cosigned, in SQLite.
 *
 * Source: C2SP tlog-witness, section "add-checkpoint": the check of the old size and the change of the record are one
 * step, and the record is durable before an answer goes out.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Evidence, WitnessedCheckpoint, WitnessStore } from '../../services/log/ports.ts'
import { attempt, openDatabase } from './witness-database.ts'

/** "fdwi" as a number. */
const KIND = 0x66647769

const SCHEMA = `
  CREATE TABLE checkpoint (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    timestamp INTEGER NOT NULL,
    note TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE evidence (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    document BLOB NOT NULL
  ) STRICT;
  CREATE INDEX evidence_origin ON evidence (origin)`

export interface WitnessStoreOptions {
  /**
   * Whether a new store is made where there is none. Default: false, since a witness that starts anew by mistake forgets
   * what it has promised.
   */
  readonly mayCreate?: boolean
}

/** @throws {StoreError} `log_missing`, `log_corrupted`, `log_unwritable` */
export function openWitnessStore(path: string, { mayCreate = false }: WitnessStoreOptions = {}): WitnessStore {
  const database = openDatabase(path, { schema: SCHEMA, kind: KIND, mayCreate })
  const select = database.prepare('SELECT size, root, timestamp, note FROM checkpoint WHERE origin = ?')
  select.setReadBigInts(true)
  const documents = database.prepare('SELECT id, document FROM evidence WHERE origin = ? ORDER BY sequence')
  return {
    read: async (origin) => attempt(() => toCheckpoint(select.get(origin))),
    replace: async (origin, expected, next) => attempt(() => replace(database, origin, expected, next)),
    keep: async (evidence, limit) => attempt(() => keep(database, evidence, limit)),
    evidence: async (origin) => attempt(() => documents.all(origin).map((row) => toEvidence(origin, row))),
    close: async () => database.close(),
  }
}

/** One statement each: SQLite makes it a transaction, also against other processes. */
function replace(
  database: DatabaseSync,
  origin: string,
  expected: WitnessedCheckpoint | undefined,
  { size, root, timestamp, note }: WitnessedCheckpoint,
): boolean {
  if (expected === undefined) {
    const insert = database.prepare('INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
    return insert.run(origin, size, root, timestamp, note).changes === 1
  }
  const update = database.prepare(
    'UPDATE checkpoint SET size = ?, root = ?, timestamp = ?, note = ? WHERE origin = ? AND size = ? AND note = ?',
  )
  return update.run(size, root, timestamp, note, origin, expected.size, expected.note).changes === 1
}

function keep(database: DatabaseSync, { origin, id, document }: Evidence, limit: number): boolean {
  const insert = database.prepare(
    `INSERT INTO evidence (origin, id, document) SELECT ?, ?, ?
     WHERE (SELECT count(*) FROM evidence WHERE origin = ?) < ? ON CONFLICT DO NOTHING`,
  )
  return insert.run(origin, id, document, origin, limit).changes === 1
}

type Row = Readonly<Record<string, unknown>>

function toCheckpoint(row: Row | undefined): WitnessedCheckpoint | undefined {
  if (row === undefined) return undefined
  const { size, root, timestamp, note } = row
  return {
    size: size as bigint,
    root: new Uint8Array(root as Uint8Array),
    timestamp: timestamp as bigint,
    note: note as string,
  }
}

function toEvidence(origin: string, { id, document }: Row): Evidence {
  return { origin, id: id as string, document: new Uint8Array(document as Uint8Array) }
}
