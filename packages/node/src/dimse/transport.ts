/**
 * Transport: one TCP or TLS connection as the association needs it: bytes in, one write for each message out, and a stop
 * for what comes in while a disk is busy.
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { StoreError } from '@fiducial/core/errors.ts'
import { plainAddress } from './admission.ts'
import { readSocket } from './adopt-socket.ts'

export interface TransportHandler {
  /** Bytes that came; they are valid while the handler runs. */
  onBytes(bytes: Uint8Array): void
  /** Nothing more will come or go; called once. */
  onClosed(): void
}

export class Transport {
  readonly #socket: Socket
  readonly host: string
  readonly port: number
  #sentBytes = 0

  /** @param socket  one that nobody has read from yet; use it no more */
  constructor(socket: Socket, { onBytes, onClosed }: TransportHandler) {
    this.host = plainAddress(socket.remoteAddress ?? '')
    this.port = socket.remotePort ?? 0
    this.#socket = readSocket(socket, onBytes)
    this.#socket.setNoDelay(true)
    this.#socket.setKeepAlive(true, 60_000)
    // What goes wrong with a socket closes it; that is all that matters.
    this.#socket.on('error', () => undefined)
    this.#socket.once('close', onClosed)
  }

  get address(): string {
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`
  }

  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Version of TLS; null for a plain connection. */
  get tls(): string | null {
    return this.#socket instanceof TLSSocket ? this.#socket.getProtocol() : null
  }

  /** Of the peer, where it showed a certificate and an authority vouches for it. */
  get certificate(): { readonly sha256: string; readonly subject: string } | null {
    if (!(this.#socket instanceof TLSSocket) || !this.#socket.authorized) return null
    const certificate = this.#socket.getPeerX509Certificate()
    if (certificate === undefined) return null
    return {
      sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      subject: certificate.subject.split('\n').join(', '),
    }
  }

  /** @returns false where the peer does not keep up: wait for {@link drained} */
  send(bytes: Uint8Array): boolean {
    this.#sentBytes += bytes.length
    return this.#socket.write(bytes)
  }

  /** Several pieces in one write. */
  sendAll(pieces: readonly Uint8Array[]): boolean {
    this.#socket.cork()
    let hasRoom = true
    for (const piece of pieces) hasRoom = this.send(piece)
    this.#socket.uncork()
    return hasRoom
  }

  /** More was sent than the peer takes for now: wait for {@link drained}. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /**
   * Waits until there is room to send again.
   * @param timeoutMs  for a peer that takes nothing: then the connection is closed
   * @throws {StoreError} `association_aborted` where the connection closes first
   */
  async drained(timeoutMs: number): Promise<void> {
    if (this.#socket.destroyed) throw new StoreError('association_aborted', 'the connection closed')
    if (!this.#socket.writableNeedDrain) return
    const timer = setTimeout(() => this.#socket.destroy(), timeoutMs)
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#socket.off('drain', settle).off('close', settle)
        resolve()
      }
      this.#socket.on('drain', settle).on('close', settle)
    })
    if (this.#socket.destroyed) throw new StoreError('association_aborted', 'the connection closed')
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Sends what is to be sent, and says that no more comes. */
  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
