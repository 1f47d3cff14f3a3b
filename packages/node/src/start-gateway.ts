/**
 * Start gateway: the gateway of this machine as the command `up` runs it: wiring, threads, and with --demo rooms and an
 * archive.
 */
import { availableParallelism } from 'node:os'
import type { UpOrder, UpRunning } from './cli/up-adapters.ts'
import type { Examiner } from './services/gateway/examiner.ts'
import { createLogger } from './telemetry/logger.ts'
import { type ExaminerOrder, startGateway } from './wiring/gateway.ts'

/** @throws {KeyError} {StoreError} {FormatError} as wiring/gateway.ts */
export async function startUp(order: UpOrder, version: string): Promise<UpRunning> {
  const { settings, isForPeople, isDemo } = order
  const logger = createLogger({ level: settings.telemetry.logLevel, isForPeople })
  const running = await startGateway({ ...order, version, logger, openExaminer })
  const { pacs } = settings.main
  return {
    dicom: running.dicom,
    aeTitle: settings.dicom.aet,
    url: running.url,
    page: running.invite(),
    logOrigin: running.logOrigin,
    pacs: pacs === null ? null : pacs.protocol === 'dimse' ? `${pacs.aet}@${pacs.host}:${pacs.port}` : pacs.url,
    isDemo,
    recovery: running.recovery,
    reload: () => running.reload(),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}

async function openExaminer(order: ExaminerOrder): Promise<Examiner> {
  const { openGatewayExaminer } = await import('./workers/gateway-examiner.ts')
  const { openKeyRing } = await import('./keys/key-ring.ts')
  const { home, secrets, gateway, anchors, policy, logFolder, ownRoots, places, threads, examineMs, isDemo } = order
  const ring = await openKeyRing(home, secrets)
  return openGatewayExaminer(
    {
      settings: { anchors, policy, log: { folder: logFolder, ownRoots } },
      places,
      sealing: { id: gateway, keys: await ring.gatewayMaterial(gateway), isDemo, logFolder },
      deidentifyKey: order.deidentifyKey,
    },
    { threads: threads > 0 ? threads : Math.max(1, availableParallelism() - 1), timeoutMs: examineMs },
  )
}
