/** SQLite map store: nodes and head of the completeness map, in a database of their own beside a log. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import type { MapHead, MapStore } from '../../services/log/ports.ts'
import { guard, inTransaction, openDatabase, rowOf } from './sqlite.ts'

const SETUP = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA cache_size = -16384;
  CREATE TABLE IF NOT EXISTS node (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, root BLOB NOT NULL);
`

export class SqliteMapStore implements MapStore {
  readonly #database: DatabaseSync
  readonly #statements: Readonly<Record<'head' | 'get' | 'put' | 'remove' | 'putHead', StatementSync>>

  /** @throws {StoreError} `log_corrupted`, `log_locked`, `log_unwritable` */
  constructor(path: string) {
    this.#database = openDatabase(path, SETUP)
    const prepare = (sql: string): StatementSync => guard(() => this.#database.prepare(sql))
    this.#statements = {
      head: prepare('SELECT size, root FROM head'),
      get: prepare('SELECT value FROM node WHERE key = ?'),
      put: prepare("INSERT OR REPLACE INTO node VALUES (?, coalesce(?, x''))"),
      remove: prepare('DELETE FROM node WHERE key = ?'),
      putHead: prepare('INSERT OR REPLACE INTO head VALUES (1, ?, ?)'),
    }
    this.#statements.head.setReadBigInts(true)
  }

  async head(): Promise<MapHead | undefined> {
    const row = guard(() => rowOf(this.#statements.head))
    if (row === undefined) return undefined
    const { size, root } = row
    if (typeof size !== 'bigint' || !(root instanceof Uint8Array) || root.length !== 32) {
      throw new StoreError('log_corrupted', 'the head of the map is damaged')
    }
    return { size, root }
  }

  async get(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return guard(() =>
      keys.map((key) => {
        const value = rowOf(this.#statements.get, key)?.value
        return value instanceof Uint8Array ? value : undefined
      }),
    )
  }

  async write(
    changes: ReadonlyMap<string, Uint8Array | undefined>,
    head: MapHead,
    expectedSize?: bigint,
  ): Promise<void> {
    const { put, remove, putHead } = this.#statements
    inTransaction(this.#database, () => {
      if (expectedSize !== undefined && (rowOf(this.#statements.head)?.size ?? 0n) !== expectedSize) {
        throw new StoreError('checkpoint_moved', 'the map has another head by now')
      }
      for (const [key, value] of changes) {
        if (value === undefined) remove.run(key)
        else put.run(key, value)
      }
      putHead.run(head.size, head.root)
    })
  }

  async count(): Promise<bigint> {
    return BigInt(Number(guard(() => rowOf(this.#database.prepare('SELECT count(*) AS keys FROM node')))?.keys))
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }
}
