/**
 * Start gateway: the gateway of this machine as the command `up` runs it: wiring, threads, and with --demo rooms and an
 * archive.
 */
import { availableParallelism } from 'node:os'
import type { InstanceMessage } from '@fiducial/core/api/gateway.ts'
import type { Destination } from '@fiducial/core/domain/gateway/destinations.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import type { UpOrder, UpRunning } from './cli/up-adapters.ts'
import { toInstanceMessage } from './http/gateway/messages.ts'
import type { GatewayControl } from './services/gateway/control.ts'
import type { Examiner } from './services/gateway/examiner.ts'
import { openSweeps } from './start-sweeps.ts'
import { createLogger } from './telemetry/logger.ts'
import { type ExaminerOrder, startGateway } from './wiring/gateway.ts'

/** @throws {KeyError} {StoreError} {FormatError} as wiring/gateway.ts */
export async function startUp(order: UpOrder, version: string): Promise<UpRunning> {
  const { isForPeople, isDemo, home, secrets, anchors, sweepPolicy } = order
  const { logLevel } = order.settings.telemetry
  // Whoever watches is told of each image in words; what is worth a line besides is trouble.
  const logger = createLogger({ level: isForPeople && logLevel === 'info' ? 'warn' : logLevel, isForPeople })
  await using opened = new AsyncDisposableStack()
  // An archive that is named goes before the one of the demonstration.
  const demo = isDemo ? await import('./start-demo.ts') : undefined
  const pacs = order.settings.main.pacs === null ? await demo?.startDemoPacs(home) : undefined
  if (pacs !== undefined) opened.use(pacs)
  const settings = pacs === undefined ? order.settings : withPacs(order.settings, pacs.destination)
  const extend = pacs && demo?.demoExtension(pacs)
  // Made first, so that the gateway knows whose marks it reads.
  const roomKeys = await demo?.makeRoomKeys(home, secrets)
  const running = opened.use(
    await startGateway({
      ...{ ...order, settings, version, logger, openExaminer },
      openSweeps: (ownRoots) => openSweeps({ home, settings, anchors, ownRoots, policy: sweepPolicy, logger }),
      ...(extend && { extend }),
    }),
  )
  const { aet: aeTitle } = settings.dicom
  if (demo !== undefined && roomKeys !== undefined)
    opened.use(await demo.startDemoRooms({ roomKeys, running, aeTitle, logger }))
  const all = opened.move()
  return {
    dicom: running.dicom,
    aeTitle,
    url: running.url,
    page: running.invite(),
    logOrigin: running.logOrigin,
    pacs: addressOf(settings.main.pacs),
    isDemo,
    recovery: running.recovery,
    watch: (listener) => watch(running.gateway, listener),
    reload: () => running.reload(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Images that are remembered as told of; those before them are not told of again soon. */
const TOLD_LIMIT = 10_000

function watch(gateway: GatewayControl, listener: (instance: InstanceMessage) => void): () => void {
  const told = new Set<string>()
  return gateway.subscribe((id) => {
    if (told.has(id)) return
    void gateway.get(id).then(
      (instance) => {
        if (instance?.judgedAt == null || told.has(id)) return
        told.add(id)
        const [oldest] = told
        if (told.size > TOLD_LIMIT && oldest !== undefined) told.delete(oldest)
        listener(toInstanceMessage(instance))
      },
      () => undefined,
    )
  })
}

const withPacs = (settings: GatewaySettings, pacs: Destination): GatewaySettings => ({
  ...settings,
  main: { ...settings.main, pacs },
})

function addressOf(pacs: Destination | null): string | null {
  if (pacs === null) return null
  return pacs.protocol === 'dimse' ? `${pacs.aet}@${pacs.host}:${pacs.port}` : pacs.url
}

/** More than these wait for the disk, and each has memory of its own. */
const THREADS_LIMIT = 8

async function openExaminer(order: ExaminerOrder): Promise<Examiner> {
  const { openGatewayExaminer } = await import('./workers/gateway-examiner.ts')
  const { openKeyRing } = await import('./keys/key-ring.ts')
  const { home, secrets, gateway, anchors, policy, logFolder, ownRoots, places, threads, examineMs, isDemo } = order
  const { knownMarkDevices } = await import('./wiring/known-marks.ts')
  const { findSiteModel } = await import('./wiring/watch.ts')
  const ring = await openKeyRing(home, secrets)
  const devices = await knownMarkDevices(home, secrets)
  const marks = devices.length === 0 ? {} : { marks: { devices, imageKeys: [], home } }
  return await openGatewayExaminer(
    {
      settings: { anchors, policy, log: { folder: logFolder, ownRoots }, ...marks },
      places,
      sealing: { id: gateway, keys: await ring.gatewayMaterial(gateway), isDemo, logFolder },
      deidentifyKey: order.deidentifyKey,
      watchModel: findSiteModel(home) ?? null,
    },
    { threads: threads > 0 ? threads : Math.min(THREADS_LIMIT, availableParallelism()), timeoutMs: examineMs },
  )
}
