/**
 * Completeness batch: entries of a log on their way into the map, and the studies that they touch.
 *
 * Fetches the records of a study when the first entry about it comes, some hundred entries at a time, and is full after
 * a number of entries or bytes, so that memory does not grow with the log.
 */

import type { HashFactory } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { studyName } from '@fiducial/core/domain/log/map/check.ts'
import { changesStudy, type IndexedFacts, type InstanceFacts } from '@fiducial/core/domain/log/map/facts.ts'
import { studyKeyOf, studySaltOf } from '@fiducial/core/domain/log/map/keys.ts'
import { decodeRecords, type InstanceRecord } from '@fiducial/core/domain/log/map/record.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { MapStore, RecordStore } from './ports.ts'

/** An entry of the log, as far as the map looks at it. */
export interface FedEntry {
  readonly index: bigint
  readonly payload: Uint8Array | 'erased' | undefined
}

/** Entries from `from` up to and without `to`, in order and without a gap. */
export type EntryFeed = (from: bigint, to: bigint) => AsyncIterable<FedEntry>

/** A study with its records as they are, and as they become. */
export interface OpenStudy {
  readonly key: Uint8Array
  readonly salt: Uint8Array
  readonly before: readonly InstanceRecord[]
  readonly news: IndexedFacts[]
}

/** What a batch needs to know of its map. */
export interface BatchOptions {
  readonly hashes: HashFactory
  readonly store: Pick<MapStore, 'get'>
  readonly factsOf: (payload: Uint8Array) => readonly InstanceFacts[]
  readonly secret: Uint8Array
  readonly blindingKey: Uint8Array
  /** Entries after which it is full. */
  readonly entries: number
}

/** A batch ends early when the studies that it touches come to this much. */
const BATCH_BYTES = 32 * 1024 * 1024
/** Entries whose studies are fetched together. */
const CHUNK_ENTRIES = 256

/** What entries say about studies, gathered for one write. */
export class Batch {
  readonly #options: BatchOptions
  /** By study, with what its records take up. */
  #studies = new Map<string, OpenStudy>()
  #bytes = 0
  #entries = 0
  /** Facts whose studies are not fetched yet. */
  #waiting: IndexedFacts[] = []
  #waited = 0
  #size: bigint

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
    return this.#waited === 0 && (this.#entries >= this.#options.entries || this.#bytes >= BATCH_BYTES)
  }

  /** @throws {StoreError} `entry_missing` for an entry out of order; what the store and `factsOf` throw */
  async add({ index, payload }: FedEntry): Promise<void> {
    if (index !== this.#size) throw new StoreError('entry_missing', `entry ${this.#size} was skipped`)
    if (payload instanceof Uint8Array) {
      for (const facts of this.#options.factsOf(payload)) {
        if (changesStudy(facts.type)) this.#waiting.push({ index, facts })
      }
    }
    this.#size += 1n
    this.#entries += 1
    this.#waited += 1
    if (this.#waited >= CHUNK_ENTRIES || this.#entries >= this.#options.entries) await this.settle()
  }

  /** Fetches the studies of what waits. */
  async settle(): Promise<void> {
    const { hashes, secret, store, blindingKey } = this.#options
    const groups = Map.groupBy(this.#waiting, ({ facts }) => facts.studyInstanceUid)
    const found = [...groups].map(([uid, news]) => ({ news, key: studyKeyOf(hashes, blindingKey, uid) }))
    const fresh = found.filter(({ key }) => !this.#studies.has(encodeHex(key)))
    const stored = fresh.length === 0 ? [] : await store.get(fresh.map(({ key }) => studyName(key)))
    for (const [i, { key }] of fresh.entries()) {
      const before = decodeRecords(stored[i] ?? new Uint8Array())
      this.#studies.set(encodeHex(key), { key, salt: studySaltOf(hashes, secret, key), before, news: [] })
      this.#bytes += stored[i]?.length ?? 0
    }
    for (const { key, news } of found) this.#studies.get(encodeHex(key))?.news.push(...news)
    this.#waiting = []
    this.#waited = 0
  }

  /** The studies so far; the batch begins anew. */
  take(): readonly OpenStudy[] {
    const studies = [...this.#studies.values()]
    this.#studies = new Map()
    this.#bytes = 0
    this.#entries = 0
    return studies
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
