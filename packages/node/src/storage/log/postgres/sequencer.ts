/**
 * Sequencer on PostgreSQL: the row of the log holds fence and size, and an append changes both sides of it at once.
 *
 * An append is one statement, and so one transaction: the row moves on only if fence and size are those that were
 * expected, and only then are batch, identities, statements and terms stored. Whoever claims waits for the row, so that
 * an append that was cut off has either happened before the claim or cannot happen any more. Erasing and finding by
 * terms are left to record-store.ts.
 */
import { StoreError } from '@fiducial/core/errors.ts'
import type { Claim, NewEntry, SequencedBatch, Sequencer } from '../../../services/log/ports.ts'
import { checkBatch } from '../check-batch.ts'
import { byteaArray, int4Array } from './binary-array.ts'
import { type PostgresDatabase, type Statement, stopped } from './database.ts'
import { decodeLeaves, encodeLeaves } from './leaves.ts'
import { decodeTerms, encodeTerms, KIND_NUMBERS, valueBytes } from './terms.ts'

const CLAIM = `
  UPDATE fiducial.log SET fence = fence + 1 WHERE id = $1 RETURNING fence, size`

const APPEND = `
  WITH moved AS (
    UPDATE fiducial.log SET size = $3::bigint + $4::integer WHERE id = $1 AND fence = $2 AND size = $3 RETURNING id
  ), batch AS (
    INSERT INTO fiducial.log_batch (log, first, count, root, leaves) SELECT id, $3, $4, $5, $6 FROM moved
  ), entry AS (
    INSERT INTO fiducial.log_entry (log, index, identity, payload, terms)
    SELECT id, $3 + place - 1, identity, payload, terms
    FROM moved, unnest($7::bytea[], $8::bytea[], $9::bytea[]) WITH ORDINALITY AS new (identity, payload, terms, place)
  ), term AS (
    INSERT INTO fiducial.log_term (log, kind, value, index)
    SELECT id, kind, value, $3 + place
    FROM moved, unnest($10::integer[], $11::bytea[], $12::integer[]) AS new (kind, value, place)
  )
  SELECT id FROM moved`

const STATE = 'SELECT fence, size, released FROM fiducial.log WHERE id = $1'

/** One look into the index of identities for each: without statistics, `= ANY` goes through the whole log instead. */
const FIND = `
  SELECT (SELECT index FROM fiducial.log_entry AS entry WHERE log = $1 AND entry.identity = asked.identity) AS index
  FROM unnest($2::bytea[]) WITH ORDINALITY AS asked (identity, place) ORDER BY place`

/** A batch at a time: one may have megabytes. */
const READ = `
  SELECT first, count, root, leaves FROM fiducial.log_batch
  WHERE log = $1 AND first >= coalesce((SELECT max(first) FROM fiducial.log_batch WHERE log = $1 AND first <= $2), 0)
  ORDER BY first LIMIT 1`

const READ_ENTRIES = `
  SELECT index, identity, payload, terms FROM fiducial.log_entry
  WHERE log = $1 AND index >= $2 AND index < $3 ORDER BY index`

/** The rows go with the number: whoever reads sees both or neither. */
const RELEASE = `
  WITH released AS (
    UPDATE fiducial.log SET released = $2 WHERE id = $1 AND size >= $2 AND released < $2 RETURNING id
  )
  DELETE FROM fiducial.log_batch USING released WHERE log = released.id AND first < $2 AND first + count <= $2`

interface StateRow {
  readonly fence: string
  readonly size: string
  readonly released: string
}

interface BatchRow {
  readonly first: string
  readonly count: number
  readonly root: Buffer
  readonly leaves: Buffer
}

interface EntryRow {
  readonly index: string
  readonly identity: Buffer
  readonly payload: Buffer | null
  readonly terms: Buffer
}

/** Why nothing is appended until the next claim. */
type Halt = 'fence_lost' | 'log_stopped'

export class PostgresSequencer implements Sequencer {
  readonly #database: PostgresDatabase
  readonly #log: number
  #fence: bigint | undefined
  #halt: Halt | undefined
  #isClosed = false
  /** Settles when the append under way is over, well or not. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(database: PostgresDatabase, log: number) {
    this.#database = database
    this.#log = log
  }

  /** The sequencer of a log, which starts empty. The database stays open when it is closed. @throws {StoreError} */
  static async open(database: PostgresDatabase, origin: string): Promise<PostgresSequencer> {
    return new PostgresSequencer(database, await database.logId(origin))
  }

  async claim(): Promise<Claim> {
    if (this.#isClosed) throw stopped()
    const [row] = await this.#database.write<StateRow>({ name: 'log_claim', text: CLAIM, values: [this.#log] })
    if (row === undefined) throw corrupted('it has no row')
    const claim = { fence: BigInt(row.fence), size: BigInt(row.size) }
    this.#fence = claim.fence
    this.#halt = undefined
    return claim
  }

  async append(batch: SequencedBatch, fence: bigint): Promise<void> {
    checkBatch(batch)
    if (this.#isClosed) throw stopped()
    if (fence !== this.#fence || this.#halt === 'fence_lost') throw fenceLost()
    if (this.#halt !== undefined) throw stopped()
    const append = this.#append(batch, fence)
    this.#last = append.catch(() => undefined)
    try {
      await append
    } catch (cause) {
      // A claim that came in between has settled what is there already.
      if (this.#fence === fence) this.#halt = codeOf(cause) === 'fence_lost' ? 'fence_lost' : 'log_stopped'
      throw cause
    }
  }

  async find(identities: readonly Uint8Array[]): Promise<readonly (bigint | undefined)[]> {
    if (identities.length === 0) return []
    const values = [this.#log, byteaArray(identities)]
    const rows = await this.#database.read<{ index: string | null }>({ name: 'log_find', text: FIND, values })
    return rows.map(({ index }) => (index === null ? undefined : BigInt(index)))
  }

  async *read(from: bigint): AsyncGenerator<SequencedBatch> {
    const { released, size } = await this.#state()
    if (from < released) throw corrupted('what is asked for was released')
    for (let at = from; at < size; ) {
      const batch = await this.#readBatch(at)
      const end = batch.first + BigInt(batch.entries.length)
      if (batch.first > at || end <= at) throw corrupted(`no batch holds the entry ${at}`)
      yield batch
      at = end
    }
  }

  async release(size: bigint): Promise<void> {
    const state = await this.#state()
    if (size < 0n || size > state.size) throw new RangeError('a release of entries that are not there')
    await this.#database.write({ name: 'log_release', text: RELEASE, values: [this.#log, `${size}`] })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last
  }

  async #append(batch: SequencedBatch, fence: bigint): Promise<void> {
    const rows = await this.#database.write(appendStatement(this.#log, batch, fence))
    if (rows.length === 1) return
    // Nothing was stored. The row cannot move back, so that it still tells why.
    const state = await this.#state()
    throw state.fence === fence
      ? new StoreError('checkpoint_moved', `the log has ${state.size} entries, not ${batch.first}`)
      : fenceLost()
  }

  async #state(): Promise<{ readonly fence: bigint; readonly size: bigint; readonly released: bigint }> {
    const [row] = await this.#database.read<StateRow>({ name: 'log_state', text: STATE, values: [this.#log] })
    if (row === undefined) throw corrupted('it has no row')
    return { fence: BigInt(row.fence), size: BigInt(row.size), released: BigInt(row.released) }
  }

  async #readBatch(at: bigint): Promise<SequencedBatch> {
    const [row] = await this.#database.read<BatchRow>({ name: 'log_read', text: READ, values: [this.#log, `${at}`] })
    if (row === undefined) throw corrupted(`no batch holds the entry ${at}`)
    const first = BigInt(row.first)
    const values = [this.#log, row.first, `${first + BigInt(row.count)}`]
    const rows = await this.#database.read<EntryRow>({ name: 'log_read_entries', text: READ_ENTRIES, values })
    const leaves = decodeLeaves(row.leaves, row.count)
    if (rows.length !== row.count) throw corrupted(`the batch at ${first} lacks entries`)
    return { first, root: plain(row.root), entries: rows.map((entry, i) => entryOf(entry, leaves[i] as Uint8Array)) }
  }
}

function appendStatement(log: number, { first, entries, root }: SequencedBatch, fence: bigint): Statement {
  const kinds: number[] = []
  const termValues: Uint8Array[] = []
  const places: number[] = []
  for (const [place, { terms }] of entries.entries()) {
    for (const [i, term] of terms.entries()) {
      // The same term twice would be the same row twice.
      if (terms.findIndex(({ kind, value }) => kind === term.kind && value === term.value) < i) continue
      kinds.push(KIND_NUMBERS[term.kind])
      termValues.push(valueBytes(term))
      places.push(place)
    }
  }
  const values = [
    log,
    `${fence}`,
    `${first}`,
    entries.length,
    root,
    encodeLeaves(entries.map(({ leaf }) => leaf)),
    byteaArray(entries.map(({ identity }) => identity)),
    byteaArray(entries.map(({ payload }) => payload)),
    byteaArray(entries.map(({ terms }) => encodeTerms(terms))),
    int4Array(kinds),
    byteaArray(termValues),
    int4Array(places),
  ]
  return { name: 'log_append', text: APPEND, values }
}

function entryOf({ identity, payload, terms }: EntryRow, leaf: Uint8Array): NewEntry {
  const entry = { leaf, identity: plain(identity), terms: decodeTerms(terms) }
  return payload === null ? entry : { ...entry, payload: plain(payload) }
}

/** Buffer stops here. */
const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

const codeOf = (cause: unknown): string | undefined => (cause instanceof StoreError ? cause.code : undefined)

const fenceLost = (): StoreError => new StoreError('fence_lost', 'another sequencer has claimed the log')
const corrupted = (what: string): StoreError => new StoreError('log_corrupted', `the log in the database: ${what}`)
