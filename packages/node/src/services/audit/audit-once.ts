/**
 * Audit once: one sweep of one archive with all that belongs to it: what the log says first, and what a report needs last.
 */
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import type { LogReader } from '../log/log-access.ts'
import { revokedBy, trustIdOf } from './access.ts'
import { learnLog } from './learn-log.ts'
import type { ArchiveSource, SweepStore } from './ports.ts'
import type { ReportFacts } from './report.ts'
import { type ExamineAll, runSweep, type SweepProgress, type SweepResult } from './sweep.ts'
import { Throttle, type ThrottleLimits, type ThrottleMeans } from './throttle.ts'

/** How to sweep. */
export interface AuditOrder {
  readonly isFull: boolean
  /** Lists only what is new: `last`, or `date:YYYYMMDD`. */
  readonly since?: string
  readonly rereadDays: number
  readonly graceMs: number
  readonly limit?: number
  readonly limits: ThrottleLimits
  /** Whether the report names instances by their names in the archive, too. */
  readonly showsKeys: boolean
}

export interface AuditMeans extends ThrottleMeans {
  readonly source: ArchiveSource
  readonly store: SweepStore
  readonly examineAll: ExamineAll
  readonly crypto: Crypto
  readonly anchors: TrustAnchors
  readonly policy: Policy
  /** Opens the log of the site for reading; absent where there is none. */
  readonly readLog?: () => Promise<LogReader>
  readonly signal: AbortSignal
  readonly onProgress?: (progress: SweepProgress) => void
  /** Told how many entries of the log, of how many, are read before the sweep begins. */
  readonly onLogProgress?: (done: bigint, size: bigint) => void
}

export interface AuditOutcome {
  readonly result: SweepResult
  /** For {@link summarize} and {@link reportEntries}, while the store is open. */
  readonly facts: ReportFacts
}

/** Sweeps, or goes on with a sweep that was cut off. @throws {StoreError} what archive, log and memory say */
export async function auditOnce(order: AuditOrder, means: AuditMeans): Promise<AuditOutcome> {
  const { source, store, examineAll, crypto, anchors, policy, readLog, signal, onProgress, onLogProgress, now } = means
  const { isFull, since, rereadDays, graceMs, limit, limits, showsKeys } = order
  await using reader = await readLog?.()
  const view = await reader?.view()
  const records = reader?.records
  const hasLog = view !== undefined && records !== undefined
  const result = await runSweep({
    source,
    store,
    examineAll,
    throttle: new Throttle(limits, means),
    ...(hasLog && {
      learn: (until: AbortSignal) =>
        learnLog({ view, records, store, crypto, signal: until, ...(onLogProgress && { onProgress: onLogProgress }) }),
    }),
    anchors,
    trustId: trustIdOf(anchors, policy, crypto),
    revoked: revokedBy(anchors, crypto),
    now,
    signal,
    isFull,
    rereadDays,
    graceMs,
    ...(since !== undefined && { since }),
    ...(limit !== undefined && { limit }),
    ...(onProgress && { onProgress }),
  })
  const { sweep, isFinished } = result
  const log = view === undefined ? null : { origin: view.origin, size: String(view.size) }
  return { result, facts: { store, archive: source, policy: policy.name, log, sweep, isFinished, showsKeys } }
}
