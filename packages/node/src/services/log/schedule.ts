/**
 * Schedule: work that is due from time to time, done once by whichever of several workers comes first.
 *
 * Everybody who looks works out what is due and queues it under the same name, so that it is queued once; the queue
 * hands it to one of them. A worker that dies loses its lease, and another takes over; a task that fails is tried again
 * after a while, and then after a longer one. What the tasks are is left to site-upkeep.ts.
 */
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { Job, JobQueue } from './ports.ts'

export interface ScheduledTask {
  /** Kind of its jobs. */
  readonly kind: string
  /**
   * Names what is due, by a number that grows: of a period, or of entries. Undefined while nothing is.
   * @throws {StoreError} where that cannot be seen
   */
  dueKey(now: Date): Promise<bigint | undefined>
  /** Does what is due, as far as nobody else has done it: running it once more does no harm. */
  run(signal: AbortSignal): Promise<void>
}

export interface ScheduleOptions {
  readonly jobs: JobQueue
  readonly tasks: readonly ScheduledTask[]
  readonly now: () => Date
  /** How long a worker has a job to itself. Default: 120,000. */
  readonly leaseMs?: number
  /** Until the second try; each wait after it is twice as long. Default: 10,000. */
  readonly firstRetryMs?: number
  /** The longest wait. Default: 300,000. */
  readonly longestRetryMs?: number
}

/** What became of a job. */
export type JobOutcome = { readonly kind: string; readonly key: string; readonly attempt: number } & (
  | { readonly outcome: 'done' }
  /** Nothing of it was due any more: somebody else has done it, or something newer takes its place. */
  | { readonly outcome: 'dropped' }
  /** It took longer than its lease, and another worker has it. */
  | { readonly outcome: 'lease_lost' }
  | { readonly outcome: 'failed'; readonly error: Error; readonly retryAt: Date }
)

/** A task of which it could not be seen whether it is due. */
export interface BlindTask {
  readonly kind: string
  readonly outcome: 'unseen'
  readonly error: Error
}

const LEASE_MS = 120_000
const FIRST_RETRY_MS = 10_000
const LONGEST_RETRY_MS = 300_000
const NOTHING = new Uint8Array(0)

export class Schedule {
  readonly #options: ScheduleOptions

  /** @throws {RangeError} for two tasks of one kind */
  constructor(options: ScheduleOptions) {
    const kinds = options.tasks.map(({ kind }) => kind)
    if (new Set(kinds).size < kinds.length) throw new RangeError('two tasks of one kind')
    this.#options = options
  }

  /**
   * Queues what is due now, and does what this worker gets of it.
   * @throws {StoreError} for the queue; what tasks throw that is none of our own errors
   */
  async tick(signal: AbortSignal): Promise<readonly (JobOutcome | BlindTask)[]> {
    const { jobs, tasks, now, leaseMs = LEASE_MS } = this.#options
    const outcomes: (JobOutcome | BlindTask)[] = []
    const seen: ScheduledTask[] = []
    for (const task of tasks) {
      const due = await attempt(() => task.dueKey(now()))
      if (due instanceof Error) outcomes.push({ kind: task.kind, outcome: 'unseen', error: due })
      else seen.push(task)
      if (typeof due === 'bigint') await jobs.enqueue({ kind: task.kind, key: String(due), body: NOTHING })
    }
    const kinds = seen.map(({ kind }) => kind)
    while (!signal.aborted) {
      const job = await jobs.claim(kinds, now(), leaseMs)
      const task = seen.find(({ kind }) => kind === job?.kind)
      if (job === undefined || task === undefined) break
      outcomes.push(await this.#work(task, job, signal))
    }
    return outcomes
  }

  async #work(task: ScheduledTask, job: Job, signal: AbortSignal): Promise<JobOutcome> {
    const { jobs, now } = this.#options
    const { kind, key, attempt: count } = job
    const common = { kind, key, attempt: count }
    const due = await attempt(() => task.dueKey(now()))
    const isStale = due === undefined || (typeof due === 'bigint' && due > BigInt(key))
    const error = due instanceof Error ? due : isStale ? undefined : await attempt(() => task.run(signal))
    if (error instanceof Error) {
      const retryAt = new Date(now().getTime() + this.#retryMs(count))
      const isOurs = await jobs.retry(job, retryAt)
      return isOurs ? { ...common, outcome: 'failed', error, retryAt } : { ...common, outcome: 'lease_lost' }
    }
    const isOurs = await jobs.complete(job)
    return { ...common, outcome: isOurs ? (isStale ? 'dropped' : 'done') : 'lease_lost' }
  }

  #retryMs(count: number): number {
    const { firstRetryMs = FIRST_RETRY_MS, longestRetryMs = LONGEST_RETRY_MS } = this.#options
    return Math.min(firstRetryMs * 2 ** Math.min(count - 1, 32), longestRetryMs)
  }
}

/** What surroundings do wrong is an outcome; what we do wrong is not. */
async function attempt<T>(step: () => Promise<T>): Promise<T | Error> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof StoreError || error instanceof KeyError || error instanceof FormatError) return error
    throw error
  }
}
