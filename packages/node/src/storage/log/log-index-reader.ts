/**
 * Log index reader: looks entries up in the index of a log. Takes no lock that a writer would notice, so it works beside
 * a running log, in the same process or in another.
 */
import { existsSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RecordQuery, StoredEntry, Term } from '../../services/log/ports.ts'
import { checkQuery } from './check-batch.ts'
import { asBuffer, BODY_HEADER, bodyTerms, identityKey, readState, termKey } from './log-index-schema.ts'
import { guard, openDatabase, rowOf } from './sqlite.ts'
import { encodeTerm, IS_ERASED, termsAt } from './wal-format.ts'

/** Beyond this a number is none that the index could hold. */
const LIMIT = BigInt(Number.MAX_SAFE_INTEGER)
/** Keys that are looked for at once. */
const ASKED = 64
const PLACES = Array.from({ length: ASKED }, (_, i) => `?${i + 1}`).join(',')
const PAIRS = Array.from({ length: ASKED }, (_, i) => `(?${2 * i + 1},?${2 * i + 2})`).join(',')
const PRAGMAS = 'PRAGMA cache_size = -16384; PRAGMA mmap_size = 1073741824;'

export class LogIndexReader {
  readonly #database: DatabaseSync
  readonly #salt: Uint8Array
  readonly #statements: Readonly<
    Record<
      'keys' | 'identity' | 'payload' | 'range' | 'terms' | 'oldest' | 'newest' | 'freshOldest' | 'freshNewest',
      StatementSync
    >
  >

  /** @throws {StoreError} `log_missing` where there is no index; `log_corrupted`, `log_unwritable` */
  constructor(path: string) {
    if (!existsSync(path)) throw new StoreError('log_missing', 'there is no index of a log')
    this.#database = openDatabase(path, PRAGMAS, { readOnly: true })
    const prepare = (sql: string): StatementSync => guard(() => this.#database.prepare(sql))
    this.#salt = readState(this.#database).salt
    // Another term may have the same key: the entry has to hold the term itself. To look here costs less than to fetch it.
    const byTerm = (table: string, order: 'ASC' | 'DESC'): string =>
      `SELECT number FROM ${table} JOIN entry USING (number) WHERE key = ?1 AND number >= ?2 AND number < ?3 AND instr(body, ?4) > 0 ORDER BY number ${order} LIMIT ?5`
    const byIdentity = (table: string): string =>
      `SELECT number, body FROM ${table} JOIN entry USING (number) WHERE key = ?1`
    const byKeys = (table: string): string => `SELECT key, number FROM ${table} WHERE key IN (${PLACES})`
    const isIn = (table: string): string =>
      `EXISTS (SELECT 1 FROM ${table} WHERE key = asked.column1 AND number = asked.column2)`
    this.#statements = {
      keys: prepare(`${byKeys('identity')} UNION ALL ${byKeys('fresh_identity')}`),
      identity: prepare(`${byIdentity('identity')} UNION ALL ${byIdentity('fresh_identity')}`),
      payload: prepare(
        'SELECT entry.body AS entry, payload.body FROM entry LEFT JOIN payload USING (number) WHERE number = ?',
      ),
      range: prepare(
        'SELECT entry.body AS entry, payload.body FROM entry LEFT JOIN payload USING (number) WHERE number >= ? AND number < ? ORDER BY number',
      ),
      terms: prepare(
        `SELECT count(*) AS count FROM (VALUES ${PAIRS}) AS asked WHERE ${isIn('term')} OR ${isIn('fresh_term')}`,
      ),
      oldest: prepare(byTerm('term', 'ASC')),
      newest: prepare(byTerm('term', 'DESC')),
      freshOldest: prepare(byTerm('fresh_term', 'ASC')),
      freshNewest: prepare(byTerm('fresh_term', 'DESC')),
    }
  }

  /** Entries that are in the index. */
  size(): bigint {
    return BigInt(readState(this.#database).size)
  }

  /** Numbers of the entries with these identities, of 32 bytes each. */
  findIdentities(identities: readonly Uint8Array[]): (number | undefined)[] {
    if (identities.length === 0) return []
    // One look at the database for all of them: beginning to read costs more than reading.
    return this.#inOneLook(() => {
      const places = this.#placesOf(identities)
      return identities.map((identity) =>
        places.has(identityKey(identity)) ? this.#findIdentity(identity) : undefined,
      )
    })
  }

  /** Whether each of some entries in a row, with these identities, is the one that its identity leads to. */
  areFound(from: bigint, identities: readonly Uint8Array[]): boolean[] {
    return this.#inOneLook(() => {
      const places = this.#placesOf(identities)
      return identities.map((identity, i) => {
        const found = places.get(identityKey(identity)) ?? []
        // Where several entries share a key, their identities tell which is meant.
        const number = found.length > 1 ? this.#findIdentity(identity) : found[0]
        return number === Number(from) + i
      })
    })
  }

  /** Whether each of some entries in a row, with these terms, is found by all of them. */
  areFoundByTerms(from: bigint, terms: readonly (readonly Term[])[]): boolean[] {
    return this.#inOneLook(() => {
      const pairs = terms.map((some, i) =>
        some.flatMap((term) => [termKey(this.#salt, encodeTerm(term)), Number(from) + i]),
      )
      if (this.#hasAll(pairs.flat())) return terms.map(() => true)
      return pairs.map((some) => this.#hasAll(some))
    })
  }

  /** @param pairs  key and number of each row, one after the other */
  #hasAll(pairs: readonly number[]): boolean {
    for (let first = 0; first < pairs.length; first += 2 * ASKED) {
      const some = pairs.slice(first, first + 2 * ASKED)
      while (some.length < 2 * ASKED) some.push(some[0] as number, some[1] as number)
      if (rowOf(this.#statements.terms, ...some)?.count !== ASKED) return false
    }
    return true
  }

  /** Numbers by key. Mostly there are none, and to ask for many keys at once is what makes that cheap. */
  #placesOf(identities: readonly Uint8Array[]): ReadonlyMap<number, readonly number[]> {
    const places = new Map<number, number[]>()
    for (let first = 0; first < identities.length; first += ASKED) {
      const keys = identities.slice(first, first + ASKED).map((identity) => identityKey(identity))
      while (keys.length < ASKED) keys.push(keys[0] as number)
      for (const row of this.#statements.keys.all(...keys)) {
        const key = Number(row.key)
        places.set(key, [...(places.get(key) ?? []), Number(row.number)])
      }
    }
    return places
  }

  #findIdentity(identity: Uint8Array): number | undefined {
    for (const { number, body } of this.#statements.identity.iterate(identityKey(identity))) {
      if (asBuffer(body).compare(identity, 0, 32, 3, BODY_HEADER) === 0) return Number(number)
    }
    return undefined
  }

  /** Runs steps that all see the index as it is at the first of them. */
  #inOneLook<T>(steps: () => T): T {
    return guard(() => {
      this.#database.exec('BEGIN')
      try {
        return steps()
      } finally {
        this.#database.exec('COMMIT')
      }
    })
  }

  payload(index: bigint): Uint8Array | 'erased' | undefined {
    if (index < 0n || index > LIMIT) return undefined
    const row = guard(() => rowOf(this.#statements.payload, Number(index)))
    if (row === undefined) return undefined
    if (((asBuffer(row.entry)[0] ?? 0) & IS_ERASED) !== 0) return 'erased'
    return row.body === null ? undefined : asBuffer(row.body)
  }

  /** All that is kept of up to `count` entries, from an index on; fewer only at the end. */
  entries(from: bigint, count: number): StoredEntry[] {
    const rows = guard(() => this.#statements.range.all(bound(from), bound(from + BigInt(count))))
    return rows.map(({ entry, body }) => {
      const bytes = asBuffer(entry)
      const isErased = ((bytes[0] ?? 0) & IS_ERASED) !== 0
      return {
        payload: isErased ? 'erased' : body === null ? undefined : asBuffer(body),
        identity: bytes.subarray(3, BODY_HEADER),
        terms: termsAt(bytes, bodyTerms(bytes)),
      }
    })
  }

  /** Indexes of entries with a term. @throws {RangeError} for a query that the port does not allow */
  find(query: RecordQuery): bigint[] {
    checkQuery(query)
    const { term, from = 0n, to = LIMIT, limit, order = 'oldest_first' } = query
    const encoded = encodeTerm(term)
    const { oldest, newest, freshOldest, freshNewest } = this.#statements
    // What is fresh of a key is younger than the rest of it.
    const statements = order === 'oldest_first' ? [oldest, freshOldest] : [freshNewest, newest]
    const values = [termKey(this.#salt, encoded), bound(from), bound(to), encoded] as const
    const found: bigint[] = []
    this.#inOneLook(() => {
      for (const statement of statements) {
        if (found.length >= limit) break
        for (const { number } of statement.all(...values, limit - found.length)) found.push(BigInt(Number(number)))
      }
    })
    return found
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

function bound(index: bigint): number {
  return Number(index < 0n ? 0n : index > LIMIT ? LIMIT : index)
}
