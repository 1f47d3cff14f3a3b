/**
 * SQLite orders: observed orders in a small database of their own, by the keys that images have in common with them.
 *
 * Written without waiting for the disk: what a power cut takes is observed again with the next query of the modality.
 */
import type { DatabaseSync } from 'node:sqlite'
import { keysOf, type ObservedOrder } from '@fiducial/core/domain/gateway/orders.ts'
import { ORDERS_FOUND, type OrderStore } from '../../services/gateway/ports.ts'
import { guard, inTransaction, openDatabase, type Row, rowOf } from '../log/sqlite.ts'

const SETUP = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA secure_delete = ON;
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS observed (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, seen INTEGER NOT NULL, step TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS observed_seen ON observed (seen);
  CREATE TABLE IF NOT EXISTS observed_key (
    kind TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL REFERENCES observed ON DELETE CASCADE,
    PRIMARY KEY (kind, key, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS observed_key_id ON observed_key (id);
`

export class SqliteOrders implements OrderStore {
  readonly #database: DatabaseSync

  /** @throws {StoreError} `log_corrupted`, `log_locked`, `log_unwritable` */
  constructor(path: string) {
    this.#database = openDatabase(path, SETUP)
  }

  async put(order: ObservedOrder): Promise<void> {
    const { id, kind, seenAt, step } = order
    const { studies, accessionNumbers } = keysOf(order)
    inTransaction(this.#database, () => {
      this.#database.prepare('DELETE FROM observed WHERE id = ?').run(id)
      const row = this.#database.prepare('INSERT INTO observed VALUES (?, ?, ?, ?)')
      row.run(id, kind, seenAt.getTime(), JSON.stringify(step))
      const key = this.#database.prepare('INSERT INTO observed_key VALUES (?, ?, ?)')
      for (const study of studies) key.run('study', study, id)
      for (const number of accessionNumbers) key.run('accession', number, id)
    })
  }

  async get(id: string): Promise<ObservedOrder | undefined> {
    const row = guard(() => rowOf(this.#database.prepare('SELECT * FROM observed WHERE id = ?'), id))
    return row === undefined ? undefined : orderOf(row)
  }

  async find({ studyInstanceUid, accessionNumber }: Parameters<OrderStore['find']>[0]): Promise<ObservedOrder[]> {
    const sql = `
      SELECT * FROM observed WHERE id IN (
        SELECT id FROM observed_key WHERE kind = 'study' AND key = ?
        UNION SELECT id FROM observed_key WHERE kind = 'accession' AND key = ?
      ) ORDER BY seen DESC LIMIT ${ORDERS_FOUND}`
    return guard(() => this.#database.prepare(sql).all(studyInstanceUid, accessionNumber)).map(orderOf)
  }

  async forget(before: Date): Promise<number> {
    const sql = 'DELETE FROM observed WHERE seen < ?'
    return Number(guard(() => this.#database.prepare(sql).run(before.getTime())).changes)
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }
}

const orderOf = ({ id, kind, seen, step }: Row): ObservedOrder =>
  ({ id, kind, seenAt: new Date(Number(seen)), step: JSON.parse(String(step)) }) as ObservedOrder
