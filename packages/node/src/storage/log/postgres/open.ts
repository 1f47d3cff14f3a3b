/** Opens a log that lies in PostgreSQL: all of its ports over one set of connections. */
import { PostgresCheckpointCell } from './checkpoint-cell.ts'
import { PostgresDatabase, type PostgresOptions } from './database.ts'
import { PostgresImmutableStore } from './immutable-store.ts'
import { PostgresJobQueue } from './job-queue.ts'
import { PostgresMapStore } from './map-store.ts'
import { PostgresRecordStore } from './record-store.ts'
import { PostgresSequencer } from './sequencer.ts'

export interface PostgresLog {
  readonly sequencer: PostgresSequencer
  readonly records: PostgresRecordStore
  readonly objects: PostgresImmutableStore
  /** Where recovery begins. */
  readonly head: PostgresCheckpointCell
  /** What others may see. */
  readonly published: PostgresCheckpointCell
  readonly jobs: PostgresJobQueue
  readonly map: PostgresMapStore
  /** Closes sequencer and queue, and ends the connections. */
  close(): Promise<void>
}

/**
 * Connects and opens the log of an origin, which is made where there is none.
 * @throws as {@link PostgresDatabase.open}
 */
export async function openPostgresLog(origin: string, options: PostgresOptions): Promise<PostgresLog> {
  const database = await PostgresDatabase.open(options)
  try {
    const sequencer = await PostgresSequencer.open(database, origin)
    const jobs = await PostgresJobQueue.open(database, origin)
    return {
      sequencer,
      jobs,
      records: await PostgresRecordStore.open(database, origin),
      objects: await PostgresImmutableStore.open(database, origin),
      head: await PostgresCheckpointCell.open(database, origin, 'head'),
      published: await PostgresCheckpointCell.open(database, origin, 'published'),
      map: await PostgresMapStore.open(database, origin),
      close: async () => {
        await Promise.all([sequencer.close(), jobs.close()])
        await database.close()
      },
    }
  } catch (cause) {
    await database.close()
    throw cause
  }
}
