/**
 * File log: all ports of a custody log over one folder of one machine.
 *
 *     checkpoint           newest published checkpoint        } exactly the layout of C2SP tlog-tiles:
 *     tile/…               tiles and entry bundles            } the folder can be served as it is,
 *     …/…                  other immutable objects by path    } but for what begins with a dot
 *     .tmp/                files on their way to their names
 *     .private/            for its owner only: statements and what is not published yet
 *       wal/               batches that are not in tiles yet
 *       index.sqlite       identities, statements and terms
 *       head               newest checkpoint, published or not
 *       jobs.sqlite        work that waits
 *       map.sqlite         the completeness map
 *       lock.sqlite, checkpoint.lock, head.lock
 *
 * One process appends to a log at a time. Others may read the public part, and the records with openRecordReader.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type {
  CheckpointCell,
  ImmutableStore,
  JobQueue,
  MapStore,
  RecordStore,
  Sequencer,
} from '../../services/log/ports.ts'
import { attempt, makeFolder } from './durable.ts'
import { FileCheckpointCell } from './file-checkpoint-cell.ts'
import { FileObjects } from './file-objects.ts'
import { FileRecordStore } from './file-records.ts'
import { FileSequencer } from './file-sequencer.ts'
import { SqliteJobQueue } from './sqlite-job-queue.ts'
import { SqliteMapStore } from './sqlite-map-store.ts'

/** The ports of a log, and their end. */
export interface FileLog {
  readonly sequencer: Sequencer
  readonly objects: ImmutableStore
  /** Where recovery begins. */
  readonly head: CheckpointCell
  /** What others may see: the file `checkpoint`. */
  readonly published: CheckpointCell
  readonly records: RecordStore
  readonly jobs: JobQueue
  readonly map: MapStore
  /** Closes all of them. */
  close(): Promise<void>
}

/** The part of a log's folder that is for its owner only; also what openRecordReader wants. */
export function privateFolder(folder: string): string {
  return join(folder, '.private')
}

/** Whether a log was ever opened in a folder. */
export function isFileLog(folder: string): boolean {
  return existsSync(privateFolder(folder))
}

/**
 * Opens the ports. Nothing is locked before the sequencer is claimed.
 *
 * @param folder  absolute; what is missing is made
 * @throws {StoreError} `log_unwritable`, `log_corrupted`
 */
export async function openFileLog(folder: string): Promise<FileLog> {
  const hidden = privateFolder(folder)
  await attempt('making the folder of the log', async () => {
    await makeFolder(folder)
    await makeFolder(hidden, 0o700)
  })
  const objects = new FileObjects(folder)
  await objects.clean()
  // The head is replaced by way of a folder of its own.
  await new FileObjects(hidden).clean()
  const sequencer = new FileSequencer(hidden)
  const published = new FileCheckpointCell(join(folder, 'checkpoint'), join(hidden, 'checkpoint.lock'))
  const head = new FileCheckpointCell(join(hidden, 'head'), join(hidden, 'head.lock'))
  const jobs = new SqliteJobQueue(join(hidden, 'jobs.sqlite'))
  const map = await openBeside(jobs, () => new SqliteMapStore(join(hidden, 'map.sqlite')))
  const records = new FileRecordStore(sequencer)
  const close = async (): Promise<void> => {
    const parts = [sequencer, published, head, jobs, map]
    const results = await Promise.allSettled(parts.map((part) => part.close()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
  return { sequencer, objects, head, published, records, jobs, map, close }
}

/** Opens something; where that fails, what is open already is closed. */
async function openBeside<T>(other: { close(): Promise<void> }, open: () => T): Promise<T> {
  try {
    return open()
  } catch (error) {
    await other.close()
    throw error
  }
}
