/**
 * Acceptor: listens for DICOM associations, plain or by TLS, within limits.
 *
 * Source: PS3.8 section 9 (TCP), PS3.15 annexes B.12 and B.13 (TLS). Each connection becomes an association of its own;
 * what is stored goes to the intake, other requests to services.
 */
import { randomBytes } from 'node:crypto'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Intake } from '../services/gateway/ports.ts'
import type { AcceptorEvent, RejectionReason } from './acceptor-events.ts'
import {
  type AcceptorLimits,
  type AcceptorSettings,
  type AcceptorTls,
  DEFAULT_ACCEPTOR_LIMITS,
} from './acceptor-settings.ts'
import { type Admission, admissionBy, plainAddress, type Resolve, type Visitor } from './admission.ts'
import { Association, type AssociationHost } from './association.ts'
import type { AssociationFacts, ServiceProvider } from './service.ts'
import { TLS_PROFILE } from './tls-profile.ts'

export interface AcceptorOptions {
  readonly settings: AcceptorSettings
  readonly intake: Intake
  readonly services?: readonly ServiceProvider[]
  /** Called for everything that happens; must not throw. */
  readonly onEvent?: (event: AcceptorEvent) => void
  /** Looks up names of hosts; default: the system's. */
  readonly resolve?: Resolve
}

export interface Acceptor {
  readonly host: string
  readonly port: number
  /** Those that are established. */
  associations(): readonly AssociationFacts[]
  /**
   * Takes no more associations, finishes objects and requests that are under way, then ends the rest. When it resolves,
   * nothing is being written any more.
   * @param graceMs  after this time what is left is aborted; default: 30,000
   */
  stop(graceMs?: number): Promise<void>
}

/** How many connections may wait in the system, beyond those that are taken. */
const BACKLOG = 64
/** Connections beyond the associations: for those that are being refused. */
const SPARE_CONNECTIONS = 32

/**
 * Starts to listen.
 * @throws {StoreError} `service_refused` where nothing can listen at that address
 * @throws {RangeError} for settings that make no sense
 */
export async function startAcceptor(options: AcceptorOptions): Promise<Acceptor> {
  const { settings } = options
  const running = new RunningAcceptor(options)
  const { host = '127.0.0.1', port = 0 } = settings
  await running.listen(host, port)
  return running
}

class RunningAcceptor implements Acceptor {
  readonly #admission: Admission
  readonly #limits: AcceptorLimits
  readonly #onEvent: (event: AcceptorEvent) => void
  readonly #server: Server
  readonly #host: AssociationHost
  readonly #associations = new Set<Association>()
  readonly #sockets = new Set<Socket>()
  readonly #work = new Set<Promise<void>>()
  readonly #perAddress = new Map<string, number>()
  /** So that no two acceptors, here or elsewhere, name associations alike. */
  readonly #name = randomBytes(4).toString('hex')
  #lastId = 0
  #address: AddressInfo | undefined
  #isStopping = false
  #onEmpty: (() => void) | undefined

  constructor(options: AcceptorOptions) {
    const { settings, intake, services = [], onEvent = () => undefined } = options
    this.#admission = admissionBy(settings, options.resolve)
    this.#limits = { ...DEFAULT_ACCEPTOR_LIMITS, ...settings.limits }
    this.#onEvent = onEvent
    this.#host = {
      limits: this.#limits,
      rules: {
        services,
        prefer: settings.syntaxes?.prefer ?? [],
        refuse: new Set(settings.syntaxes?.refuse),
        refusedSopClasses: new Set(settings.refusedSopClasses),
        pduBytes: this.#limits.pduBytes,
        operations: this.#limits.operations,
      },
      intake,
      onEvent,
      nextId: () => `${this.#name}-${++this.#lastId}`,
      admit: (visitor) => this.#admit(visitor),
      track: (work) => this.#track(work),
      onClosed: (association) => this.#forget(association),
    }
    this.#server = this.#createServer(settings.tls)
    this.#server.maxConnections = this.#limits.associations + SPARE_CONNECTIONS
    this.#server.on('drop', (data) => this.#refuse(data?.remoteAddress))
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onError = (cause: Error): void => {
        reject(new StoreError('service_refused', `cannot listen on ${host}:${port}`, { cause }))
      }
      this.#server.once('error', onError)
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off('error', onError)
        // Such as no file handles left: the next connection may find some.
        this.#server.on('error', (error) => this.#onEvent({ type: 'fault', association: null, error }))
        this.#address = this.#server.address() as AddressInfo
        resolve()
      })
    })
  }

  get host(): string {
    return this.#address?.address ?? ''
  }

  get port(): number {
    return this.#address?.port ?? 0
  }

  associations(): readonly AssociationFacts[] {
    return [...this.#associations].flatMap(({ isEstablished, facts }) => (isEstablished && facts ? [facts] : []))
  }

  async stop(graceMs = 30_000): Promise<void> {
    this.#isStopping = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const association of this.#associations) association.drain()
    const timer = setTimeout(() => {
      for (const association of this.#associations) association.abort('stopped')
    }, graceMs)
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
      if (this.#associations.size === 0) resolve()
    })
    clearTimeout(timer)
    // What is left is within a handshake.
    for (const socket of this.#sockets) socket.destroy()
    await closed
    // What came whole goes on to become durable, though its sender has left: the disk is needed until then.
    await Promise.all(this.#work)
  }

  #createServer(tls: AcceptorTls | undefined): Server {
    if (tls === undefined) {
      const server = createServer({ noDelay: true, pauseOnConnect: true })
      server.on('connection', (socket) => {
        if (this.#isWelcome(socket)) this.#take(socket)
      })
      return server
    }
    const { clientCertificate, key, certificate, passphrase, authorities } = tls
    const server = createTlsServer({
      ...TLS_PROFILE,
      noDelay: true,
      key,
      cert: certificate,
      ...(passphrase !== undefined && { passphrase }),
      ...(authorities !== undefined && { ca: [...authorities] }),
      requestCert: clientCertificate !== 'none',
      rejectUnauthorized: clientCertificate === 'required',
      handshakeTimeout: this.#limits.associateMs,
    })
    server.prependListener('connection', (socket: Socket) => {
      this.#isWelcome(socket)
    })
    server.on('secureConnection', (socket) => {
      const isForged = socket.getPeerX509Certificate() !== undefined && !socket.authorized
      if (!isForged) return this.#take(socket)
      this.#onEvent({ type: 'connection_failed', address: addressOf(socket), reason: 'tls_failed' })
      socket.destroy()
    })
    server.on('tlsClientError', (_, socket) => {
      this.#onEvent({ type: 'connection_failed', address: addressOf(socket), reason: 'tls_failed' })
      socket.destroy()
    })
    return server
  }

  /** Counts a connection of an address, and closes it where it has too many. */
  #isWelcome(socket: Socket): boolean {
    const address = plainAddress(socket.remoteAddress ?? '')
    const count = (this.#perAddress.get(address) ?? 0) + 1
    if (count > this.#limits.connectionsPerAddress || this.#isStopping) {
      this.#refuse(address)
      socket.destroy()
      return false
    }
    this.#perAddress.set(address, count)
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      const left = (this.#perAddress.get(address) ?? 1) - 1
      if (left === 0) this.#perAddress.delete(address)
      else this.#perAddress.set(address, left)
    })
    return true
  }

  #take(socket: Socket): void {
    if (socket.destroyed) return
    this.#associations.add(new Association(socket, this.#host))
  }

  #refuse(address: string | undefined): void {
    this.#onEvent({
      type: 'connection_failed',
      address: plainAddress(address ?? ''),
      reason: 'too_many_connections',
    })
  }

  async #admit(visitor: Visitor): Promise<RejectionReason | undefined> {
    const reason = await this.#admission(visitor)
    if (reason !== undefined) return reason
    if (this.#isStopping) return 'stopping'
    const established = [...this.#associations].filter(({ isEstablished }) => isEstablished).length
    return established >= this.#limits.associations ? 'too_many_associations' : undefined
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error) => this.#onEvent({ type: 'fault', association: null, error }))
      .finally(() => this.#work.delete(tracked))
    this.#work.add(tracked)
  }

  #forget(association: Association): void {
    this.#associations.delete(association)
    if (this.#associations.size === 0) this.#onEmpty?.()
  }
}

const addressOf = ({ remoteAddress, remotePort }: Socket): string =>
  `${plainAddress(remoteAddress ?? '')}:${remotePort ?? 0}`
