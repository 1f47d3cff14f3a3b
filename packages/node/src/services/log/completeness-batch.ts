/**
 * Completeness batch: entries of a log on their way into the map, and the studies that they touch.
 *
 * Fetches the records of a study when the first entry about it comes, some hundred entries at a time, and is full after
 * a number of entries or bytes, so that memory does not grow with the log.
 */
import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { studyName } from '@fiducial/core/domain/log/map/check.ts'
import {
  changesStudy,
  type EntryFacts,
  erasureOf,
  newsOf,
  type RecordNews,
} from '@fiducial/core/domain/log/map/facts.ts'
import { studyKeyOf, studySaltOf } from '@fiducial/core/domain/log/map/keys.ts'
import { decodeRow, type EntryPlace, rowName } from '@fiducial/core/domain/log/map/places.ts'
import { decodeRecords, type MapRecord } from '@fiducial/core/domain/log/map/record.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { MapStore, RecordStore } from './ports.ts'

/** An entry of the log, as far as the map looks at it. */
export interface FedEntry {
  readonly index: bigint
  readonly payload: Uint8Array | 'erased' | undefined
}

/** Entries from `from` up to and without `to`, in order and without a gap. */
export type EntryFeed = (from: bigint, to: bigint) => AsyncIterable<FedEntry>

/** A study with its records as they are, and what becomes of them. */
export interface OpenStudy {
  readonly key: Uint8Array
  readonly salt: Uint8Array
  readonly before: readonly MapRecord[]
  /** In the order of the log. */
  readonly news: RecordNews[]
}

/** What a batch needs to know of its map. */
export interface BatchOptions {
  readonly hashes: HashFactory
  readonly store: Pick<MapStore, 'get'>
  readonly factsOf: (payload: Uint8Array) => readonly EntryFacts[]
  readonly secret: Uint8Array
  readonly blindingKey: Uint8Array
  /** Entries after which it is full. */
  readonly entries: number
}

/** What a batch has gathered. */
export interface Gathered {
  readonly studies: readonly OpenStudy[]
  /** In the order of the log. */
  readonly places: readonly EntryPlace[]
}

/** A fact whose study is known, and not fetched yet. */
interface Waiting extends RecordNews {
  readonly study: Uint8Array
  readonly salt: Uint8Array
}

/** A batch ends early when the studies that it touches come to this much. */
const BATCH_BYTES = 32 * 1024 * 1024
/** Entries whose studies are fetched together. */
const CHUNK_ENTRIES = 256

/** What entries say about studies, gathered for one write. */
export class Batch {
  readonly #options: BatchOptions
  /** By key of the study. */
  #studies = new Map<string, OpenStudy>()
  #places: EntryPlace[] = []
  /** What the records of the studies take up. */
  #bytes = 0
  #entries = 0
  #size: bigint
  /** Entries that nothing was fetched for yet. */
  #chunk: FedEntry[] = []

  /** @param size  entries of the log that are worked in already */
  constructor(options: BatchOptions, size: bigint) {
    this.#options = options
    this.#size = size
  }

  /** Entries of the log that are gathered or were taken before. */
  get size(): bigint {
    return this.#size
  }

  /** Whether it is time to take what was gathered. */
  get isFull(): boolean {
    return this.#chunk.length === 0 && (this.#entries >= this.#options.entries || this.#bytes >= BATCH_BYTES)
  }

  /** @throws {StoreError} `entry_missing` for an entry out of order; what the store and `factsOf` throw */
  async add(entry: FedEntry): Promise<void> {
    if (entry.index !== this.#size) throw new StoreError('entry_missing', `entry ${this.#size} was skipped`)
    this.#chunk.push(entry)
    this.#size += 1n
    this.#entries += 1
    if (this.#chunk.length >= CHUNK_ENTRIES || this.#entries >= this.#options.entries) await this.#settle()
  }

  /** What was gathered; the batch begins anew. @throws as {@link add} */
  async take(): Promise<Gathered> {
    await this.#settle()
    const gathered = { studies: [...this.#studies.values()], places: this.#places }
    this.#studies = new Map()
    this.#places = []
    this.#bytes = 0
    this.#entries = 0
    return gathered
  }

  /** Works out what the last entries mean, and fetches their studies. */
  async #settle(): Promise<void> {
    const waiting: Waiting[] = []
    const erasures: { index: bigint; erases: bigint }[] = []
    for (const { index, payload } of this.#chunk) {
      if (!(payload instanceof Uint8Array)) continue
      for (const facts of this.#options.factsOf(payload)) {
        if ('erases' in facts) erasures.push({ index, erases: facts.erases })
        else if (changesStudy(facts.type)) waiting.push(...this.#place(index, facts))
      }
    }
    waiting.push(...(await this.#erased(erasures)))
    // The erasures came last, and their entries did not.
    waiting.sort((a, b) => Number(a.index - b.index))
    await this.#fetch(waiting)
    for (const { study, ...news } of waiting) this.#studies.get(encodeHex(study))?.news.push(news)
    this.#chunk = []
  }

  #place(index: bigint, facts: Exclude<EntryFacts, { readonly erases: bigint }>): readonly Waiting[] {
    const { hashes, blindingKey, secret } = this.#options
    const study = studyKeyOf(hashes, blindingKey, facts.studyInstanceUid)
    const salt = studySaltOf(hashes, secret, study)
    const news = newsOf(hashes, salt, index, facts)
    if (news === undefined) return []
    this.#places.push({ index, study, instance: news.key })
    return [{ ...news, study, salt }]
  }

  /** What is erased, where the erased entry counted: in this batch, or in one that is stored. */
  async #erased(erasures: readonly { index: bigint; erases: bigint }[]): Promise<readonly Waiting[]> {
    if (erasures.length === 0) return []
    const { hashes, secret, store } = this.#options
    const rows = [...new Map(erasures.map(({ erases }) => [rowName(erases), erases]))]
    const stored = await store.get(rows.map(([name]) => name))
    const known = rows.flatMap(([, index], i) => decodeRow(stored[i] ?? new Uint8Array(), index))
    const places = Map.groupBy([...known, ...this.#places], ({ index }) => index)
    return erasures.flatMap(({ index, erases }) =>
      // An entry erases what came before it; another index is a mistake of whoever wrote it, and erases nothing.
      (erases < index ? (places.get(erases) ?? []) : []).map(({ study, instance }) => ({
        ...erasureOf(index, instance),
        study,
        salt: studySaltOf(hashes, secret, study),
      })),
    )
  }

  async #fetch(waiting: readonly Waiting[]): Promise<void> {
    const fresh = new Map(waiting.map(({ study, salt }) => [encodeHex(study), { key: study, salt }]))
    for (const name of this.#studies.keys()) fresh.delete(name)
    if (fresh.size === 0) return
    const studies = [...fresh]
    const stored = await this.#options.store.get(studies.map(([, { key }]) => studyName(key)))
    for (const [i, [name, study]] of studies.entries()) {
      const bytes = stored[i] ?? new Uint8Array()
      this.#studies.set(name, { ...study, before: decodeRecords(bytes), news: [] })
      this.#bytes += bytes.length
    }
  }
}

/** The entries of a log from the store of its statements; waits until everything appended so far can be found. */
export function feedFrom(records: Pick<RecordStore, 'payload' | 'settle'>): EntryFeed {
  return async function* (from, to) {
    await records.settle()
    for (let first = from; first < to; first += BigInt(CHUNK_ENTRIES)) {
      const count = Number(to - first < CHUNK_ENTRIES ? to - first : CHUNK_ENTRIES)
      const indexes = Array.from({ length: count }, (_, i) => first + BigInt(i))
      const payloads = await Promise.all(indexes.map((index) => records.payload(index)))
      for (const [i, index] of indexes.entries()) yield { index, payload: payloads[i] }
    }
  }
}
