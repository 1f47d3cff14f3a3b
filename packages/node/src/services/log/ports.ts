/**
 * Ports of the custody log: what it needs from storage, in its own words. Adapters stand in node/storage.
 *
 * Four ports carry the log: a sequencer that gives entries their places, a store of immutable objects, the one cell
 * that changes, and a queue of work that may wait. A fifth, the records, keeps what may be erased and what is asked for.
 * What a promise stands for when it resolves is said at each; whoever cannot keep it rejects. Where the storage is
 * another machine, whatever reads may also reject with {StoreError} `service_unreachable` or `service_refused`.
 */

/** By what an entry is found again. */
export type TermKind = 'type' | 'instance' | 'series' | 'study' | 'device' | 'person' | 'key' | 'digest'

export interface Term {
  readonly kind: TermKind
  /** 1 to 256 characters; digests and keys as lower-case hexadecimal. */
  readonly value: string
}

/** An entry on its way into the log. */
export interface NewEntry {
  /** What is hashed into the tree: 1 to 65,535 bytes. */
  readonly leaf: Uint8Array
  /** 32 bytes by which the same statement is known again, whoever sends it how often. */
  readonly identity: Uint8Array
  /** The statement that the leaf is about: kept beside the log, and erasable. */
  readonly payload?: Uint8Array
  readonly terms: readonly Term[]
}

/** Entries that have their places: the first has index `first`, the others follow without a gap. */
export interface SequencedBatch {
  readonly first: bigint
  /** At least one. */
  readonly entries: readonly NewEntry[]
  /** RFC 6962 root over all entries of the log up to and including the last of these, 32 bytes. */
  readonly root: Uint8Array
}

/** The right to append, until somebody else claims it. */
export interface Claim {
  /** Grows with each claim. */
  readonly fence: bigint
  /** Entries that are durable. */
  readonly size: bigint
}

/**
 * The order of entries. One appends at a time: whoever claims later fences all earlier ones off.
 */
export interface Sequencer {
  /** @throws {StoreError} `log_locked` where the adapter admits one process only; `log_corrupted`; `log_unwritable` */
  claim(): Promise<Claim>
  /**
   * Adds a batch. When it resolves, its entries, identities and payloads survive a power cut; when it rejects, the
   * batch may or may not be there, and the sequencer takes no more until it is claimed again.
   *
   * @throws {StoreError} `fence_lost` if somebody else has claimed; `checkpoint_moved` if `first` is not the size;
   *   `log_unwritable` for anything the storage refuses; `log_stopped` after an earlier failure
   */
  append(batch: SequencedBatch, fence: bigint): Promise<void>
  /** Index of the entry of each identity, exactly: everything whose append resolved is found. */
  find(identities: readonly Uint8Array[]): Promise<readonly (bigint | undefined)[]>
  /**
   * Batches that are durable and not released, from the one that holds index `from` on, in order.
   * @throws {StoreError} `log_corrupted`, also where `from` was released already
   */
  read(from: bigint): AsyncIterable<SequencedBatch>
  /** Says that tiles, bundles and checkpoint for all entries below `size` are durable elsewhere. */
  release(size: bigint): Promise<void>
  close(): Promise<void>
}

/** Immutable objects by path: tiles, entry bundles, timestamps. Paths are those of C2SP tlog-tiles. */
export interface ImmutableStore {
  get(path: string): Promise<Uint8Array | undefined>
  /**
   * When it resolves, the bytes survive a power cut. Storing the same bytes again succeeds.
   * @throws {StoreError} `object_conflict` for other bytes; `log_unwritable`
   */
  putOnce(path: string, bytes: Uint8Array): Promise<void>
  /** Several at once, in any order; the same promise, cheaper. @throws as {@link putOnce} */
  putAll(objects: readonly StoredObject[]): Promise<void>
  /** Removes a partial tile that a full one has replaced; nothing else may be removed. Missing ones are passed over. */
  removePartial(path: string): Promise<void>
}

export interface StoredObject {
  readonly path: string
  readonly bytes: Uint8Array
}

/** The one thing that changes: the newest published checkpoint of a log, a signed note. */
export interface CheckpointCell {
  read(): Promise<string | undefined>
  /**
   * When it resolves, `next` is what all read from now on, also after a power cut.
   * @param expected  what was read before; undefined for none
   * @throws {StoreError} `checkpoint_moved` if something else is current; `log_unwritable`
   */
  compareAndSwap(expected: string | undefined, next: string): Promise<void>
}

/** A piece of work that may wait. */
export interface Job {
  readonly id: string
  readonly kind: string
  /** With the kind, names the job: the same is queued once. */
  readonly key: string
  readonly body: Uint8Array
  /** How often it was claimed, this time included. */
  readonly attempt: number
}

/** Durable work for one worker at a time; a worker that dies loses its lease, and another takes the job. */
export interface JobQueue {
  /** Queues a job unless one of that kind and key is queued, claimed or done. */
  enqueue(job: Pick<Job, 'kind' | 'key' | 'body'>, notBefore?: Date): Promise<void>
  /** The job that waits longest and is due at `now`, for `leaseMs`; undefined if there is none. */
  claim(kinds: readonly string[], now: Date, leaseMs: number): Promise<Job | undefined>
  /** Ends a job for good. False where the lease was lost: somebody else has it. */
  complete(job: Job): Promise<boolean>
  /** Gives a job back, due at `notBefore`. False where the lease was lost. */
  retry(job: Job, notBefore: Date): Promise<boolean>
  /** Jobs that are not done. */
  pending(): Promise<number>
  close(): Promise<void>
}

/** Which entries to find. */
export interface RecordQuery {
  readonly term: Term
  /** First index, inclusive; default 0. */
  readonly from?: bigint
  /** Last index, exclusive; default: no end. */
  readonly to?: bigint
  /** At most this many, 1 to 10,000. */
  readonly limit: number
  readonly order?: 'oldest_first' | 'newest_first'
}

/**
 * What stands beside the log: statements, which may be erased, and terms. Filled by the sequencer; it may lag behind
 * by what was appended last, and {@link RecordStore.settle} waits for that.
 */
export interface RecordStore {
  /** The statement of an entry; `erased` if it was taken out; undefined if the entry has none, or there is no such entry. */
  payload(index: bigint): Promise<Uint8Array | 'erased' | undefined>
  /** Indexes, ascending or descending as asked. */
  find(query: RecordQuery): Promise<readonly bigint[]>
  /**
   * Takes a statement and all terms but its type out, so that no copy is left in this storage.
   * False where there was nothing to take out.
   */
  erase(index: bigint): Promise<boolean>
  /** Resolves once everything appended so far can be found. */
  settle(): Promise<void>
}

/** An entry as it stands beside the log, all of it. */
export interface StoredEntry {
  readonly payload: Uint8Array | 'erased' | undefined
  /** 32 bytes. */
  readonly identity: Uint8Array
  /** Those of an erased entry are gone, but for its type. */
  readonly terms: readonly Term[]
}

/** Nodes of the completeness map, by path; a plain ordered-by-nothing table that is written in one step. */
export interface MapStore {
  /** How far the log is worked in, and what the map came to; undefined for a new one. */
  head(): Promise<MapHead | undefined>
  get(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>
  /**
   * All or nothing, durable. A value of undefined removes the key.
   * @param expectedSize  where given: size of the head that the changes were made from, 0n for a new map
   * @throws {StoreError} `checkpoint_moved` if the head has another size by now; nothing is written then
   */
  write(changes: ReadonlyMap<string, Uint8Array | undefined>, head: MapHead, expectedSize?: bigint): Promise<void>
  /** How many keys there are: what is stored and never reached is seen by it. */
  count?(): Promise<bigint>
}

export interface MapHead {
  /** Entries of the log that are worked in. */
  readonly size: bigint
  /** 32 bytes. */
  readonly root: Uint8Array
}

/** What a witness remembers of a log: the newest checkpoint that it has cosigned. */
export interface WitnessedCheckpoint {
  readonly size: bigint
  /** 32 bytes. */
  readonly root: Uint8Array
  /** Seconds since 1970, of the cosignatures. */
  readonly timestamp: bigint
  /** The checkpoint with the signatures of the log and of the witness: a signed note. */
  readonly note: string
}

/** Two checkpoints that a log has signed and that a witness could not join, in one document that others can check. */
export interface Evidence {
  readonly origin: string
  /** Names the evidence: the same is kept once. 64 lower-case hexadecimal digits. */
  readonly id: string
  readonly document: Uint8Array
}

/** Memory of a witness. What it forgets, it may contradict: a witness whose store is lost has to be retired. */
export interface WitnessStore {
  /** The newest of an origin; undefined if nothing was cosigned yet. */
  read(origin: string): Promise<WitnessedCheckpoint | undefined>
  /**
   * Replaces what `read` gave by something newer, in one step with the check that it is still current. When it resolves
   * with true, `next` survives a power cut. False, with nothing changed, where somebody else was faster.
   * @throws {StoreError} `log_unwritable`
   */
  replace(origin: string, expected: WitnessedCheckpoint | undefined, next: WitnessedCheckpoint): Promise<boolean>
  /**
   * Keeps evidence for good. False where it was known, or `limit` pieces of that origin are kept already.
   * @throws {StoreError} `log_unwritable`
   */
  keep(evidence: Evidence, limit: number): Promise<boolean>
  /** Evidence of an origin, oldest first. */
  evidence(origin: string): Promise<readonly Evidence[]>
  close(): Promise<void>
}

/** Memory of a monitor: the newest checkpoint that each source has shown, a signed note. */
export interface SightingStore {
  read(source: string): Promise<string | undefined>
  /** When it resolves, the note survives a power cut. @throws {StoreError} `log_unwritable` */
  write(source: string, note: string): Promise<void>
  close(): Promise<void>
}

/** All that a log appends through. */
export interface LogPorts {
  readonly sequencer: Sequencer
  readonly objects: ImmutableStore
  /** Newest checkpoint whose tiles are stored: where recovery begins. */
  readonly head: CheckpointCell
  /** Newest checkpoint that others may see: with witnesses, one that a quorum has cosigned. */
  readonly published: CheckpointCell
  readonly records: RecordStore
}
