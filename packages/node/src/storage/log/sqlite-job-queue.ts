/**
 * SQLite job queue: work that may wait, in a small database beside a log.
 *
 * A job keeps its row when it is done, without its body, so that the same is not queued again. A lease is the pair of
 * job and attempt: whoever claims it later has a greater attempt. When a call resolves, it survives a power cut.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Job, JobQueue } from '../../services/log/ports.ts'
import { guard, openDatabase, rowOf } from './sqlite.ts'

const SETUP = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
  CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', UNIQUE (kind, key)
  );
  CREATE INDEX IF NOT EXISTS job_due ON job (due, id) WHERE state <> 'done';
`
const NOTHING = new Uint8Array(0)

export class SqliteJobQueue implements JobQueue {
  readonly #database: DatabaseSync

  /** @throws {StoreError} `log_corrupted`, `log_locked`, `log_unwritable` */
  constructor(path: string) {
    this.#database = openDatabase(path, SETUP)
  }

  async enqueue({ kind, key, body }: Pick<Job, 'kind' | 'key' | 'body'>, notBefore?: Date): Promise<void> {
    const sql = "INSERT INTO job (kind, key, body, due) VALUES (?, ?, coalesce(?, x''), ?) ON CONFLICT DO NOTHING"
    guard(() => this.#database.prepare(sql).run(kind, key, body, notBefore?.getTime() ?? 0))
  }

  async claim(kinds: readonly string[], now: Date, leaseMs: number): Promise<Job | undefined> {
    const at = now.getTime()
    const row = guard(() => {
      const statement = this.#database.prepare(`
        UPDATE job SET state = 'claimed', attempt = attempt + 1, due = ? WHERE id = (
          SELECT id FROM job WHERE state <> 'done' AND due <= ? AND kind IN (SELECT value FROM json_each(?))
          ORDER BY due, id LIMIT 1
        ) RETURNING id, kind, key, body, attempt`)
      return rowOf(statement, at + leaseMs, at, JSON.stringify(kinds))
    })
    if (row === undefined) return undefined
    const { id, kind, key, body, attempt } = row
    const bytes = body instanceof Uint8Array ? body : NOTHING
    return { id: String(id), kind: String(kind), key: String(key), body: bytes, attempt: Number(attempt) }
  }

  async complete(job: Job): Promise<boolean> {
    return this.#change(job, "state = 'done', body = x''")
  }

  async retry(job: Job, notBefore: Date): Promise<boolean> {
    return this.#change(job, `state = 'waiting', due = ${notBefore.getTime()}`)
  }

  async pending(): Promise<number> {
    const row = guard(() => rowOf(this.#database.prepare("SELECT count(*) AS jobs FROM job WHERE state <> 'done'")))
    return Number(row?.jobs)
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  /** @param assignments  of ours; nothing that a caller wrote */
  #change({ id, attempt }: Job, assignments: string): boolean {
    const sql = `UPDATE job SET ${assignments} WHERE id = ? AND attempt = ? AND state = 'claimed'`
    return guard(() => this.#database.prepare(sql).run(Number(id), attempt)).changes === 1
  }
}
