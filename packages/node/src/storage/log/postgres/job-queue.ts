/**
 * Job queue on PostgreSQL: whoever claims takes a row that nobody else is looking at (FOR UPDATE SKIP LOCKED).
 *
 * A lease is the time at which a claimed job is due again; `attempt` is the token by which its holder is known. What is
 * done stays, without its body, so that the same job is not queued again.
 */
import type { Job, JobQueue } from '../../../services/log/ports.ts'
import { byteaArray } from './binary-array.ts'
import { type PostgresDatabase, stopped } from './database.ts'

const ENQUEUE = `
  INSERT INTO fiducial.log_job (log, kind, key, body, due) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (log, kind, key) DO NOTHING`

const CLAIM = `
  UPDATE fiducial.log_job SET attempt = attempt + 1, is_leased = true, due = $4
  WHERE id = (
    SELECT id FROM fiducial.log_job
    WHERE log = $1 AND NOT is_done AND kind = ANY ($2::bytea[]) AND due <= $3
    ORDER BY due, id LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  RETURNING id, kind, key, body, attempt`

const COMPLETE = `
  UPDATE fiducial.log_job SET is_done = true, is_leased = false, body = ''
  WHERE log = $1 AND id = $2 AND attempt = $3 AND is_leased RETURNING id`

const RETRY = `
  UPDATE fiducial.log_job SET is_leased = false, due = $4
  WHERE log = $1 AND id = $2 AND attempt = $3 AND is_leased RETURNING id`

const PENDING = 'SELECT count(*) AS count FROM fiducial.log_job WHERE log = $1 AND NOT is_done'

/** Milliseconds since 1970 of a job that is due whenever somebody asks. */
const ALWAYS = 0

interface JobRow {
  readonly id: string
  readonly kind: Buffer
  readonly key: Buffer
  readonly body: Buffer
  readonly attempt: number
}

export class PostgresJobQueue implements JobQueue {
  readonly #database: PostgresDatabase
  readonly #log: number
  #isClosed = false

  private constructor(database: PostgresDatabase, log: number) {
    this.#database = database
    this.#log = log
  }

  /** The queue of a log. The database stays open when it is closed. @throws {StoreError} */
  static async open(database: PostgresDatabase, origin: string): Promise<PostgresJobQueue> {
    return new PostgresJobQueue(database, await database.logId(origin))
  }

  async enqueue({ kind, key, body }: Pick<Job, 'kind' | 'key' | 'body'>, notBefore?: Date): Promise<void> {
    this.#checkOpen()
    const due = notBefore?.getTime() ?? ALWAYS
    const values = [this.#log, Buffer.from(kind), Buffer.from(key), body, due]
    await this.#database.write({ name: 'job_enqueue', text: ENQUEUE, values })
  }

  async claim(kinds: readonly string[], now: Date, leaseMs: number): Promise<Job | undefined> {
    this.#checkOpen()
    const kindBytes = byteaArray(kinds.map((kind) => Buffer.from(kind)))
    const values = [this.#log, kindBytes, now.getTime(), now.getTime() + leaseMs]
    const [row] = await this.#database.write<JobRow>({ name: 'job_claim', text: CLAIM, values })
    if (row === undefined) return undefined
    const { id, kind, key, body, attempt } = row
    return { id, kind: kind.toString(), key: key.toString(), body: new Uint8Array(body), attempt }
  }

  async complete({ id, attempt }: Job): Promise<boolean> {
    this.#checkOpen()
    const values = [this.#log, id, attempt]
    return (await this.#database.write({ name: 'job_complete', text: COMPLETE, values })).length === 1
  }

  async retry({ id, attempt }: Job, notBefore: Date): Promise<boolean> {
    this.#checkOpen()
    const values = [this.#log, id, attempt, notBefore.getTime()]
    return (await this.#database.write({ name: 'job_retry', text: RETRY, values })).length === 1
  }

  async pending(): Promise<number> {
    this.#checkOpen()
    const statement = { name: 'job_pending', text: PENDING, values: [this.#log] }
    const [row] = await this.#database.read<{ count: string }>(statement)
    return Number(row?.count ?? 0)
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #checkOpen(): void {
    if (this.#isClosed) throw stopped()
  }
}
