/**
 * Gateway examiner: the examiner of a gateway, on threads that last as long as it does.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { ADVISORS } from '../services/gateway/examine-instance.ts'
import type { Examiner } from '../services/gateway/examiner.ts'
import { LastingPool } from './lasting-pool.ts'
import type { GatewaySetup } from './setup.ts'

/** The largest images take some seconds; what takes longer than this never ends. */
const TIMEOUT_MS = 300_000
/** The gateway takes images in with or without one. */
const COME_UP_MS = 5_000

export interface ExaminerOptions {
  /** Default: one for each processor. */
  readonly threads?: number
  readonly timeoutMs?: number
}

/** One thread has come up once this resolves, if it does at all in good time; the others come up with the first tasks. */
export async function openGatewayExaminer(
  setup: Omit<GatewaySetup, 'kind'>,
  options: ExaminerOptions = {},
): Promise<Examiner> {
  const { threads = availableParallelism(), timeoutMs = TIMEOUT_MS } = options
  const script = new URL('./worker.ts', import.meta.url)
  const isAbsent = { mark: setup.settings.marks === undefined, watchdog: setup.watchModel === null }
  const pool = new LastingPool({ script, setup: { ...setup, kind: 'gateway' }, threads, timeoutMs })
  await Promise.race([pool.begin(), pause(COME_UP_MS, undefined, { ref: false })])
  return {
    threads,
    absentAdvisors: ADVISORS.filter((name) => isAbsent[name]),
    // What a thread measured of an image while it looked at it serves it again while it seals.
    examine: (task) => pool.run(task, task.path),
    prepare: (task) => pool.run(task, task.path),
    close: () => pool.close(),
  }
}
