/**
 * Log index writer: puts the entries of records of the write-ahead log into the index, and takes statements out.
 *
 * Everything added between two commits is one transaction. A commit survives the end of the process; only a release and
 * an erasure wait for the disk, because what they stand for is removed from the write-ahead log next.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StoreError } from '@fiducial/core/errors.ts'
import { asBuffer, BODY_HEADER, bodyTerms, type IndexState, openIndex, readState, termKey } from './log-index-schema.ts'
import { guard, rowOf } from './sqlite.ts'
import { type EntryPlace, encodedTerms, entryPlaces, eraseTerms, IS_ERASED, payloadAt } from './wal-format.ts'

/** Entries whose keys are sorted together: a place among them takes 16 bits. */
const CHUNK = 65_536
/** Rows that a fresh table holds, about. */
const FRESH_ROWS = 262_144
/** Keys have 48 bits; so many of them in a row are moved together. */
const SLICE = 2 ** 42
const KEYS = 2 ** 48

/** A table whose rows are fresh at first. */
interface Keyed {
  /** Rows of the fresh table. */
  fresh: number
  /** Where the next slice begins. */
  cursor: number
  readonly insert: StatementSync
  readonly copy: StatementSync
  readonly remove: StatementSync
}

export class LogIndexWriter {
  readonly #database: DatabaseSync
  readonly #salt: Uint8Array
  readonly #statements: Readonly<Record<'entry' | 'payload' | 'size', StatementSync>>
  #size: number
  #released: number
  /** Keys of entries since `#chunkStart`, in the upper 48 bits, and the place of their entry in the lower 16. */
  #identityKeys: bigint[] = []
  #termKeys: bigint[] = []
  #chunkStart = 0
  readonly #freshRows: number
  readonly #identity: Keyed
  readonly #term: Keyed

  /**
   * @param options  how long to wait for readers and writers that are in the way; rows that a fresh table
   *   holds, by default 262,144
   * @throws {StoreError} `log_corrupted`, `log_unwritable`, `log_locked`
   */
  constructor(path: string, options: { readonly timeoutMs?: number; readonly freshRows?: number } = {}) {
    const { timeoutMs, freshRows = FRESH_ROWS } = options
    this.#database = openIndex(path, timeoutMs)
    this.#freshRows = freshRows
    const prepare = (sql: string): StatementSync => guard(() => this.#database.prepare(sql))
    const { size, released, salt } = readState(this.#database)
    this.#size = size
    this.#released = released
    this.#salt = salt
    this.#identity = this.#openKeyed('identity')
    this.#term = this.#openKeyed('term')
    this.#statements = {
      entry: prepare('INSERT INTO entry VALUES (?, ?)'),
      payload: prepare('INSERT INTO payload VALUES (?, ?)'),
      size: prepare('UPDATE meta SET size = ?, released = ?'),
    }
  }

  get state(): IndexState {
    return { size: this.#size, released: this.#released, salt: this.#salt }
  }

  /** Adds the entries of a record. @param record  whole, without the zeros that follow it */
  add(record: Buffer, first: number, count: number): void {
    if (first !== this.#size) throw new StoreError('log_corrupted', `the index has ${this.#size} entries, not ${first}`)
    this.#begin()
    guard(() => {
      for (const place of entryPlaces(record, count)) this.#addEntry(record, place)
    })
  }

  /** Makes everything added so far visible to all readers. */
  commit(): void {
    if (!this.#database.isTransaction) return
    guard(() => {
      this.#flushKeys()
      this.#moveKeys(this.#identity)
      this.#moveKeys(this.#term)
      this.#statements.size.run(this.#size, this.#released)
      this.#database.exec('COMMIT')
    })
  }

  /** Notes that entries below `size` are released; when it returns, they and the note survive a power cut. */
  release(size: number): void {
    this.commit()
    // The flush of one commit covers all those before it.
    guard(() => this.#database.exec('PRAGMA synchronous = FULL'))
    this.#begin()
    this.#released = size
    this.commit()
    guard(() => this.#database.exec('PRAGMA synchronous = NORMAL'))
  }

  /**
   * Takes the statement of an entry and all terms but its type out. False where there is nothing to take out.
   * @throws {StoreError} `log_locked` where a reader keeps a copy alive: nobody finds it any more, and another call
   *   after the reader has ended removes it
   */
  erase(number: number): boolean {
    this.commit()
    const erased = guard(() => this.#eraseRows(number))
    this.commit()
    // Also where nothing was left to take out: an earlier call may have been cut off before this.
    this.#emptyJournal()
    return erased
  }

  close(): void {
    this.commit()
    guard(() => this.#database.close())
  }

  #begin(): void {
    if (this.#database.isTransaction) return
    guard(() => this.#database.exec('BEGIN IMMEDIATE'))
    this.#chunkStart = this.#size
  }

  #addEntry(record: Buffer, place: EntryPlace): void {
    const number = this.#size++
    const { entry, payload } = this.#statements
    const statement = payloadAt(record, place)
    const body = Buffer.allocUnsafe(BODY_HEADER + place.end - place.terms)
    body[0] = place.flags
    body.writeUInt16BE(place.termCount, 1)
    record.copy(body, 3, place.identity, place.identity + 32)
    record.copy(body, BODY_HEADER, place.terms, place.end)
    entry.run(number, body)
    if (statement !== undefined && statement !== 'erased') payload.run(number, statement)

    if (number - this.#chunkStart >= CHUNK) this.#flushKeys()
    const chunkPlace = BigInt(number - this.#chunkStart)
    this.#identityKeys.push((BigInt(record.readUIntBE(place.identity, 6)) << 16n) | chunkPlace)
    for (const term of encodedTerms(record, place)) {
      this.#termKeys.push((BigInt(termKey(this.#salt, term)) << 16n) | chunkPlace)
    }
  }

  /** Inserts the keys in their order, so that each page of the index is visited once. */
  #flushKeys(): void {
    const insert = (table: Keyed, keys: readonly bigint[]): void => {
      for (const key of BigUint64Array.from(keys).sort()) {
        const { changes } = table.insert.run(Number(key >> 16n), this.#chunkStart + Number(key & 0xffffn))
        table.fresh += Number(changes)
      }
    }
    insert(this.#identity, this.#identityKeys)
    insert(this.#term, this.#termKeys)
    this.#identityKeys = []
    this.#termKeys = []
    this.#chunkStart = this.#size - 1
  }

  #openKeyed(table: 'identity' | 'term'): Keyed {
    const prepare = (sql: string): StatementSync => guard(() => this.#database.prepare(sql))
    const slice = `FROM fresh_${table} WHERE key >= ? AND key < ?`
    return {
      fresh: Number(guard(() => rowOf(prepare(`SELECT count(*) AS count FROM fresh_${table}`)))?.count),
      cursor: 0,
      insert: prepare(`INSERT OR IGNORE INTO fresh_${table} VALUES (?, ?)`),
      copy: prepare(`INSERT INTO ${table} SELECT key, number ${slice} ORDER BY key, number`),
      remove: prepare(`DELETE ${slice}`),
    }
  }

  /** Moves some keys in a row, with all their rows, until few enough are fresh: a little at each commit. */
  #moveKeys(table: Keyed): void {
    for (let moved = 0; table.fresh > this.#freshRows && moved < KEYS; moved += SLICE) {
      const slice = [table.cursor, table.cursor + SLICE] as const
      table.copy.run(...slice)
      table.fresh -= Number(table.remove.run(...slice).changes)
      table.cursor = (table.cursor + SLICE) % KEYS
    }
  }

  #eraseRows(number: number): boolean {
    const entry = rowOf(this.#database.prepare('SELECT body FROM entry WHERE number = ?'), number)
    if (entry === undefined) return false
    const body = asBuffer(entry.body)
    const payload = rowOf(this.#database.prepare('SELECT length(body) AS bytes FROM payload WHERE number = ?'), number)
    if (((body[0] ?? 0) & IS_ERASED) !== 0) return false
    const terms = eraseTerms(body, bodyTerms(body))
    if (payload === undefined && terms.length === 0) return false

    body[0] = (body[0] ?? 0) | IS_ERASED
    this.#begin()
    // Rows of the same length are overwritten where they stand.
    this.#database.prepare('UPDATE entry SET body = ? WHERE number = ?').run(body, number)
    this.#database.prepare('UPDATE payload SET body = zeroblob(length(body)) WHERE number = ?').run(number)
    for (const table of ['term', 'fresh_term']) {
      const remove = this.#database.prepare(`DELETE FROM ${table} WHERE key = ? AND number = ?`)
      for (const term of terms) {
        const { changes } = remove.run(termKey(this.#salt, term), number)
        if (table === 'fresh_term') this.#term.fresh -= Number(changes)
      }
    }
    return true
  }

  /** SQLite's own write-ahead file still holds pages as they were. Flushes the database too. */
  #emptyJournal(): void {
    const result = guard(() => rowOf(this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)')))
    if (result?.busy !== 0) {
      throw new StoreError('log_locked', 'somebody reads the index for so long that a copy of what was erased stays')
    }
  }
}
