/**
 * Immutable store on PostgreSQL: objects as rows, for a log without an object store beside its database.
 *
 * Tiles take about a third of what the entries do. A large log keeps its objects in S3, which costs less and is read
 * without going through the database.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { ImmutableStore, StoredObject } from '../../../services/log/ports.ts'
import { checkObjectPath, checkPartialPath } from '../object-path.ts'
import { byteaArray } from './binary-array.ts'
import type { PostgresDatabase } from './database.ts'

const GET = 'SELECT content FROM fiducial.log_object WHERE log = $1 AND path = $2'

const PUT = `
  WITH put AS (
    INSERT INTO fiducial.log_object (log, path, content)
    SELECT $1, path, content FROM unnest($2::bytea[], $3::bytea[]) AS new (path, content)
    ON CONFLICT (log, path) DO NOTHING RETURNING path
  )
  SELECT count(*)::integer AS count FROM put`

/** A statement of its own: it sees what others have stored while ours waited for them. */
const COUNT_OTHER = `
  SELECT count(*)::integer AS count FROM unnest($2::bytea[], $3::bytea[]) AS new (path, content)
  WHERE NOT EXISTS (
    SELECT FROM fiducial.log_object AS old WHERE old.log = $1 AND old.path = new.path AND old.content = new.content
  )`

const REMOVE = 'DELETE FROM fiducial.log_object WHERE log = $1 AND path = $2'

export class PostgresImmutableStore implements ImmutableStore {
  readonly #database: PostgresDatabase
  readonly #log: number

  private constructor(database: PostgresDatabase, log: number) {
    this.#database = database
    this.#log = log
  }

  /** The objects of a log. @throws {StoreError} as {@link PostgresDatabase.write} */
  static async open(database: PostgresDatabase, origin: string): Promise<PostgresImmutableStore> {
    return new PostgresImmutableStore(database, await database.logId(origin))
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    checkObjectPath(path)
    const statement = { name: 'object_get', text: GET, values: [this.#log, Buffer.from(path)] }
    const [row] = await this.#database.read<{ content: Buffer }>(statement)
    return row && new Uint8Array(row.content)
  }

  async putOnce(path: string, bytes: Uint8Array): Promise<void> {
    await this.putAll([{ path, bytes }])
  }

  /** All or nothing, unless one of several conflicts: then those that do not are stored. */
  async putAll(objects: readonly StoredObject[]): Promise<void> {
    for (const { path } of objects) checkObjectPath(path)
    if (objects.length === 0) return
    // In one order by all, so that two writers never wait for each other.
    const sorted = objects.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    const paths = byteaArray(sorted.map(({ path }) => Buffer.from(path)))
    const values = [this.#log, paths, byteaArray(sorted.map(({ bytes }) => bytes))]
    const [put] = await this.#database.write<{ count: number }>({ name: 'object_put', text: PUT, values })
    if (put?.count === objects.length) return
    const statement = { name: 'object_count_other', text: COUNT_OTHER, values }
    const [other] = await this.#database.read<{ count: number }>(statement)
    if (other?.count !== 0) throw new StoreError('object_conflict', `${other?.count} objects exist with other bytes`)
  }

  async removePartial(path: string): Promise<void> {
    checkPartialPath(path)
    const statement = { name: 'object_remove', text: REMOVE, values: [this.#log, Buffer.from(path)] }
    await this.#database.write(statement)
  }
}
