/**
 * Gateway web: everything that a gateway serves by HTTP, at one address: API, health, page and DICOMweb.
 */
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { capabilitiesFace } from '../http/dicomweb/capabilities-face.ts'
import { storeFace } from '../http/dicomweb/store-face.ts'
import { WEB_PREFIX, type WebFaceOptions } from '../http/dicomweb/web-face.ts'
import { Doorkeeper } from '../http/gateway/callers.ts'
import { Entrance } from '../http/gateway/entrance.ts'
import { gatewayApi } from '../http/gateway/gateway-api.ts'
import { healthFace } from '../http/gateway/health-face.ts'
import type { Identity } from '../http/gateway/messages.ts'
import type { RouteMeans } from '../http/gateway/route-means.ts'
import { statusPage } from '../http/gateway/status-page.ts'
import { type Face, type ServerTls, startServer } from '../http/server.ts'
import type { TokenBook } from '../services/access/token-book.ts'
import type { SiteSweeps } from '../services/audit/site-sweeps.ts'
import type { GatewayControl } from '../services/gateway/control.ts'
import type { DeviceSeals } from '../services/gateway/device-seals.ts'
import type { Intake } from '../services/gateway/ports.ts'
import { readSecret } from '../storage/secret-reference.ts'
import type { GatewayLogger } from '../telemetry/logger.ts'
import type { GatewayMetrics } from '../telemetry/metrics.ts'
import { readPem } from './gateway-targets.ts'

export interface WebOrder {
  readonly settings: GatewaySettings
  readonly control: GatewayControl
  readonly intake: Intake
  readonly seals: DeviceSeals
  readonly sealOf: RouteMeans['sealOf']
  readonly sweeps?: SiteSweeps
  readonly tokens: TokenBook
  readonly identity: Identity
  readonly metrics: GatewayMetrics
  readonly logger: GatewayLogger
  readonly random: (length: number) => Uint8Array
  /** Faces that search an archive, such as those that ask the PACS. @param guards  who may come in */
  readonly faces: (guards: WebFaceOptions) => readonly Face[]
}

export interface WebFace {
  /** As others reach it. */
  readonly url: string
  /** As this machine reaches it, with the certificate that it shows. */
  readonly local: { readonly url: string; readonly certificate?: string }
  /** An address that lets one browser see the page. */
  invite(): string
  close(): Promise<void>
}

/** Characters: searches by DICOMweb name many attributes. */
const URL_LIMIT = 8 * 1024

/** @throws {StoreError} `service_refused`; `input_unreadable`, {KeyError} for certificate and key */
export async function startWeb(order: WebOrder): Promise<WebFace> {
  const { settings, control, intake, seals, sealOf, sweeps, tokens, identity, metrics, logger, random, faces } = order
  const { web, telemetry } = settings
  const doorkeeper = new Doorkeeper((token) => tokens.find(token))
  const tls = tlsOf(web)
  const isSecure = web.publicUrl === null ? tls !== undefined : web.publicUrl.startsWith('https:')
  const entrance = new Entrance({ random, now: Date.now, isSecure })
  // Its own is known once it listens.
  let url = web.publicUrl?.replace(/\/+$/, '') ?? ''
  const invite = (): string => url + entrance.invite()
  const api = gatewayApi({
    control,
    doorkeeper,
    identity,
    seals,
    sealOf,
    invite,
    ...(sweeps && { sweeps }),
  })
  const guards = web.trustsLocalCallers ? {} : { require: doorkeeper.require.bind(doorkeeper) }
  const server = await startServer(
    [
      api.face,
      healthFace({ control, doorkeeper, ...(telemetry.metrics && { metrics: () => metrics.read() }) }),
      entrance.face,
      statusPage({ control, identity, entrance }),
      ...(web.dicomweb ? [storeFace({ ...guards, intake, ...storeLimits(order.settings) })] : []),
      ...(web.dicomweb ? [capabilitiesFace(), ...faces(guards)] : []),
    ],
    {
      host: web.host,
      port: web.port,
      hasStreams: true,
      urlLimit: URL_LIMIT,
      ...(tls && { tls }),
      onAccess: ({ method, path, status, durationMs }) =>
        logger.debug(`${method} ${path}`, { part: 'web', status, durationMs }),
      onFailure: ({ method, path, error }) => logger.error(`${method} ${path} failed`, { part: 'web' }, error),
    },
  )
  const localUrl = onThisMachine(server.url)
  if (web.publicUrl === null) url = localUrl
  return {
    url,
    local: { url: localUrl, ...(tls && { certificate: tls.certificate }) },
    invite,
    async close() {
      api.close()
      await server.close()
    },
  }
}

/** A server that listens everywhere is asked by the loopback. */
const onThisMachine = (url: string): string => url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')

const storeLimits = ({ limits, web: { publicUrl } }: GatewaySettings) => ({
  instanceBytes: limits.objectMegabytes * 2 ** 20,
  ...(publicUrl !== null && { retrieveUrl: `${publicUrl.replace(/\/+$/, '')}${WEB_PREFIX}` }),
})

function tlsOf({ tlsCertificate, tlsKey }: GatewaySettings['web']): ServerTls | undefined {
  if (tlsCertificate === null || tlsKey === null) return undefined
  return { certificate: readPem(tlsCertificate), key: readSecret(tlsKey) }
}
