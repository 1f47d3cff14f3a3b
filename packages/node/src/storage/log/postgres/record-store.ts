/**
 * Records on PostgreSQL: statements and terms, which the sequencer stores with their entries, so that nothing lags.
 *
 * Known flaw: PostgreSQL keeps the old row of an erased statement until it vacuums the table and reuses the page, and in
 * its write-ahead log until that is recycled; copies of the database keep it for ever. Nobody reads it by SQL any more,
 * but who has to answer for erasure has to vacuum, and to let old copies run out.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { RecordQuery, RecordStore } from '../../../services/log/ports.ts'
import { checkQuery } from '../check-batch.ts'
import { byteaArray, int4Array } from './binary-array.ts'
import type { PostgresDatabase } from './database.ts'
import { decodeTerms, encodeTerms, KIND_NUMBERS, valueBytes } from './terms.ts'

/** The largest index there can be, 2^63 - 1: what a bigint of PostgreSQL holds. */
const LAST = (1n << 63n) - 1n

const PAYLOAD = 'SELECT payload, is_erased, terms FROM fiducial.log_entry WHERE log = $1 AND index = $2'

const FIND = (order: 'ASC' | 'DESC'): string => `
  SELECT index FROM fiducial.log_term
  WHERE log = $1 AND kind = $2 AND value = $3 AND index >= $4 AND index < $5
  ORDER BY index ${order} LIMIT $6`

const ERASE = `
  WITH erased AS (
    UPDATE fiducial.log_entry SET payload = NULL, is_erased = true, terms = $3
    WHERE log = $1 AND index = $2 AND payload IS NOT NULL RETURNING log, index
  ), unlisted AS (
    DELETE FROM fiducial.log_term AS term
    USING erased, unnest($4::integer[], $5::bytea[]) AS gone (kind, value)
    WHERE term.log = erased.log AND term.kind = gone.kind AND term.value = gone.value AND term.index = erased.index
  )
  SELECT index FROM erased`

interface EntryRow {
  readonly payload: Buffer | null
  readonly is_erased: boolean
  readonly terms: Buffer
}

export class PostgresRecordStore implements RecordStore {
  readonly #database: PostgresDatabase
  readonly #log: number

  private constructor(database: PostgresDatabase, log: number) {
    this.#database = database
    this.#log = log
  }

  /** The records of a log. @throws {StoreError} as {@link PostgresDatabase.write} */
  static async open(database: PostgresDatabase, origin: string): Promise<PostgresRecordStore> {
    return new PostgresRecordStore(database, await database.logId(origin))
  }

  async payload(index: bigint): Promise<Uint8Array | 'erased' | undefined> {
    const entry = await this.#entry(index)
    if (entry === undefined) return undefined
    if (entry.is_erased) return 'erased'
    return entry.payload === null ? undefined : new Uint8Array(entry.payload)
  }

  async find(query: RecordQuery): Promise<readonly bigint[]> {
    checkQuery(query)
    const { term, from = 0n, to = LAST, limit, order = 'oldest_first' } = query
    const direction = order === 'oldest_first' ? 'ASC' : 'DESC'
    const values = [this.#log, KIND_NUMBERS[term.kind], valueBytes(term), bounded(from), bounded(to), limit]
    const statement = { name: `records_find_${direction}`, text: FIND(direction), values }
    const rows = await this.#database.read<{ index: string }>(statement)
    return rows.map(({ index }) => BigInt(index))
  }

  async erase(index: bigint): Promise<boolean> {
    const entry = await this.#entry(index)
    if (entry === undefined || entry.payload === null) return false
    const terms = decodeTerms(entry.terms)
    const kept = terms.filter(({ kind }) => kind === 'type')
    const gone = terms.filter(({ kind }) => kind !== 'type')
    const kinds = int4Array(gone.map(({ kind }) => KIND_NUMBERS[kind]))
    const values = [this.#log, `${index}`, encodeTerms(kept), kinds, byteaArray(gone.map(valueBytes))]
    const rows = await this.#database.write({ name: 'records_erase', text: ERASE, values })
    return rows.length === 1
  }

  /** Everything can be found from the moment it is appended. @throws {StoreError} if the database does not answer */
  async settle(): Promise<void> {
    const text = 'SELECT id FROM fiducial.log WHERE id = $1'
    const rows = await this.#database.read({ name: 'records_settle', text, values: [this.#log] })
    if (rows.length === 0) throw new StoreError('log_corrupted', 'the log in the database has no row')
  }

  async #entry(index: bigint): Promise<EntryRow | undefined> {
    if (index < 0n || index > LAST) return undefined
    const values = [this.#log, `${index}`]
    const [row] = await this.#database.read<EntryRow>({ name: 'records_entry', text: PAYLOAD, values })
    return row
  }
}

/** No index lies outside of what a bigint of PostgreSQL holds. */
function bounded(index: bigint): string {
  return `${index < 0n ? 0n : index > LAST ? LAST : index}`
}
