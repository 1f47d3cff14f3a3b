/**
 * Database: the connections to PostgreSQL that all adapters of a log share, and the words for what fails there.
 *
 * Every statement is a transaction of its own, so that no connection is ever left inside one. What the driver throws
 * stays here: its errors quote rows and addresses, so that only the five-character code (PostgreSQL, appendix A) or the
 * system's own code goes on. Passwords stand in the address alone, which no message holds.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import pg from 'pg'
import { settingsOf } from './address.ts'
import { migrate, SCHEMA_VERSION } from './schema.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A statement that takes longer is ended by the server; then by us, if the server does not answer either. */
const STATEMENT_TIMEOUT_MS = 60_000
const ANSWER_TIMEOUT_MS = 70_000
const CONNECTIONS = 8

/**
 * What resolves has to survive a power cut, whatever the server's default is. The others keep plans right while tables
 * grow: a new log has no statistics, and a plan that was made for its first hundred entries would read all of the first
 * million. Every statement of ours goes by an index.
 */
const SETTINGS = ['synchronous_commit=on', 'plan_cache_mode=force_custom_plan', 'enable_seqscan=off', 'jit=off']

export interface PostgresOptions {
  /**
   * `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with the parameters that `pg` knows (`host` for the folder of a
   * socket, `sslmode`, `sslrootcert`). What is missing comes from the environment (`PGHOST` and so on).
   */
  readonly url: string
  /** At most so many at once; default 8. */
  readonly connections?: number
}

/** A parameter of a statement. `bigint` as decimal text, bytes in binary. */
export type Parameter = string | number | boolean | Uint8Array | null

export interface Statement {
  /** Of the prepared statement; one name, one text. */
  readonly name: string
  readonly text: string
  readonly values: readonly Parameter[]
}

export class PostgresDatabase {
  readonly #pool: pg.Pool
  #ending: Promise<void> | undefined

  private constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /**
   * Connects, and makes or updates the tables.
   *
   * Other hosts than this machine are spoken to by TLS with a checked certificate, unless the address says otherwise by
   * `sslmode`.
   *
   * @throws {StoreError} `service_unreachable`; `service_refused` if the server answers and does not let us in, or its
   *   tables were made by a newer program; `log_unwritable` if it keeps nothing over a power cut (fsync is off)
   * @throws {RangeError} for an address that is none
   */
  static async open({ url, connections = CONNECTIONS }: PostgresOptions): Promise<PostgresDatabase> {
    const pool = new pg.Pool({
      ...settingsOf(url),
      max: connections,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      // A program that has nothing else to do ends, also where a reader was left open.
      allowExitOnIdle: true,
      application_name: 'fiducial',
      options: SETTINGS.map((setting) => `-c ${setting}`).join(' '),
    })
    // A connection that breaks while it is idle leaves the pool by itself; its next user gets another.
    pool.on('error', () => undefined)
    // One that breaks under a statement says so twice: to whoever waits for it, and here, where unheard it would end the
    // process.
    pool.on('connect', (client) => client.on('error', () => undefined))
    const database = new PostgresDatabase(pool)
    try {
      await database.#prepare()
      return database
    } catch (cause) {
      await database.close()
      throw cause
    }
  }

  /** Runs a statement that changes nothing. @throws {StoreError} `service_unreachable`, `service_refused` */
  async read<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    try {
      return await this.#run<Row>(statement)
    } catch (cause) {
      throw cause instanceof StoreError ? cause : unreadable(cause)
    }
  }

  /**
   * Runs a statement that changes something. When it resolves, the change survives a power cut; when it rejects, the
   * change may or may not be there.
   *
   * @throws {StoreError} `log_unwritable`, also where there is no connection
   */
  async write<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    try {
      return await this.#run<Row>(statement)
    } catch (cause) {
      throw cause instanceof StoreError && cause.code === 'log_stopped' ? cause : unwritable(cause)
    }
  }

  /** Number of a log, which gets one where it has none. @throws as {@link PostgresDatabase.write} */
  async logId(origin: string): Promise<number> {
    const values = [Buffer.from(origin)]
    const text = 'SELECT id FROM fiducial.log WHERE origin = $1'
    const [known] = await this.read<{ id: number }>({ name: 'log_id', text, values })
    if (known !== undefined) return known.id
    const insert = `INSERT INTO fiducial.log (origin) VALUES ($1)
      ON CONFLICT (origin) DO UPDATE SET origin = excluded.origin RETURNING id`
    const [made] = await this.write<{ id: number }>({ name: 'log_make', text: insert, values })
    if (made === undefined) throw new StoreError('log_unwritable', 'the database gave the log no number')
    return made.id
  }

  /** Ends all connections once their statements are done. */
  close(): Promise<void> {
    this.#ending ??= this.#pool.end()
    return this.#ending
  }

  async #run<Row extends object>({ name, text, values }: Statement): Promise<readonly Row[]> {
    const client = await this.#connect()
    try {
      const { rows } = await client.query<Row>({ name, text, values: [...values] })
      client.release()
      return rows
    } catch (cause) {
      // Whatever state it is in: a connection that failed is not used again.
      client.release(true)
      throw cause
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.#ending !== undefined) throw stopped()
    try {
      return await this.#pool.connect()
    } catch (cause) {
      throw isRefusal(cause)
        ? new StoreError('service_refused', `the database does not let us in (${codeOf(cause)})`)
        : new StoreError('service_unreachable', `the database cannot be reached (${codeOf(cause)})`)
    }
  }

  async #prepare(): Promise<void> {
    const client = await this.#connect()
    try {
      const version = await migrate(client)
      if (version > SCHEMA_VERSION) {
        throw new StoreError('service_refused', `the tables are of version ${version}; we know ${SCHEMA_VERSION}`)
      }
      const { rows } = await client.query<{ fsync: string }>(`SELECT current_setting('fsync') AS fsync`)
      if (rows[0]?.fsync !== 'on') throw new StoreError('log_unwritable', 'the database has fsync off')
      client.release()
    } catch (cause) {
      client.release(true)
      if (cause instanceof StoreError) throw cause
      throw isConnectionLoss(cause) ? unreadable(cause) : unwritable(cause)
    }
  }
}

/** What an adapter says that is closed, or waits to be claimed again. */
export const stopped = (): StoreError => new StoreError('log_stopped', 'this part of the log has stopped')

const unreadable = (cause: unknown): StoreError =>
  isConnectionLoss(cause)
    ? new StoreError('service_unreachable', `the connection to the database broke (${codeOf(cause)})`)
    : new StoreError('service_refused', `the database gave no answer (${codeOf(cause)})`)

const unwritable = (cause: unknown): StoreError =>
  new StoreError('log_unwritable', `the database did not do what was asked (${codeOf(cause)})`)

/** The server answered, and it was no "not now": 53300 is "too many connections", class 57 shutting down or starting. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof pg.DatabaseError && !/^(?:53300|57|08)/.test(cause.code ?? '')
}

function isConnectionLoss(cause: unknown): boolean {
  return !(cause instanceof pg.DatabaseError) || /^(?:57P0|08)/.test(cause.code ?? '')
}

/** PostgreSQL's code, the system's or ours, such as `53100` or `ECONNRESET`: short, and never a value. */
function codeOf(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' && /^[A-Za-z0-9_]{1,40}$/.test(code) ? code : 'no code'
}
