/**
 * Gateway targets: senders for the destinations of the routes in force.
 *
 * A destination that has not changed keeps its sender, and with it its connections and its order.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import {
  backoffOf,
  bandwidthAt,
  type ClientTls,
  DAYS,
  type Delivery,
  type Destination,
  type DimseDestination,
  type WebAuthorization,
  type WebDestination,
} from '@fiducial/core/domain/gateway/destinations.ts'
import type { Routes } from '@fiducial/core/domain/gateway/routes.ts'
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { stowSender } from '../dicomweb/stow-sender.ts'
import type { WebPeerOptions, WebPeerTls } from '../dicomweb/web-peer.ts'
import { DimseSender } from '../dimse/dimse-sender.ts'
import type { ClientTls as NodeTls, RemoteNode } from '../dimse/remote-node.ts'
import type { ForwardingTarget } from '../services/gateway/forwarding.ts'
import type { Outgoing, Sender } from '../services/gateway/ports.ts'
import { readSecret } from '../storage/secret-reference.ts'

export interface TargetOptions {
  readonly settings: GatewaySettings
  /** Told of what a node was sent, for storage commitment. */
  readonly onStored?: (destination: DimseDestination, stored: readonly Outgoing[]) => void
}

/** Makes senders when they are first needed. */
export class GatewayTargets {
  readonly #options: TargetOptions
  readonly #known = new Map<string, ForwardingTarget>()

  constructor(options: TargetOptions) {
    this.#options = options
  }

  /** @throws {StoreError} {KeyError} where a certificate or secret cannot be read */
  of({ destinations }: Pick<Routes, 'destinations'>): readonly ForwardingTarget[] {
    const keys = new Set<string>()
    const targets = [...destinations.values()].map((destination) => {
      const key = JSON.stringify(destination)
      keys.add(key)
      const target = this.#known.get(key) ?? this.#make(destination)
      this.#known.set(key, target)
      return target
    })
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key)
    return targets
  }

  #make(destination: Destination): ForwardingTarget {
    const { settings } = this.#options
    const isDimse = destination.protocol === 'dimse'
    const sender = isDimse ? this.#dimseSender(destination) : webSender(destination)
    return {
      name: destination.name,
      sender: destination.delivery.bandwidth.length === 0 ? sender : paced(sender, destination.delivery),
      details: {
        toAet: isDimse ? destination.aet : null,
        toAddress: isDimse ? `${destination.host}:${destination.port}` : destination.url,
        protocol: destination.protocol,
      },
      lanes: isDimse ? destination.associations : destination.requests,
      backoff: backoffOf(destination.delivery, settings.retry),
      mayNow: (now) => rateAt(destination.delivery, now) !== 0,
      // One that is slow on purpose falls silent for longer.
      ...(destination.delivery.bandwidth.length > 0 && { silenceMs: 86_400_000 }),
    }
  }

  #dimseSender(destination: DimseDestination): Sender {
    const { settings, onStored } = this.#options
    return new DimseSender(nodeOf(destination, settings), {
      parallel: destination.associations,
      ...(destination.commitment && onStored && { onStored: (stored) => onStored(destination, stored) }),
    })
  }
}

/** A destination as a node that is called. @throws {StoreError} {KeyError} */
export function nodeOf(
  { host, port, aet, callingAet, tls }: DimseDestination,
  { dicom, limits }: Pick<GatewaySettings, 'dicom' | 'limits'>,
): RemoteNode {
  return {
    host,
    port,
    calledAet: aet,
    callingAet: callingAet ?? dicom.aet,
    timeouts: { idleMs: limits.answerSeconds * 1000 },
    ...(tls !== null && { tls: nodeTls(tls) }),
  }
}

function nodeTls({ ca, certificate, key, serverName }: ClientTls): NodeTls {
  return {
    ...(ca !== null && { trusted: readPem(ca) }),
    ...(certificate !== null && { certificate: readPem(certificate) }),
    ...(key !== null && { key: readSecret(key) }),
    ...(serverName !== null && { serverName }),
  }
}

const webSender = (destination: WebDestination): Sender =>
  stowSender({ ...webPeerOptions(destination), connections: destination.requests })

/** A destination as a DICOMweb service that is called. @throws {StoreError} {KeyError} */
export function webPeerOptions({ url, authorization, tls }: WebDestination): WebPeerOptions {
  return {
    url,
    ...(authorization !== null && { authorization: async () => headerOf(authorization) }),
    ...(tls !== null && { tls: webTls(tls) }),
  }
}

/** Read for each request: a token that is renewed is used at once. */
function headerOf(authorization: WebAuthorization): string {
  if (authorization.kind === 'bearer') return `Bearer ${readSecret(authorization.token)}`
  const text = `${authorization.user}:${readSecret(authorization.password)}`
  return `Basic ${Buffer.from(text, 'utf8').toString('base64')}`
}

function webTls({ ca, certificate, key, serverName }: ClientTls): WebPeerTls {
  return {
    ...(ca !== null && { authorities: [readPem(ca)] }),
    ...(certificate !== null && { certificate: readPem(certificate) }),
    ...(key !== null && { key: readSecret(key) }),
    ...(serverName !== null && { serverName }),
  }
}

/** @throws {StoreError} `input_unreadable` */
export function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new StoreError('input_unreadable', `${path} cannot be read`, { cause })
  }
}

/** Bytes a second that may go out at a moment of the site's local time; undefined for no limit. */
function rateAt(delivery: Delivery, now: Date): number | undefined {
  const day = DAYS[(now.getDay() + 6) % 7] ?? 'monday'
  const rate = bandwidthAt(delivery, { day, minute: now.getHours() * 60 + now.getMinutes() })
  return rate === undefined ? undefined : rate * 1000
}

/** Keeps within a bandwidth: a copy waits until those before it would have been sent at that rate. */
function paced(sender: Sender, delivery: Delivery): Sender {
  let freeAt = 0
  const takeTurn = async (lengthBytes: number, signal: AbortSignal): Promise<void> => {
    const now = Date.now()
    const rate = rateAt(delivery, new Date(now))
    if (rate === undefined || rate === 0) return
    const waitMs = Math.max(0, freeAt - now)
    freeAt = Math.max(freeAt, now) + (lengthBytes / rate) * 1000
    if (waitMs > 0) await pause(waitMs, undefined, { signal })
  }
  const slowed = (copy: Outgoing, signal: AbortSignal): Outgoing => ({
    ...copy,
    async open() {
      const file = await copy.open()
      try {
        await takeTurn(file.length, signal)
      } catch (error) {
        await file[Symbol.asyncDispose]()
        throw error
      }
      return file
    },
  })
  return {
    send: (batch, signal) =>
      sender.send(
        batch.map((copy) => slowed(copy, signal)),
        signal,
      ),
    ping: (signal) => sender.ping(signal),
    close: () => sender.close(),
  }
}
