/** Map store on PostgreSQL: the nodes of the completeness map, changed in one transaction together with its head. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { MapHead, MapStore } from '../../../services/log/ports.ts'
import { byteaArray } from './binary-array.ts'
import type { PostgresDatabase } from './database.ts'

const HEAD = 'SELECT size, root FROM fiducial.log_map_head WHERE log = $1'
const GET = 'SELECT key, value FROM fiducial.log_map_node WHERE log = $1 AND key = ANY ($2::bytea[])'

/** First the head, under its lock, and the nodes only if it was the expected one. */
const WRITE = `
  WITH moved AS (
    INSERT INTO fiducial.log_map_head AS head (log, size, root)
    SELECT $1::integer, $5::bigint, $6::bytea
    WHERE coalesce($7::bigint, 0) = 0 OR EXISTS (SELECT FROM fiducial.log_map_head WHERE log = $1)
    ON CONFLICT (log) DO UPDATE SET size = excluded.size, root = excluded.root
    WHERE $7::bigint IS NULL OR head.size = $7
    RETURNING log
  ), removed AS (
    DELETE FROM fiducial.log_map_node AS node USING moved WHERE node.log = moved.log AND key = ANY ($2::bytea[])
  ), written AS (
    INSERT INTO fiducial.log_map_node (log, key, value)
    SELECT log, key, value FROM moved, unnest($3::bytea[], $4::bytea[]) AS new (key, value)
    ON CONFLICT (log, key) DO UPDATE SET value = excluded.value
  )
  SELECT log FROM moved`

const COUNT = 'SELECT count(*) AS count FROM fiducial.log_map_node WHERE log = $1'

export class PostgresMapStore implements MapStore {
  readonly #database: PostgresDatabase
  readonly #log: number

  private constructor(database: PostgresDatabase, log: number) {
    this.#database = database
    this.#log = log
  }

  /** The map of a log. @throws {StoreError} as {@link PostgresDatabase.write} */
  static async open(database: PostgresDatabase, origin: string): Promise<PostgresMapStore> {
    return new PostgresMapStore(database, await database.logId(origin))
  }

  async head(): Promise<MapHead | undefined> {
    const statement = { name: 'map_head', text: HEAD, values: [this.#log] }
    const [row] = await this.#database.read<{ size: string; root: Buffer }>(statement)
    return row && { size: BigInt(row.size), root: new Uint8Array(row.root) }
  }

  async get(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    if (keys.length === 0) return []
    const values = [this.#log, byteaArray(keys.map(bytesOf))]
    const rows = await this.#database.read<{ key: Buffer; value: Buffer }>({ name: 'map_get', text: GET, values })
    const found = new Map(rows.map(({ key, value }) => [key.toString('utf8'), new Uint8Array(value)]))
    return keys.map((key) => found.get(key))
  }

  async write(
    changes: ReadonlyMap<string, Uint8Array | undefined>,
    { size, root }: MapHead,
    expectedSize?: bigint,
  ): Promise<void> {
    // In one order by all, so that two writers never wait for each other.
    const keys = [...changes.keys()].sort()
    const removed = keys.filter((key) => changes.get(key) === undefined)
    const written = keys.filter((key) => changes.get(key) !== undefined)
    const values = [
      this.#log,
      byteaArray(removed.map(bytesOf)),
      byteaArray(written.map(bytesOf)),
      byteaArray(written.map((key) => changes.get(key))),
      `${size}`,
      root,
      expectedSize === undefined ? null : `${expectedSize}`,
    ]
    const moved = await this.#database.write({ name: 'map_write', text: WRITE, values })
    if (moved.length === 0) throw new StoreError('checkpoint_moved', 'the map has another head by now')
  }

  async count(): Promise<bigint> {
    const statement = { name: 'map_count', text: COUNT, values: [this.#log] }
    const [row] = await this.#database.read<{ count: string }>(statement)
    return BigInt(row?.count ?? 0)
  }
}

const bytesOf = (key: string): Buffer => Buffer.from(key, 'utf8')
