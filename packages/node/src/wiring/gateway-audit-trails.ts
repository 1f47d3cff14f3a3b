/** Gateway audit trails: repositories of others that are told what the log holds, again and again. */
import { join } from 'node:path'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { Loop, type Pause } from '../services/gateway/loop.ts'
import { type AuditSink, AuditTrail } from '../services/log/audit-trail.ts'
import { FileAuditCursor } from '../storage/audit-cursor.ts'
import { readSecret } from '../storage/secret-reference.ts'
import { FhirSink } from '../telemetry/fhir-sink.ts'
import type { GatewayLogger } from '../telemetry/logger.ts'
import { SyslogSink } from '../telemetry/syslog-sink.ts'
import type { OpenGatewayLog } from './gateway-log.ts'
import { gatewayFolder } from './gateway-storage.ts'
import { readPem } from './gateway-targets.ts'

export interface AuditTrailOrder {
  readonly home: string
  readonly settings: GatewaySettings
  readonly log: OpenGatewayLog
  readonly logger: GatewayLogger
  readonly pause: Pause
}

const IDLE_MS = 5_000

/** Begins to tell; the result stops it. @throws {StoreError} {KeyError} where certificate or token cannot be read */
export function startAuditTrails(order: AuditTrailOrder): { stop(): Promise<void> } {
  const trails = sinksOf(order.settings.audit).map(({ name, sink }) => startTrail(name, sink, order))
  return { stop: async () => void (await Promise.all(trails.map((trail) => trail.stop()))) }
}

function startTrail(name: string, sink: AuditSink, { home, log, logger, pause }: AuditTrailOrder) {
  const trail = new AuditTrail({
    crypto: nativeCrypto,
    view: () => log.view(),
    records: () => log.records,
    sink,
    cursor: new FileAuditCursor(join(gatewayFolder(home), `audit-${name}`)),
  })
  const loop = new Loop({
    name: `audit trail ${name}`,
    pause,
    idleMs: IDLE_MS,
    async work(signal) {
      const { told, waiting } = await trail.tell(signal)
      if (told > 0) logger.debug('audit repository told', { part: 'audit', destination: name, count: told })
      return waiting > 0n
    },
    onTrouble: (_where, code) =>
      logger.warn('the audit repository was not told; again later', { part: 'audit', destination: name, code }),
  })
  return {
    async stop() {
      await loop.stop()
      await sink.close()
    },
  }
}

function sinksOf(audit: GatewaySettings['audit']): readonly { readonly name: string; readonly sink: AuditSink }[] {
  const { syslog, syslogCa, syslogCertificate, syslogKey, fhirUrl, fhirToken } = audit
  const sinks: { name: string; sink: AuditSink }[] = []
  if (syslog !== null) {
    const { hostname, port } = new URL(syslog)
    const target = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      ...(syslogCa !== null && { ca: readPem(syslogCa) }),
      ...(syslogCertificate !== null && { certificate: readPem(syslogCertificate) }),
      ...(syslogKey !== null && { key: readSecret(syslogKey) }),
    }
    sinks.push({ name: 'syslog', sink: new SyslogSink(target) })
  }
  if (fhirUrl !== null) {
    const token = fhirToken === null ? {} : { token: readSecret(fhirToken) }
    sinks.push({ name: 'fhir', sink: new FhirSink({ url: fhirUrl, ...token }) })
  }
  return sinks
}
