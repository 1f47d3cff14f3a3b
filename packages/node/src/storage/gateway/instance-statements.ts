/** Instance statements: prepared once each, on the database of the gateway. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { RecordRow } from './instance-record.ts'

export class InstanceStatements {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Rows that a statement gives. */
  all(sql: string, ...values: readonly SQLInputValue[]): readonly RecordRow[] {
    return this.#prepare(sql).all(...values) as RecordRow[]
  }

  first(sql: string, ...values: readonly SQLInputValue[]): RecordRow | undefined {
    return this.#prepare(sql).get(...values) as RecordRow | undefined
  }

  /** @returns rows that were changed */
  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes)
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }
}
