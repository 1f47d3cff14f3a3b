/**
 * Upkeep: keeps the log of a site while nobody appends: takes it for a moment when something is due, and lets it go.
 */
import { join } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RingOptions } from '../keys/key-ring.ts'
import type { LogFacts, OpenSiteLog } from '../services/log/log-access.ts'
import type { JobQueue, LogPorts, RecordStore } from '../services/log/ports.ts'
import { type BlindTask, type JobOutcome, Schedule } from '../services/log/schedule.ts'
import { upkeepTasks } from '../services/log/site-upkeep.ts'
import { FileCheckpointCell } from '../storage/log/file-checkpoint-cell.ts'
import { privateFolder } from '../storage/log/file-log.ts'
import { openRecordReader } from '../storage/log/file-records.ts'
import { SqliteJobQueue } from '../storage/log/sqlite-job-queue.ts'
import { openLogStorage } from './log-storage.ts'
import { findSiteLog, openSiteLog } from './site-log.ts'

/** Disposing of it closes its files; a tick that runs has to end first. */
export interface Upkeep extends AsyncDisposable {
  /** Looks once, and does what is due. @throws as Schedule.tick */
  tick(signal: AbortSignal): Promise<readonly (JobOutcome | BlindTask)[]>
}

/**
 * Opens and closes the log once, which recovers it after a crash and shows that its keys can be used.
 * @throws {StoreError} {KeyError} as {@link openSiteLog}; that another process has it is no failure
 */
export async function openUpkeep(
  home: string,
  options: RingOptions & { readonly onFailure: (error: unknown) => void },
): Promise<Upkeep> {
  const facts = findSiteLog(home)
  if (facts === undefined) throw new StoreError('log_missing', 'there is no log yet')
  const now = options.now ?? (() => new Date())
  const withSite = async (steps: (site: OpenSiteLog['site']) => Promise<void>, signal?: AbortSignal) => {
    await using open = await openSiteLog(home, { ...options, waitMs: 0, ...(signal && { signal }) })
    await steps(open.site)
  }
  await withSite(async () => undefined).catch(passIfLocked)
  const { head, published, records, jobs, close } = await openPorts(facts)
  const tasks = upkeepTasks({
    head,
    published,
    records,
    timestampIntervalMs: facts.timestampMinutes * 60_000,
    withSite,
    onFailure: options.onFailure,
  })
  const schedule = new Schedule({ jobs, tasks, now })
  return { tick: (signal) => schedule.tick(signal), [Symbol.asyncDispose]: close }
}

interface UpkeepPorts extends Pick<LogPorts, 'head' | 'published'> {
  readonly records: Pick<RecordStore, 'find' | 'payload'>
  readonly jobs: JobQueue
  close(): Promise<void>
}

/** The ports of a log that need no claim on it. */
async function openPorts(facts: LogFacts): Promise<UpkeepPorts> {
  const { folder, database } = facts
  if (database !== undefined) return openLogStorage(facts)
  const hidden = privateFolder(folder)
  const records = await openRecordReader(hidden)
  const jobs = new SqliteJobQueue(join(hidden, 'jobs.sqlite'))
  return {
    head: new FileCheckpointCell(join(hidden, 'head'), join(hidden, 'head.lock')),
    published: new FileCheckpointCell(join(folder, 'checkpoint'), join(hidden, 'checkpoint.lock')),
    records,
    jobs,
    async close() {
      await jobs.close()
      await records.close()
    },
  }
}

function passIfLocked(error: unknown): void {
  if (!(error instanceof StoreError) || error.code !== 'log_locked') throw error
}
