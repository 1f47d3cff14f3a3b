/**
 * Gateway: puts a gateway of this machine together and starts it: keys, log, storage, threads, senders, faces.
 *
 * What is opened first is closed last; what cannot be opened leaves nothing open.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { refuseRelaying } from '@fiducial/core/domain/gateway/relay.ts'
import { defaultRoutes, type Routes } from '@fiducial/core/domain/gateway/routes.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import type { TrustAnchors } from '@fiducial/core/domain/trust/anchors.ts'
import type { Policy } from '@fiducial/core/domain/verdict/policy.ts'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import type { ServiceProvider } from '../dimse/service.ts'
import type { WebFaceOptions } from '../http/dicomweb/web-face.ts'
import type { Face } from '../http/server.ts'
import { type KeyRing, openKeyRing, type RingOptions } from '../keys/key-ring.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { SiteSweeps } from '../services/audit/site-sweeps.ts'
import { DeviceSeals } from '../services/gateway/device-seals.ts'
import type { Examiner } from '../services/gateway/examiner.ts'
import { Gateway } from '../services/gateway/gateway.ts'
import { LiveRoutes } from '../services/gateway/live-routes.ts'
import { findOrderIn } from '../services/gateway/order-facts.ts'
import { Orders } from '../services/gateway/orders.ts'
import type { StoredInstance } from '../services/gateway/ports.ts'
import { readConfigFile } from '../storage/config-text.ts'
import { openPauses } from '../storage/gateway/pauses-file.ts'
import { parseRoutesFile, watchFile } from '../storage/gateway/routes-file.ts'
import { writeFileAtomically } from '../storage/write-file.ts'
import type { GatewayLogger } from '../telemetry/logger.ts'
import { GatewayMetrics } from '../telemetry/metrics.ts'
import { NO_TRACES, openTraces } from '../telemetry/traces.ts'
import { openArchiveFaces } from './archive-faces.ts'
import { startAuditTrails } from './gateway-audit-trails.ts'
import { type DicomFace, startDicom } from './gateway-dicom.ts'
import { type OpenGatewayLog, openGatewayLog } from './gateway-log.ts'
import { openServices } from './gateway-services.ts'
import { type GatewayStorage, gatewayFolder, openGatewayStorage, type SpoolPlaces } from './gateway-storage.ts'
import { GatewayTargets } from './gateway-targets.ts'
import { startWeb, type WebFace } from './gateway-web.ts'
import { observeAcceptor, observePipeline } from './observers.ts'
import { pause } from './pause.ts'
import { openTokens } from './tokens.ts'

/** What threads that examine are made with; plain values, with secrets: never log it. */
export interface ExaminerOrder {
  readonly home: string
  readonly secrets: RingOptions
  /** Id of the holder whose keys seal. */
  readonly gateway: string
  readonly anchors: TrustAnchors
  readonly policy: Policy
  readonly logFolder: string
  /** SHA-256 of the site's root certificates, hexadecimal. */
  readonly ownRoots: readonly string[]
  readonly places: SpoolPlaces
  readonly threads: number
  readonly examineMs: number
  readonly isDemo: boolean
  /** 32 bytes that keep UIDs of de-identified copies consistent, and unguessable. */
  readonly deidentifyKey: Uint8Array
}

export interface GatewayOrder {
  readonly home: string
  readonly secrets: RingOptions
  readonly version: string
  readonly settings: GatewaySettings
  /** Whom to believe besides. */
  readonly anchors: TrustAnchors
  readonly policy: Policy
  readonly logger: GatewayLogger
  /** Set off to give up waiting for the log. */
  readonly signal: AbortSignal
  readonly openExaminer: (order: ExaminerOrder) => Promise<Examiner>
  /** Sweeps of the archive that the settings name. @param ownRoots  as of examiners */
  readonly openSweeps?: (ownRoots: readonly string[]) => SiteSweeps
  /** Further services and faces, such as an archive of the demonstration. */
  readonly extend?: (parts: GatewayParts) => Promise<GatewayExtension>
}

/** What extensions may build on. */
export interface GatewayParts {
  readonly settings: GatewaySettings
  readonly storage: GatewayStorage
  readonly orders: Orders
  readonly logger: GatewayLogger
}

export interface GatewayExtension {
  readonly services: readonly ServiceProvider[]
  /** @param guards  who may come in */
  readonly faces: (guards: WebFaceOptions) => readonly Face[]
  close(): Promise<void>
}

/** A gateway that runs; disposing of it lets it finish what is under way. */
export interface RunningGateway extends AsyncDisposable {
  readonly dicom: DicomFace['addresses']
  readonly url: string
  readonly logOrigin: string
  readonly recovery: Gateway['recovery']
  readonly gateway: Gateway
  readonly seals: DeviceSeals
  invite(): string
  /** Reads the routes again. */
  reload(): void
}

/** Where commands of this machine find how to reach it: `cli/gateway` reads it. */
const REACH_FILE = 'reach.json'
const PRIVATE_FILE = 0o600
const SECRET_BYTES = 32
const NO_BYTES = new Uint8Array(0)

/**
 * Starts a gateway.
 * @throws {KeyError} where there is no gateway in the key ring, or its keys cannot be used
 * @throws {StoreError} where log, storage or a port cannot be had; {FormatError} `routes_malformed`
 */
export async function startGateway(order: GatewayOrder): Promise<RunningGateway> {
  await using opened = new AsyncDisposableStack()
  const { home, secrets, settings, logger, version } = order
  mkdirSync(gatewayFolder(home), { recursive: true, mode: 0o700 })
  const ring = await openKeyRing(home, secrets)
  const holder = findGateway(ring, settings.seal.holder)
  // First: it admits one gateway to the folder.
  const storage = opened.use(await openGatewayStorage(home, settings))
  const log = opened.use(await openLog(order, ring))
  const live = openRoutes(settings, storage)
  const orders = new Orders(storage.orders, () => new Date())

  const extension = await order.extend?.({ settings, storage, orders, logger })
  if (extension !== undefined) opened.defer(() => extension.close())
  let running: Gateway | undefined
  const metrics = new GatewayMetrics(async () => {
    if (running === undefined) throw new StoreError('gateway_overloaded', 'the gateway is not up yet')
    return running.status()
  })
  const traces = opened.adopt(await traceWith(settings, version), (open) => open.close())
  const observe = observePipeline({ logger, metrics, traces })
  const examiner = await order.openExaminer(examinerOrder(order, ring, holder, log, storage))
  const resend = async (destination: string, ids: readonly string[]): Promise<number> =>
    (await running?.resend(destination, ids)) ?? 0
  const services = opened.adopt(openServices({ settings, store: storage.store, orders, logger, resend }), (open) =>
    open.close(),
  )
  const targets = new GatewayTargets({ settings, onStored: services.askCommitment })
  const seals = new DeviceSeals({
    shelf: storage.deviceSeals,
    crypto: nativeCrypto,
    anchors: () => order.anchors,
    now: () => new Date(),
    record: (seal) => log.recordSeal(seal),
  })
  const gateway = await Gateway.open({
    store: storage.store,
    spool: storage.spool,
    seals: storage.seals,
    deviceSeals: storage.deviceSeals,
    examiner,
    log: log.gatewayLog,
    routes: live,
    targets: () => targets.of(live.current.routes),
    findOrder: findOrderIn(orders, observe),
    now: () => new Date(),
    random,
    chance: Math.random,
    pause,
    deadline: AbortSignal.timeout,
    observe,
    owner: `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`,
    isAlone: storage.isAlone,
    alarmLimits: { fullSpoolBytes: storage.places.reserveBytes, lowSpoolBytes: 2 * storage.places.reserveBytes },
    // What goes nowhere is nowhere else.
    retentionMs: live.current.routes.destinations.size > 0 ? settings.retention.doneHours * 3_600_000 : FOR_EVER_MS,
    recordsMs: settings.retention.recordDays * 86_400_000,
    pauses: openPauses(join(gatewayFolder(home), 'paused.json')),
    attemptsLimit: settings.work.maxAttempts,
    sendersFirstMs: SENDERS_FIRST_MS,
    committing: () => committingOf(live.current.routes),
    limits: { instances: settings.limits.associations * settings.limits.operations, bytes: INTAKE_BYTES },
  })
  running = gateway
  opened.defer(() => gateway.close())
  const watched = watchRoutes(settings, live, logger)
  opened.defer(() => watched?.close())

  const dicom = await startDicom({
    settings,
    intake: gateway.intake,
    services: [...(extension?.services ?? []), ...services.providers],
    onEvent: observeAcceptor({ logger, metrics, traces }),
  })
  opened.defer(() => dicom.stop(settings.work.drainSeconds * 1000))
  services.resume(live.current.routes.destinations.values())
  const tokens = openTokens(home)
  const sweeps = settings.sweep.target === null ? undefined : order.openSweeps?.(ownRootsOf(ring))
  opened.defer(() => sweeps?.stop())
  const archive = opened.adopt(openArchiveFaces(settings, join(gatewayFolder(home), 'fetched')), (open) => open.close())
  const web = opened.adopt(
    await startWeb({
      settings,
      control: gateway,
      intake: gateway.intake,
      seals,
      sealOf: (instance) => readSeal(instance, storage),
      ...(sweeps && { sweeps }),
      tokens,
      identity: { version, isDemo: ring.isDemo, aeTitle: settings.dicom.aet },
      metrics,
      logger,
      random,
      faces: extension?.faces ?? archive.faces,
    }),
    (open) => open.close(),
  )
  opened.adopt(startAuditTrails({ home, settings, log, logger, pause }), (trails) => trails.stop())
  opened.adopt(await leaveReach(home, web, tokens), (remove) => remove())
  const all = opened.move()
  return {
    dicom: dicom.addresses,
    url: web.url,
    logOrigin: log.origin,
    recovery: gateway.recovery,
    gateway,
    seals,
    invite: () => web.invite(),
    reload: () => watched?.reload(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Of a burst that is longer, the rest is examined as it comes. */
const SENDERS_FIRST_MS = 2_500
const FOR_EVER_MS = 1_000 * 365 * 86_400_000
/** Bytes that may be under way at once. */
const INTAKE_BYTES = 16 * 2 ** 30

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

/** Names of the destinations that are asked to commit. */
const committingOf = ({ destinations }: Routes): ReadonlySet<string> =>
  new Set(
    [...destinations.values()]
      .filter((destination) => destination.protocol === 'dimse' && destination.commitment)
      .map(({ name }) => name),
  )

/** Whose keys seal. @throws {KeyError} `key_missing` */
function findGateway(ring: KeyRing, asked: string | null): string {
  const gateways = ring.list().filter(({ role, status }) => role === 'gateway' && status === 'active')
  const found = asked === null ? gateways : gateways.filter(({ id }) => id === asked)
  const [only, another] = found
  if (only === undefined) throw new KeyError('key_missing', 'the key ring has no gateway that is valid')
  if (another !== undefined) throw new KeyError('key_missing', 'the key ring has several gateways; say which one seals')
  return only.id
}

function openLog({ home, secrets, signal, logger }: GatewayOrder, ring: KeyRing): Promise<OpenGatewayLog> {
  const onFailure = (error: unknown): void => logger.warn('no timestamp from one authority', codeOnly(error))
  return openGatewayLog(home, ring, { ...secrets, signal, onFailure })
}

const codeOnly = (error: unknown) => (error instanceof StoreError ? { part: 'log', code: error.code } : { part: 'log' })

/** @throws {FormatError} `routes_malformed`; {StoreError} where the file cannot be read */
function openRoutes({ main: { routes, pacs } }: GatewaySettings, { isAlone }: GatewayStorage): LiveRoutes {
  const fallback = (): Routes => defaultRoutes(pacs === null ? [] : [pacs])
  return new LiveRoutes(routes === null ? NO_BYTES : readConfigFile(routes), {
    hash: nativeCrypto.hash,
    now: () => new Date(),
    parse:
      routes === null
        ? fallback
        : (bytes) => (isAlone ? parseRoutesFile(bytes) : refuseRelaying(parseRoutesFile(bytes))),
  })
}

function watchRoutes({ main: { routes } }: GatewaySettings, live: LiveRoutes, logger: GatewayLogger) {
  if (routes === null) return undefined
  live.listen((change) => {
    if (change.outcome === 'changed') logger.info('new routes are in force', { part: 'routes', code: change.now })
    if (change.outcome === 'refused') logger.error('the routes file is not in force', { part: 'routes' })
  })
  return watchFile(routes, {
    onContent: (bytes) => void live.offer(bytes),
    onProblem: (code) => void live.fail(code),
  })
}

async function traceWith({ telemetry }: GatewaySettings, version: string) {
  const { otlpUrl, serviceName, sampleRatio } = telemetry
  return otlpUrl === null ? NO_TRACES : openTraces({ url: otlpUrl, serviceName, version, sampleRatio })
}

function examinerOrder(
  { home, secrets, settings, anchors, policy }: GatewayOrder,
  ring: KeyRing,
  gateway: string,
  log: OpenGatewayLog,
  { places }: GatewayStorage,
): ExaminerOrder {
  return {
    ...{ home, secrets, gateway, anchors, policy, places },
    ownRoots: ownRootsOf(ring),
    logFolder: log.folder,
    deidentifyKey: readOrMakeSecret(join(gatewayFolder(home), 'deidentify.key')),
    threads: settings.work.workers,
    examineMs: settings.work.examineSeconds * 1000,
    isDemo: ring.isDemo,
  }
}

/** SHA-256 of the site's root certificates, hexadecimal. */
const ownRootsOf = (ring: KeyRing): readonly string[] =>
  ring.trust().roots.map(({ bytes }) => {
    const digest = nativeCrypto.hash('sha256')
    digest.update(bytes)
    return encodeHex(digest.digest())
  })

/** Lets commands of the same account reach the gateway; the token goes when the gateway does. */
async function leaveReach(
  home: string,
  web: WebFace,
  tokens: ReturnType<typeof openTokens>,
): Promise<() => Promise<void>> {
  const path = join(gatewayFolder(home), REACH_FILE)
  await revokeEarlier(path, tokens)
  const username = accountName()
  const { text } = await tokens.create({
    person: username,
    name: `${username}, at this machine`,
    role: 'administrator',
    validDays: 365,
  })
  const bytes = Buffer.from(`${JSON.stringify({ ...web.local, token: text })}\n`)
  writeFileAtomically(path, [bytes], { isOverwriting: true, mode: PRIVATE_FILE })
  return async () => {
    await revokeEarlier(path, tokens)
    rmSync(path, { force: true })
  }
}

/** Containers run accounts that nobody has given a name. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 0}`
  }
}

/** What a gateway left that was killed. */
async function revokeEarlier(path: string, tokens: ReturnType<typeof openTokens>): Promise<void> {
  try {
    const [, id = ''] = /"token":"fiducial_([0-9a-f]{16})_/.exec(readFileSync(path, 'latin1')) ?? []
    await tokens.revoke(id)
  } catch {
    // There is none.
  }
}

/** A secret of this gateway: made once, for its owner only. @throws {StoreError} `output_unwritable`, `input_unreadable` */
function readOrMakeSecret(path: string): Uint8Array {
  try {
    writeFileAtomically(path, [random(SECRET_BYTES)], { mode: PRIVATE_FILE })
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'output_exists') throw error
  }
  const secret = new Uint8Array(readFileSync(path))
  if (secret.length !== SECRET_BYTES) throw new StoreError('input_unreadable', 'the secret of the gateway is none')
  return secret
}

/** The seal of a device goes before that of the gateway. */
async function readSeal(
  { sealed, sopInstanceUid }: StoredInstance,
  { deviceSeals, seals }: GatewayStorage,
): Promise<Uint8Array | undefined> {
  const handedOver = sopInstanceUid === null ? undefined : await deviceSeals.find(sopInstanceUid)
  if (handedOver !== undefined) return readFileSync(handedOver)
  if (sealed === null) return undefined
  await using file = await seals.open(sealed.sealKey)
  return file.view(0, file.length).slice()
}
