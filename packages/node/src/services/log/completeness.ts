/**
 * Completeness: keeps the map of an archive's studies up to date with its log, and proves from it.
 *
 * Reads entries in the order of the log and works in those that say whether an instance is there; how far it has come is
 * stored in the same write as what came of it, so that after a crash it goes on where it was and counts nothing twice.
 * Whoever runs the log appends what {@link CompletenessMap.root} gives as an entry of its own; proofs are of the newest
 * map only, so they are made after that entry and before more is worked in. How statements are read is handed in.
 *
 * A statement that is erased before it is worked in is not counted: erasing has to wait for {@link CompletenessMap.advance}.
 */
import { digestOf, type HashFactory } from '@fiducial/core/bytes/hash.ts'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import type { MapRootDetails } from '@fiducial/core/domain/log/event-details.ts'
import { applyChanges, type MapChange } from '@fiducial/core/domain/log/map/apply.ts'
import { checkMap, type MapReport, studyName } from '@fiducial/core/domain/log/map/check.ts'
import { type EntryFacts, updateRecords } from '@fiducial/core/domain/log/map/facts.ts'
import { type InstanceProof, placeRecord } from '@fiducial/core/domain/log/map/instance-proof.ts'
import { blindingKeyOf, instanceKeyOf, studyKeyOf, studySaltOf } from '@fiducial/core/domain/log/map/keys.ts'
import { emptyMapRoot } from '@fiducial/core/domain/log/map/map-hash.ts'
import type { ReadNodes } from '@fiducial/core/domain/log/map/page.ts'
import { decodeRow, type EntryPlace, encodeRow, rowName } from '@fiducial/core/domain/log/map/places.ts'
import type { ProofParts } from '@fiducial/core/domain/log/map/proof-parts.ts'
import { proveKey } from '@fiducial/core/domain/log/map/prove.ts'
import {
  decodeRecords,
  encodeRecords,
  hashStudy,
  type MapRecord,
  type StudySummary,
  summarize,
} from '@fiducial/core/domain/log/map/record.ts'
import type { StudyProof } from '@fiducial/core/domain/log/map/study-proof.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import { Batch, type EntryFeed } from './completeness-batch.ts'
import type { MapHead, MapStore } from './ports.ts'

export interface CompletenessOptions {
  /** Name of the archive, as map roots say it. */
  readonly archive: string
  readonly store: MapStore
  readonly entries: EntryFeed
  /**
   * What a statement says about instances; none for events of another kind. What it throws stops the map there: an entry
   * that cannot be read may be one that counts.
   */
  readonly factsOf: (payload: Uint8Array) => readonly EntryFacts[]
  /** 32 random bytes, the same for the life of the archive. */
  readonly secret: Uint8Array
  readonly hashes: HashFactory
  /** Entries that are worked in with one write. */
  readonly batchEntries?: number
}

/** How far the map has come. */
export interface Progress {
  readonly root: MapRootDetails
  /** Entries that were worked in by this call. */
  readonly entries: bigint
  /** Of these, such whose statement was erased already, so that nobody can tell if they counted. */
  readonly erased: bigint
}

const BATCH_ENTRIES = 2048
const TOTALS_NAME = 'totals'
const TOTALS_BYTES = 64
/** How often a proof is begun anew because the map moved on meanwhile. */
const ATTEMPTS = 5

interface Totals {
  readonly studies: bigint
  readonly instances: bigint
  /** Rows of places in storage. */
  readonly rows: bigint
}

/** The state that proofs are made from. */
interface State {
  readonly head: MapHead
  readonly totals: Totals
}

/**
 * The map of one archive. One object at a time works entries in; calls wait for each other. Of two programs that do so
 * at once, one is refused by the store.
 */
export class CompletenessMap {
  readonly #options: CompletenessOptions
  readonly #blindingKey: Uint8Array
  readonly #blinding: Uint8Array
  #last: Promise<unknown> = Promise.resolve()

  /** @throws {RangeError} for a secret of another length than 32 bytes */
  constructor(options: CompletenessOptions) {
    this.#options = options
    this.#blindingKey = blindingKeyOf(options.hashes, options.secret)
    this.#blinding = digestOf(options.hashes, 'sha256', this.#blindingKey)
  }

  /**
   * Works in all entries below `upTo`, which have to be durable. Each batch takes effect whole or not at all; whatever
   * stops it, the next call goes on from there. Entries that are worked in already are passed over.
   *
   * @throws {StoreError} `log_corrupted` if the stored map is damaged; `entry_missing` if the feed ends early or skips;
   *   `checkpoint_moved` if another program was faster; what the feed, the store and `factsOf` throw
   * @throws {KeyError} `key_missing` if the map was made with another secret
   */
  advance(upTo: bigint): Promise<Progress> {
    return this.#inTurn(async () => this.#advance(upTo, await this.#settled((state) => state)))
  }

  /** What an entry about the map has to say now. @throws as {@link advance} */
  root(): Promise<MapRootDetails> {
    return this.#steady((state) => this.#rootOf(state))
  }

  /**
   * All records of a study, or that it has none, under the map root that {@link root} gives.
   * @throws {StoreError} `log_corrupted` if the stored map is damaged
   */
  proveStudy(studyInstanceUid: string): Promise<StudyProof> {
    return this.#prove(studyInstanceUid, (parts, salt, records) => ({
      ...parts,
      study: records && { salt, records },
    }))
  }

  /** One record of a study, or that it is missing. @throws as {@link proveStudy} */
  proveInstance(studyInstanceUid: string, sopInstanceUid: string): Promise<InstanceProof> {
    const { hashes } = this.#options
    return this.#prove(studyInstanceUid, (parts, salt, records, summary) => ({
      ...parts,
      study: summary,
      records: records === null ? [] : placeRecord(hashes, records, instanceKeyOf(hashes, salt, sopInstanceUid)),
    }))
  }

  /**
   * Recomputes the whole stored map. What is wrong with it is reported.
   * @throws {StoreError} `checkpoint_moved` if another program works entries in meanwhile; what the store throws
   */
  check(): Promise<MapReport> {
    const { hashes, secret, store } = this.#options
    return this.#steady(async ({ head, totals }) => {
      const stored = await store.count?.()
      const report = await checkMap(hashes, {
        read: this.#read,
        root: head.root,
        size: head.size,
        totals,
        // Besides pages and studies there are the totals and the places.
        stored: stored && stored - 1n - totals.rows,
        saltOf: (key) => studySaltOf(hashes, secret, key),
      })
      if (((await store.head())?.size ?? 0n) !== head.size) throw moved()
      return report
    })
  }

  /** Calls of one map follow each other, whether or not the one before succeeded. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  readonly #read: ReadNodes = (keys) => this.#options.store.get(keys)

  /** @throws {StoreError} `log_corrupted` also where another program moved the map on between two readings */
  async #state(): Promise<State> {
    const { hashes, store } = this.#options
    const head = await store.head()
    if (head === undefined) {
      return { head: { size: 0n, root: emptyMapRoot(hashes) }, totals: { studies: 0n, instances: 0n, rows: 0n } }
    }
    const [bytes] = await this.#read([TOTALS_NAME])
    return { head, totals: this.#readTotals(bytes, head) }
  }

  #readTotals(bytes: Uint8Array | undefined, { size }: MapHead): Totals {
    const view = bytes?.length === TOTALS_BYTES ? new DataView(bytes.buffer, bytes.byteOffset) : undefined
    if (bytes === undefined || view?.getBigUint64(0) !== size) {
      throw new StoreError('log_corrupted', 'totals of the completeness map are damaged')
    }
    if (!equalBytes(bytes.subarray(32), this.#blinding)) {
      throw new KeyError('key_missing', 'the completeness map was made with another secret')
    }
    return { studies: view.getBigUint64(8), instances: view.getBigUint64(16), rows: view.getBigUint64(24) }
  }

  #writeTotals({ head, totals }: State): Uint8Array {
    const bytes = new Uint8Array(TOTALS_BYTES)
    const view = new DataView(bytes.buffer)
    view.setBigUint64(0, head.size)
    view.setBigUint64(8, totals.studies)
    view.setBigUint64(16, totals.instances)
    view.setBigUint64(24, totals.rows)
    bytes.set(this.#blinding, 32)
    return bytes
  }

  #rootOf({ head, totals: { studies, instances } }: State): MapRootDetails {
    return { archive: this.#options.archive, ...head, studies, instances, blinding: this.#blinding }
  }

  async #advance(upTo: bigint, start: State): Promise<Progress> {
    let state = start
    const from = state.head.size
    let erased = 0n
    if (upTo <= from) return { root: this.#rootOf(state), entries: 0n, erased }
    const batch = this.#open(from)
    for await (const entry of this.#options.entries(from, upTo)) {
      await batch.add(entry)
      if (entry.payload === 'erased') erased += 1n
      if (batch.isFull) state = await this.#close(batch, state)
      if (batch.size === upTo) break
    }
    if (batch.size < upTo) throw new StoreError('entry_missing', `entries end at ${batch.size} of ${upTo}`)
    if (state.head.size < upTo) state = await this.#close(batch, state)
    return { root: this.#rootOf(state), entries: upTo - from, erased }
  }

  #open(size: bigint): Batch {
    const { hashes, store, factsOf, secret, batchEntries = BATCH_ENTRIES } = this.#options
    return new Batch({ hashes, store, factsOf, secret, blindingKey: this.#blindingKey, entries: batchEntries }, size)
  }

  /** Makes what a batch has gathered durable, and starts it anew. */
  async #close(batch: Batch, { head, totals }: State): Promise<State> {
    const { hashes, store } = this.#options
    const changes = new Map<string, Uint8Array>()
    const values: MapChange[] = []
    const gathered = await batch.take()
    let { studies, instances } = totals
    for (const { key, salt, before, news } of gathered.studies) {
      const was = summarize(hashes, salt, before)
      const records = updateRecords(before, news)
      const is = summarize(hashes, salt, records)
      changes.set(studyName(key), encodeRecords(records))
      // Records that are not those of the map, or lost, are found here, before anything is built on them.
      values.push({ key, value: hashStudy(hashes, is), before: was.size === 0n ? undefined : hashStudy(hashes, was) })
      studies += was.size === 0n ? 1n : 0n
      instances += is.present - was.present
    }
    const { root, nodes } = await applyChanges(hashes, this.#read, head.root, values).catch(async (cause) => {
      // Pages of two states, read while another program wrote, look like damage.
      const isStill = ((await store.head())?.size ?? 0n) === head.size
      throw isDamage(cause) && !isStill ? moved(cause) : cause
    })
    for (const [name, bytes] of nodes) changes.set(name, bytes)
    const rows = totals.rows + (await this.#addRows(gathered.places, changes))
    const next: State = { head: { size: batch.size, root }, totals: { studies, instances, rows } }
    changes.set(TOTALS_NAME, this.#writeTotals(next))
    await store.write(changes, next.head, head.size)
    return next
  }

  /** Adds places to their rows, of which only the first can exist already. Returns how many are new. */
  async #addRows(places: readonly EntryPlace[], changes: Map<string, Uint8Array>): Promise<bigint> {
    const [first] = places
    if (first === undefined) return 0n
    const [bytes] = await this.#read([rowName(first.index)])
    const begun = decodeRow(bytes ?? new Uint8Array(), first.index)
    const rows = Map.groupBy([...begun, ...places], ({ index }) => rowName(index))
    for (const [name, row] of rows) changes.set(name, encodeRow(row))
    return BigInt(rows.size) - (bytes === undefined ? 0n : 1n)
  }

  async #prove<T>(
    studyInstanceUid: string,
    finish: (
      parts: ProofParts,
      salt: Uint8Array,
      records: readonly MapRecord[] | null,
      summary: StudySummary | null,
    ) => T,
  ): Promise<T> {
    const { hashes, secret } = this.#options
    const key = studyKeyOf(hashes, this.#blindingKey, studyInstanceUid)
    const salt = studySaltOf(hashes, secret, key)
    return this.#steady(async ({ head }) => {
      const { value, proof } = await proveKey(hashes, this.#read, head.root, key)
      const parts = { blindingKey: this.#blindingKey, map: head, path: proof }
      if (value === undefined) return finish(parts, salt, null, null)
      const [bytes] = await this.#read([studyName(key)])
      const records = decodeRecords(bytes ?? new Uint8Array())
      const summary = summarize(hashes, salt, records)
      if (!equalBytes(hashStudy(hashes, summary), value)) {
        throw new StoreError('log_corrupted', 'a study of the completeness map is not what its map says')
      }
      return finish(parts, salt, records, summary)
    })
  }

  /**
   * Reads in several steps what another program may change between two of them: what does not fit together then is read
   * again from the new head, and is damage only under a head that stood still.
   */
  async #settled<T>(work: (state: State) => Promise<T> | T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const before = await this.#options.store.head()
      try {
        return await work(await this.#state())
      } catch (error) {
        if (!isDamage(error) || attempt === ATTEMPTS || !(await this.#isPast(before?.size))) throw error
      }
    }
  }

  #steady<T>(work: (state: State) => Promise<T> | T): Promise<T> {
    return this.#inTurn(() => this.#settled(work))
  }

  async #isPast(size: bigint | undefined): Promise<boolean> {
    const head = await this.#options.store.head()
    return head?.size !== size
  }
}

const moved = (cause?: unknown): StoreError =>
  new StoreError('checkpoint_moved', 'another program moved the completeness map on meanwhile', { cause })

const isDamage = (error: unknown): boolean => error instanceof StoreError && error.code === 'log_corrupted'
