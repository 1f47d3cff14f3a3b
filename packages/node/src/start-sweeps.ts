/**
 * Start sweeps: the sweeps of a gateway, with the reports that they leave in `audit/report` of the state.
 */
import { join } from 'node:path'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import { writeReports } from './cli/audit/write-reports.ts'
import { nativeCrypto } from './keys/native-crypto.ts'
import { auditOnce } from './services/audit/audit-once.ts'
import { parseTimeOfDay } from './services/audit/hours.ts'
import type { AuditSummary } from './services/audit/report.ts'
import { SiteSweeps } from './services/audit/site-sweeps.ts'
import { writeText } from './storage/audit/write-text.ts'
import { readSecret } from './storage/secret-reference.ts'
import type { GatewayLogger } from './telemetry/logger.ts'
import { auditServices } from './wiring/audit.ts'
import { hasLog, logFolder, openLogReader } from './wiring/log-reader.ts'
import { pause } from './wiring/pause.ts'
import { examineAll } from './workers/examine-all.ts'

export interface SweepsOrder {
  readonly home: string
  readonly settings: GatewaySettings
  readonly anchors: TrustAnchors
  readonly ownRoots: readonly string[]
  readonly policy: Policy
  readonly logger: GatewayLogger
}

const REREAD_DAYS = 30
/** How long an image may be on its way to the archive. */
const GRACE_MS = 24 * 3_600_000
const FORMATS = ['html', 'csv', 'json'] as const

export function openSweeps(order: SweepsOrder): SiteSweeps {
  const { settings, logger } = order
  const { target, at } = settings.sweep
  return new SiteSweeps({
    target: target ?? '',
    at: at === null ? null : (parseTimeOfDay(at) ?? null),
    run: (signal) => sweep(order, signal),
    now: () => new Date(),
    pause,
    onRun: ({ error, summary }) => {
      if (error !== null) return logger.error('a sweep of the archive failed', { part: 'audit', code: error })
      const alarms = summary?.severities.alarm ?? 0
      if (alarms > 0)
        return logger.warn('a sweep of the archive found what is not authentic', { part: 'audit', count: alarms })
      logger.info('the archive was swept', { part: 'audit' })
    },
    onDefect: (error) => logger.error('a sweep of the archive failed', { part: 'audit' }, error),
  })
}

async function sweep(order: SweepsOrder, signal: AbortSignal): Promise<AuditSummary> {
  const { home, settings, anchors, ownRoots, policy } = order
  const { target, credentials, imagesPerSecond } = settings.sweep
  const source = await auditServices.openArchive({
    target: target ?? '',
    temporary: home,
    callingAet: settings.dicom.aet,
    ...(credentials !== null && { credentials: readSecret(credentials) }),
  })
  try {
    const store = await auditServices.openStore(home, source)
    try {
      const log = hasLog(home) ? { folder: logFolder(home), ownRoots } : undefined
      const verifying = { anchors, policy, sealsOf: home, ...(log && { log }) }
      const { facts } = await auditOnce(
        {
          isFull: false,
          rereadDays: REREAD_DAYS,
          graceMs: GRACE_MS,
          limits: imagesPerSecond > 0 ? { instancesPerSecond: imagesPerSecond } : {},
          showsKeys: false,
        },
        {
          source,
          store,
          examineAll: (tasks, until) => examineAll(tasks, verifying, until),
          crypto: nativeCrypto,
          anchors,
          policy,
          ...(log && { readLog: () => openLogReader(log.folder) }),
          now: () => new Date(),
          elapsedMs: () => performance.now(),
          pause,
          signal,
        },
      )
      const folder = join(home, 'audit', 'report')
      return (await writeReports(facts, { folder, formats: FORMATS }, { adapters: { writeText } })).summary
    } finally {
      await store.close()
    }
  } finally {
    await source.close()
  }
}
