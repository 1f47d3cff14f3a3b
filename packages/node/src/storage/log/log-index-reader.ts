/**
 * Log index reader: looks entries up in the index of a log. Takes no lock that a writer would notice, so it works beside
 * a running log, in the same process or in another.
 */
import { existsSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RecordQuery } from '../../services/log/ports.ts'
import { checkQuery } from './check-batch.ts'
import { asBuffer, BODY_HEADER, bodyTerms, identityKey, readState, termKey } from './log-index-schema.ts'
import { guard, openDatabase, rowOf } from './sqlite.ts'
import { encodedTerms, encodeTerm, IS_ERASED } from './wal-format.ts'

/** Beyond this a number is none that the index could hold. */
const LIMIT = BigInt(Number.MAX_SAFE_INTEGER)
const PRAGMAS = 'PRAGMA cache_size = -16384; PRAGMA mmap_size = 1073741824;'

export class LogIndexReader {
  readonly #database: DatabaseSync
  readonly #salt: Uint8Array
  readonly #statements: Readonly<Record<'isKnown' | 'identity' | 'payload' | 'oldest' | 'newest', StatementSync>>

  /** @throws {StoreError} `log_missing` where there is no index; `log_corrupted`, `log_unwritable` */
  constructor(path: string) {
    if (!existsSync(path)) throw new StoreError('log_missing', 'there is no index of a log')
    this.#database = openDatabase(path, PRAGMAS, { readOnly: true })
    const prepare = (sql: string): StatementSync => guard(() => this.#database.prepare(sql))
    this.#salt = readState(this.#database).salt
    const byTerm =
      'SELECT number, body FROM term JOIN entry USING (number) WHERE key = ? AND number >= ? AND number < ?'
    this.#statements = {
      isKnown: prepare('SELECT 1 FROM identity WHERE key = ? LIMIT 1'),
      identity: prepare('SELECT number, body FROM identity JOIN entry USING (number) WHERE key = ?'),
      payload: prepare(
        'SELECT entry.body AS entry, payload.body FROM entry LEFT JOIN payload USING (number) WHERE number = ?',
      ),
      oldest: prepare(`${byTerm} ORDER BY number`),
      newest: prepare(`${byTerm} ORDER BY number DESC`),
    }
  }

  /** Entries that are in the index. */
  size(): bigint {
    return BigInt(readState(this.#database).size)
  }

  /** Numbers of the entries with these identities, of 32 bytes each. */
  findIdentities(identities: readonly Uint8Array[]): (number | undefined)[] {
    if (identities.length === 0) return []
    return guard(() => {
      // One look at the database for all of them: beginning to read costs more than reading.
      this.#database.exec('BEGIN')
      try {
        return identities.map((identity) => this.#findIdentity(identity))
      } finally {
        this.#database.exec('COMMIT')
      }
    })
  }

  #findIdentity(identity: Uint8Array): number | undefined {
    const key = identityKey(identity)
    // Mostly there is none.
    if (this.#statements.isKnown.get(key) === undefined) return undefined
    for (const { number, body } of this.#statements.identity.iterate(key)) {
      if (asBuffer(body).compare(identity, 0, 32, 3, BODY_HEADER) === 0) return Number(number)
    }
    return undefined
  }

  payload(index: bigint): Uint8Array | 'erased' | undefined {
    if (index < 0n || index > LIMIT) return undefined
    const row = guard(() => rowOf(this.#statements.payload, Number(index)))
    if (row === undefined) return undefined
    if (((asBuffer(row.entry)[0] ?? 0) & IS_ERASED) !== 0) return 'erased'
    return row.body === null ? undefined : asBuffer(row.body)
  }

  /** Indexes of entries with a term. @throws {RangeError} for a query that the port does not allow */
  find(query: RecordQuery): bigint[] {
    checkQuery(query)
    const { term, from = 0n, to = LIMIT, limit, order = 'oldest_first' } = query
    const encoded = encodeTerm(term)
    const statement = order === 'oldest_first' ? this.#statements.oldest : this.#statements.newest
    const found: bigint[] = []
    const rows = guard(() => statement.iterate(termKey(this.#salt, encoded), bound(from), bound(to)))
    for (const { number, body } of rows) {
      if (!hasTerm(asBuffer(body), encoded)) continue
      found.push(BigInt(Number(number)))
      if (found.length === limit) break
    }
    return found
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

/** Another term may have the same key. */
function hasTerm(body: Buffer, term: Buffer): boolean {
  for (const other of encodedTerms(body, bodyTerms(body))) if (other.equals(term)) return true
  return false
}

function bound(index: bigint): number {
  return Number(index < 0n ? 0n : index > LIMIT ? LIMIT : index)
}
