/** Gateway DICOM: the acceptors of a gateway, plain and by TLS, as its settings have them. */
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { type Acceptor, startAcceptor } from '../dimse/acceptor.ts'
import type { AcceptorEvent } from '../dimse/acceptor-events.ts'
import type { AcceptorLimits, AcceptorSettings, AcceptorTls } from '../dimse/acceptor-settings.ts'
import type { ServiceProvider } from '../dimse/service.ts'
import type { Intake } from '../services/gateway/ports.ts'
import { readSecret } from '../storage/secret-reference.ts'
import { readPem } from './gateway-targets.ts'

export interface DicomOrder {
  readonly settings: GatewaySettings
  readonly intake: Intake
  readonly services: readonly ServiceProvider[]
  readonly onEvent: (event: AcceptorEvent) => void
}

export interface DicomFace {
  /** `host:port` each. */
  readonly addresses: readonly { readonly address: string; readonly isTls: boolean }[]
  stop(graceMs: number): Promise<void>
}

/** @throws {StoreError} `service_refused`; `input_unreadable`, {KeyError} for certificates and keys */
export async function startDicom({ settings, ...order }: DicomOrder): Promise<DicomFace> {
  const common = commonSettings(settings)
  const { port, tlsPort } = settings.dicom
  const tls = tlsOf(settings.dicom)
  const wanted: readonly AcceptorSettings[] = [
    ...(port === null ? [] : [{ ...common, port }]),
    ...(tls === undefined ? [] : [{ ...common, port: tlsPort, tls }]),
  ]
  const acceptors: Acceptor[] = []
  const stop = async (graceMs: number): Promise<void> => {
    await Promise.all(acceptors.map((acceptor) => acceptor.stop(graceMs)))
  }
  try {
    for (const one of wanted) acceptors.push(await startAcceptor({ ...order, settings: one }))
  } catch (error) {
    await stop(0)
    throw error
  }
  return {
    addresses: acceptors.map(({ host, port: taken }, i) => ({
      address: host.includes(':') ? `[${host}]:${taken}` : `${host}:${taken}`,
      isTls: wanted[i]?.tls !== undefined,
    })),
    stop,
  }
}

function commonSettings({ dicom, limits }: GatewaySettings): AcceptorSettings {
  const { aet, otherTitles, acceptsAnyTitle, host, callers, refusedSopClasses } = dicom
  return {
    host,
    calledTitles: acceptsAnyTitle ? 'any' : [aet, ...otherTitles],
    callers: callers ?? 'any',
    refusedSopClasses,
    limits: limitsOf(limits),
  }
}

function limitsOf(limits: GatewaySettings['limits']): Partial<AcceptorLimits> {
  return {
    associations: limits.associations,
    connectionsPerAddress: limits.connectionsPerAddress,
    operations: limits.operations,
    pduBytes: limits.pduBytes,
    objectBytes: limits.objectMegabytes * 2 ** 20,
    associateMs: limits.associateSeconds * 1000,
    idleMs: limits.idleSeconds * 1000,
    stallMs: limits.stallSeconds * 1000,
    stallBytes: limits.stallKilobytes * 1024,
    answerMs: limits.answerSeconds * 1000,
  }
}

function tlsOf(dicom: GatewaySettings['dicom']): AcceptorTls | undefined {
  const { tlsCertificate, tlsKey, tlsCa, tlsClientCertificate } = dicom
  if (tlsCertificate === null || tlsKey === null) return undefined
  return {
    certificate: readPem(tlsCertificate),
    key: readSecret(tlsKey),
    clientCertificate: tlsClientCertificate,
    ...(tlsCa !== null && { authorities: [readPem(tlsCa)] }),
  }
}
