/**
 * File records: what stands beside a log in a folder on one machine, in the index that its sequencer fills.
 *
 * Reading takes no lock: {@link openRecordReader} works beside a running log, in another process too, and sees what the
 * index has by then. Erasing goes through the sequencer, which holds the other copies.
 */
import type { RecordQuery, RecordStore, StoredEntry, Term } from '../../services/log/ports.ts'
import { FileSequencer } from './file-sequencer.ts'
import { LogIndexReader } from './log-index-reader.ts'

export class FileRecordStore implements RecordStore {
  readonly #sequencer: FileSequencer

  /** @param sequencer  has to be claimed before anything can be read or erased */
  constructor(sequencer: FileSequencer) {
    this.#sequencer = sequencer
  }

  async payload(index: bigint): Promise<Uint8Array | 'erased' | undefined> {
    return this.#sequencer.reader.payload(index)
  }

  async find(query: RecordQuery): Promise<readonly bigint[]> {
    return this.#sequencer.reader.find(query)
  }

  async erase(index: bigint): Promise<boolean> {
    return await this.#sequencer.erase(index)
  }

  async settle(): Promise<void> {
    await this.#sequencer.settle()
  }
}

/** Looks at the records of a log that may be running. */
export interface RecordReader extends Pick<RecordStore, 'payload' | 'find'> {
  /** Index of the entry of each identity, among those that are settled. */
  findIdentities(identities: readonly Uint8Array[]): Promise<readonly (bigint | undefined)[]>
  /** Whether each of some entries in a row, with these identities, is the one that its identity leads to. */
  areFound(from: bigint, identities: readonly Uint8Array[]): Promise<readonly boolean[]>
  /** Whether each of some entries in a row, with these terms, is found by all of them. */
  areFoundByTerms(from: bigint, terms: readonly (readonly Term[])[]): Promise<readonly boolean[]>
  /** All that is kept of up to `count` entries, from an index on; fewer only at the end of what is settled. */
  entries(from: bigint, count: number): Promise<readonly StoredEntry[]>
  /** Entries that can be found: all those below this index. */
  settledSize(): Promise<bigint>
  close(): Promise<void>
}

/**
 * Opens the records of a log for reading only.
 *
 * @param folder  of the sequencer
 * @throws {StoreError} `log_missing`, `log_corrupted`, `log_unwritable`
 */
export async function openRecordReader(folder: string): Promise<RecordReader> {
  const reader = new LogIndexReader(FileSequencer.indexPath(folder))
  return {
    payload: async (index) => reader.payload(index),
    find: async (query) => reader.find(query),
    findIdentities: async (identities) =>
      reader.findIdentities(identities).map((number) => (number === undefined ? undefined : BigInt(number))),
    areFound: async (from, identities) => reader.areFound(from, identities),
    areFoundByTerms: async (from, terms) => reader.areFoundByTerms(from, terms),
    entries: async (from, count) => reader.entries(from, count),
    settledSize: async () => reader.size(),
    close: async () => reader.close(),
  }
}
