/**
 * Start demo: what `up --demo` runs beside the gateway: an archive behind it that takes, and rooms in front of it that send.
 */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { DimseDestination } from '@fiducial/core/domain/gateway/destinations.ts'
import { DEFAULT_DELIVERY } from '@fiducial/core/domain/gateway/destinations.ts'
import { demoDevice } from '@fiducial/core/domain/room/plan.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { Rooms } from './demo/rooms.ts'
import { startAcceptor } from './dimse/acceptor.ts'
import { archiveQuery } from './dimse/archive-query.ts'
import { procedureStepAnswers } from './dimse/procedure-step-answers.ts'
import { retrieveFace } from './http/dicomweb/retrieve-face.ts'
import { searchFace } from './http/dicomweb/search-face.ts'
import type { KeyRing, RingOptions } from './keys/key-ring.ts'
import { DemoArchive } from './storage/archive/demo-archive.ts'
import { FrameThread } from './storage/archive/frame-thread.ts'
import type { GatewayLogger } from './telemetry/logger.ts'
import type { GatewayExtension, GatewayParts, RunningGateway } from './wiring/gateway.ts'
import { gatewayFolder } from './wiring/gateway-storage.ts'
import { LastingPool } from './workers/lasting-pool.ts'
import type { RoomTask, Taken } from './workers/room-work.ts'
import type { SealSetup } from './workers/setup.ts'

/** An archive behind the gateway. */
export interface DemoPacs extends AsyncDisposable {
  readonly destination: DimseDestination
  readonly archive: DemoArchive
}

const ARCHIVE_AET = 'DEMO_PACS'

/** Starts the archive, on a port that is free. @throws {StoreError} `output_unwritable`, `service_refused` */
export async function startDemoPacs(home: string): Promise<DemoPacs> {
  const archive = new DemoArchive(join(gatewayFolder(home), 'demo-archive'))
  const acceptor = await startAcceptor({
    settings: { calledTitles: [ARCHIVE_AET], callers: 'any' },
    intake: archive,
    services: [archiveQuery(archive, ARCHIVE_AET)],
  })
  return {
    archive,
    destination: {
      protocol: 'dimse',
      name: 'pacs',
      aet: ARCHIVE_AET,
      host: acceptor.host,
      port: acceptor.port,
      callingAet: null,
      tls: null,
      associations: 2,
      commitment: false,
      delivery: DEFAULT_DELIVERY,
    },
    async [Symbol.asyncDispose]() {
      await acceptor.stop(5_000)
      archive.close()
    },
  }
}

/** What the gateway serves besides in the demonstration: reports of rooms are taken, and the archive is searched. */
export const demoExtension =
  ({ archive }: DemoPacs) =>
  async ({ orders }: GatewayParts): Promise<GatewayExtension> => {
    const maker = new FrameThread()
    return {
      services: [procedureStepAnswers(orders)],
      faces: (guards) => [searchFace({ ...guards, archive }), retrieveFace({ ...guards, archive, maker })],
      close: () => maker.close(),
    }
  }

export interface DemoRoomsOrder {
  readonly roomKeys: SealSetup
  readonly running: RunningGateway
  readonly aeTitle: string
  readonly logger: GatewayLogger
}

/**
 * With what the rooms seal that do, and mark: tiles alone, so that they keep up. Whoever is missing is enrolled.
 * @throws {KeyError} {StoreError}
 */
export async function makeRoomKeys(home: string, secrets: RingOptions): Promise<SealSetup> {
  const { openKeyRing } = await import('./keys/key-ring.ts')
  const { markDeviceOf } = await import('./wiring/mark.ts')
  const ring = await openKeyRing(home, secrets)
  const { device, operator } = await findRoomKeys(ring)
  return {
    kind: 'seal',
    settings: { device, operator, isSeries: false, isOverwriting: true, logFolder: join(home, 'log') },
    device: await ring.material(device),
    operator: await ring.material(operator),
    authority: await ring.timestampMaterial(),
    isDemo: true,
    mark: { device: markDeviceOf({ id: device, markKey: ring.markKey(device), isDemo: true }), layers: 'tiles', home },
    anchors: ring.trust(),
  }
}

/** Starts the rooms. @throws {StoreError} */
export async function startDemoRooms({
  roomKeys: seal,
  running,
  aeTitle,
  logger,
}: DemoRoomsOrder): Promise<AsyncDisposable> {
  const pool = new LastingPool({
    script: new URL('./workers/worker.ts', import.meta.url),
    setup: { kind: 'room', seal },
    threads: 1,
    timeoutMs: 300_000,
  })
  const plain = running.dicom.find(({ isTls }) => !isTls)
  if (plain === undefined) throw new StoreError('service_refused', 'the rooms need a port without TLS')
  const [, host = '127.0.0.1', port = '0'] = /^\[?(.*?)\]?:(\d+)$/.exec(plain.address) ?? []
  const rooms = new Rooms({
    target: { host: host === '0.0.0.0' ? '127.0.0.1' : host, port: Number(port), aet: aeTitle },
    async take(task: RoomTask) {
      const attempted = await pool.run<Taken>(task)
      if (attempted.outcome === 'done') return attempted.value
      throw new StoreError('service_unreachable', 'the room took no picture', { cause: attempted.cause })
    },
    handOver: async (seal) => void (await running.seals.put(seal)),
    logger,
    pause: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined),
    now: () => new Date(),
    seed: String(process.pid),
  })
  return {
    async [Symbol.asyncDispose]() {
      await rooms.stop()
      await pool.close()
    },
  }
}

const TECHNOLOGIST = 'Technologist A'

/** The device and the technologist of the room that seals, made where they are missing. */
async function findRoomKeys(ring: KeyRing): Promise<{ readonly device: string; readonly operator: string }> {
  const { stationName, manufacturer, model, serialNumber } = demoDevice('chest')
  const holders = ring.list().filter(({ status }) => status === 'active')
  const device =
    holders.find(({ role }) => role === 'device') ??
    (await ring.enrolDevice({ name: stationName, manufacturer, model, serial: serialNumber }))
  const operator =
    holders.find(({ role }) => role === 'person') ??
    (await ring.enrolPerson({ name: TECHNOLOGIST, staffId: 'DEMO-OP-01' }))
  return { device: device.id, operator: operator.id }
}
