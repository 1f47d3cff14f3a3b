/** Raw peer: the other end of an association, byte by byte, for tests that break rules a real program keeps. */
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, TLSSocket } from 'node:tls'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import type { Command } from '@fiducial/core/formats/dimse/command.ts'
import { MessageReader } from '@fiducial/core/formats/dimse/message-reader.ts'
import { packMessage } from '@fiducial/core/formats/dimse/pack-message.ts'
import { type AssociateRequest, DICOM_APPLICATION_CONTEXT } from '@fiducial/core/formats/dul/associate.ts'
import { formatPdu, type Pdu } from '@fiducial/core/formats/dul/pdu.ts'
import { PduReader } from '@fiducial/core/formats/dul/pdu-reader.ts'
import { NO_USER_INFORMATION, type UserInformation } from '@fiducial/core/formats/dul/user-information.ts'

export const CT = '1.2.840.10008.5.1.4.1.1.2'
export const VERIFICATION = '1.2.840.10008.1.1'
export const EXPLICIT = '1.2.840.10008.1.2.1'
export const IMPLICIT = '1.2.840.10008.1.2'

/** What came, in its order; the last is always `closed`. */
export type Arrival =
  | { readonly kind: 'pdu'; readonly pdu: Pdu }
  | { readonly kind: 'message'; readonly contextId: number; readonly command: Command; readonly dataSet?: Uint8Array }
  | { readonly kind: 'closed' }

/** A request for contexts 1, 3, 5 and so on, with these abstract syntaxes. */
export function request(
  syntaxes: readonly string[] = [CT, VERIFICATION],
  over: Partial<Omit<AssociateRequest, 'user'>> & { readonly user?: Partial<UserInformation> } = {},
): AssociateRequest {
  return {
    type: 'associate_rq',
    protocolVersion: 1,
    calledAet: 'GATEWAY',
    callingAet: 'CT_1',
    applicationContext: DICOM_APPLICATION_CONTEXT,
    contexts: syntaxes.map((abstractSyntax, i) => ({ id: 2 * i + 1, abstractSyntax, transferSyntaxes: [EXPLICIT] })),
    ...over,
    user: { ...NO_USER_INFORMATION, maximumLength: 16_384, ...over.user },
  }
}

export const storeCommand = (messageId: number, sopInstanceUid = `1.2.3.${messageId}`): Command => ({
  kind: 'c_store_rq',
  affectedSopClassUid: CT,
  messageId,
  priority: 0,
  affectedSopInstanceUid: sopInstanceUid,
  hasDataSet: true,
})

export const echoCommand = (messageId: number): Command => ({
  kind: 'c_echo_rq',
  affectedSopClassUid: VERIFICATION,
  messageId,
  hasDataSet: false,
})

/** A message as it goes over the wire. */
export const message = (
  contextId: number,
  command: Command,
  dataSet: Uint8Array | null = null,
  maximumLength = 16_384,
): Uint8Array => packMessage(command, dataSet, { contextId, maximumLength })

export class RawPeer {
  readonly #socket: Socket
  readonly #arrivals: Arrival[] = []
  #notify: (() => void) | undefined
  #pieces: Uint8Array[] = []
  #message: { contextId: number; command: Command } | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    const messages = new MessageReader({
      onCommand: (contextId, command) => {
        if (command.hasDataSet) this.#message = { contextId, command }
        else this.#arrive({ kind: 'message', contextId, command })
      },
      onData: (bytes, isEnd) => {
        this.#pieces.push(new Uint8Array(bytes))
        if (!isEnd || this.#message === undefined) return
        this.#arrive({ kind: 'message', ...this.#message, dataSet: joinBytes(this.#pieces) })
        this.#pieces = []
      },
    })
    const reader = new PduReader({
      onPdu: (pdu) => this.#arrive({ kind: 'pdu', pdu }),
      onFragment: (part) => messages.read(part),
    })
    socket.on('data', (bytes) => reader.read(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#arrive({ kind: 'closed' }))
  }

  /** Connects, and does nothing more. With options for TLS, by TLS. */
  static async connect(port: number, tls?: ConnectionOptions): Promise<RawPeer> {
    const address = { port, host: '127.0.0.1' }
    const socket = tls === undefined ? connect(address) : connectTls({ ...address, ...tls })
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed')))
    })
    socket.setNoDelay(true)
    return new RawPeer(socket)
  }

  /** Connects and associates. @throws {Error} where the answer is another one than acceptance */
  static async associate(port: number, what: AssociateRequest = request(), tls?: ConnectionOptions): Promise<RawPeer> {
    const peer = await RawPeer.connect(port, tls)
    peer.send(formatPdu(what))
    const arrival = await peer.next()
    if (arrival.kind !== 'pdu' || arrival.pdu.type !== 'associate_ac') throw new Error(JSON.stringify(arrival))
    return peer
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  /** Sends and waits until the system has it. */
  async sendAll(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()))
  }

  /** The next thing that comes; waits for it. */
  async next(): Promise<Arrival> {
    for (;;) {
      const arrival = this.#arrivals.shift()
      if (arrival !== undefined) return arrival
      await new Promise<void>((resolve) => {
        this.#notify = resolve
      })
    }
  }

  /** Everything that comes until the connection is closed. */
  async rest(): Promise<readonly Arrival[]> {
    const all: Arrival[] = []
    for (;;) {
      const arrival = await this.next()
      if (arrival.kind === 'closed') return all
      all.push(arrival)
    }
  }

  /** The command of the next thing, which is a message. */
  async command(): Promise<Command> {
    const arrival = await this.next()
    if (arrival.kind !== 'message') throw new Error(JSON.stringify(arrival))
    return arrival.command
  }

  /** Releases, and waits for the connection's end. */
  async release(): Promise<void> {
    this.send(formatPdu({ type: 'release_rq' }))
    const arrival = await this.next()
    if (arrival.kind !== 'pdu' || arrival.pdu.type !== 'release_rp') throw new Error(JSON.stringify(arrival))
    this.#socket.end()
    await this.rest()
  }

  /** Ends its half of the connection, in good order. */
  end(): void {
    this.#socket.end()
  }

  /** Is gone, as if its plug were pulled. */
  destroy(): void {
    // TLS sockets cannot be reset.
    if (this.#socket instanceof TLSSocket) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  #arrive(arrival: Arrival): void {
    this.#arrivals.push(arrival)
    const notify = this.#notify
    this.#notify = undefined
    notify?.()
  }
}
