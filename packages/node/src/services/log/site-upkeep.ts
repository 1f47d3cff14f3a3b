/**
 * Site upkeep: what a site's log needs from time to time: timestamps on schedule, and witnesses asked again.
 *
 * Whether anything is due is seen without a lock, from the checkpoints and the records. Only then the log is taken, for
 * as long as it takes; whoever appends meanwhile does all of this at the end of its own run.
 */
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import type { CheckpointCell, RecordStore } from './ports.ts'
import type { ScheduledTask } from './schedule.ts'
import type { SiteLog } from './site-log.ts'
import { isRoundDue } from './timestamping.ts'

export interface UpkeepOptions {
  /** Newest checkpoint, published or not. */
  readonly head: Pick<CheckpointCell, 'read'>
  readonly published: Pick<CheckpointCell, 'read'>
  readonly records: Pick<RecordStore, 'find' | 'payload'>
  /** Time between two rounds of timestamps while the log grows. */
  readonly timestampIntervalMs: number
  /** Takes the log for some steps. @throws {StoreError} `log_locked` where another process has it */
  readonly withSite: (
    steps: (site: Pick<SiteLog, 'log' | 'settle'>) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>
  /** Told of authorities that failed where another one did not. */
  readonly onFailure: (error: unknown) => void
}

/** Two rounds of one minute would have one name. */
const SHORTEST_PERIOD_MS = 60_000

/** The tasks, for a {@link Schedule}. */
export function upkeepTasks(options: UpkeepOptions): readonly ScheduledTask[] {
  return [publishing(options), timestamping(options)]
}

/** Durable entries that nobody is shown yet, since too few witnesses have cosigned; named by how many there are. */
function publishing({ head, published, withSite }: UpkeepOptions): ScheduledTask {
  return {
    kind: 'publish',
    async dueKey() {
      const size = await sizeOf(head)
      return size > (await sizeOf(published)) ? size : undefined
    },
    run: (signal) =>
      withSite(async ({ log }) => {
        const { size } = log.state
        if (size > 0n) await log.published(size - 1n)
      }, signal),
  }
}

/** A round of timestamps; named by its period, counted from 1970. */
function timestamping(options: UpkeepOptions): ScheduledTask {
  const { head, records, timestampIntervalMs, withSite, onFailure } = options
  const intervalMs = Math.max(timestampIntervalMs, SHORTEST_PERIOD_MS)
  return {
    kind: 'timestamp',
    async dueKey(now) {
      const size = await sizeOf(head)
      const isDue = await isRoundDue({ records, size, intervalMs }, now)
      return isDue ? BigInt(Math.floor(now.getTime() / intervalMs)) : undefined
    },
    run: (signal) =>
      withSite(async (site) => {
        const { tokens, failures } = await site.settle()
        if (tokens === undefined && failures.length > 0) throw failures[0]
        for (const failure of failures) onFailure(failure)
      }, signal),
  }
}

async function sizeOf(cell: Pick<CheckpointCell, 'read'>): Promise<bigint> {
  const note = await cell.read()
  return note === undefined ? 0n : parseCheckpoint(parseNote(note).text).size
}
