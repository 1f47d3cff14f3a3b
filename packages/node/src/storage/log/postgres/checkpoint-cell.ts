/** Checkpoint cell on PostgreSQL: one row a cell, replaced only where it holds what was expected, letter by letter. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { CheckpointCell } from '../../../services/log/ports.ts'
import type { PostgresDatabase } from './database.ts'

const READ = 'SELECT note FROM fiducial.log_checkpoint WHERE log = $1 AND name = $2'
const FIRST =
  'INSERT INTO fiducial.log_checkpoint (log, name, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING log'
const NEXT = 'UPDATE fiducial.log_checkpoint SET note = $3 WHERE log = $1 AND name = $2 AND note = $4 RETURNING log'

/** A log has two: where its recovery begins, and what others may see. */
export type CellName = 'head' | 'published'

export class PostgresCheckpointCell implements CheckpointCell {
  readonly #database: PostgresDatabase
  readonly #log: number
  readonly #name: CellName

  private constructor(database: PostgresDatabase, log: number, name: CellName) {
    this.#database = database
    this.#log = log
    this.#name = name
  }

  /** A cell of a log. @throws {StoreError} as {@link PostgresDatabase.write} */
  static async open(database: PostgresDatabase, origin: string, name: CellName): Promise<PostgresCheckpointCell> {
    return new PostgresCheckpointCell(database, await database.logId(origin), name)
  }

  async read(): Promise<string | undefined> {
    const statement = { name: 'cell_read', text: READ, values: [this.#log, this.#name] }
    const [row] = await this.#database.read<{ note: Buffer }>(statement)
    return row?.note.toString('utf8')
  }

  async compareAndSwap(expected: string | undefined, next: string): Promise<void> {
    const bytes = Buffer.from(next, 'utf8')
    const statement =
      expected === undefined
        ? { name: 'cell_first', text: FIRST, values: [this.#log, this.#name, bytes] }
        : { name: 'cell_next', text: NEXT, values: [this.#log, this.#name, bytes, Buffer.from(expected, 'utf8')] }
    const swapped = await this.#database.write(statement)
    if (swapped.length === 0) throw new StoreError('checkpoint_moved', 'another checkpoint is current')
  }
}
