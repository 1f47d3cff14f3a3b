/**
 * Record findings: what a sweep found of instances, as events of the site's log: `verified` with the verdict, and `flagged`
 * where something is wrong.
 */
import { decodeHex } from '@fiducial/core/bytes/hex.ts'
import type { Recorder } from '../log/recorder.ts'
import type { Examined, KnownInstance, SweepStore } from './ports.ts'

export interface RecordOptions {
  readonly store: SweepStore
  readonly recorder: Pick<Recorder, 'record'>
  readonly policy: string
  readonly signal: AbortSignal
}

const BATCH = 250
const REASONS_LIMIT = 32
const CHECKS_LIMIT = 64
/** Who flags, as events name it. */
const BY = 'fiducial audit'

/**
 * Records what was found worse than a notice. The moment of each event is that of the reading: recorded again, it is the
 * same entry.
 * @returns events. @throws {StoreError} what the log says
 */
export async function recordFindings({ store, recorder, policy, signal }: RecordOptions): Promise<number> {
  let count = 0
  for (let after: string | undefined; !signal.aborted; ) {
    const page = await store.instances('with_findings', { limit: BATCH, ...(after !== undefined && { after }) })
    after = page.at(-1)?.key
    if (after === undefined) break
    const news = page.flatMap((instance) =>
      instance.examined === null ? [] : eventsOf(instance, instance.examined, policy),
    )
    await Promise.all(news.map((one) => recorder.record(one)))
    count += news.length
  }
  return count
}

function eventsOf({ readAt, findings }: KnownInstance, examined: Examined, policy: string) {
  const told = findings.filter(({ severity }) => severity !== 'notice')
  if (told.length === 0) return []
  const { instance, digests, verdict, level, content, failing } = examined
  const common = {
    at: readAt,
    instance: Object.values(instance).some((uid) => uid !== null) ? instance : null,
    digests: { file: decodeHex(digests.file), dataset: decodeHex(digests.dataset), pixels: null, frames: null },
  }
  const isAlarm = told.some(({ severity }) => severity === 'alarm')
  return [
    {
      ...common,
      type: 'verified',
      details: { verdict, level, content, policy, failing: failing.slice(0, CHECKS_LIMIT) },
    } as const,
    ...(isAlarm
      ? ([
          {
            ...common,
            type: 'flagged',
            details: { by: BY, reasons: told.map(({ code }) => code).slice(0, REASONS_LIMIT) },
          },
        ] as const)
      : []),
  ]
}
