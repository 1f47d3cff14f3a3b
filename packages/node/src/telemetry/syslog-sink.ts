/**
 * Syslog sink: sends audit messages to a repository by syslog over TLS.
 *
 * Source: DICOM PS3.15 section A.6 (syslog-TLS), RFC 5425 (octet counting, port 6514), RFC 5424. One connection, kept
 * while it lasts. Syslog knows no receipt: what the network had taken when a connection broke may be lost without a
 * sign, which is why the log itself stays the record.
 */
import { once } from 'node:events'
import { hostname } from 'node:os'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import { formatSyslogMessage, type SyslogSender } from '@fiducial/core/domain/log/audit-message.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { AuditNews, AuditSink } from '../services/log/audit-trail.ts'

export interface SyslogTarget {
  readonly host: string
  /** Default: 6514. */
  readonly port?: number
  /** PEM of the CA certificates that the repository is believed by; those of the machine unless it is given. */
  readonly ca?: string | Uint8Array
  /** PEM of our own certificate and key, where the repository asks for one. */
  readonly certificate?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** Name in the certificate of the repository; `host` unless it is given. */
  readonly serverName?: string
  readonly connectTimeoutMs?: number
}

const PORT = 6514
const CONNECT_TIMEOUT_MS = 10_000
const APPLICATION = 'fiducial'

export class SyslogSink implements AuditSink {
  readonly #target: SyslogTarget
  readonly #sender: SyslogSender
  #socket: TLSSocket | undefined

  constructor(target: SyslogTarget, sender: SyslogSender = defaultSender()) {
    this.#target = target
    this.#sender = sender
  }

  async deliver(news: readonly AuditNews[]): Promise<void> {
    const frames = news.map(({ event, place }) => frame(formatSyslogMessage(event, place, this.#sender)))
    const socket = await this.#connection()
    try {
      await write(socket, joinBytes(frames))
    } catch (cause) {
      this.#socket = undefined
      socket.destroy()
      throw new StoreError('service_unreachable', 'the connection to the audit repository broke off', { cause })
    }
  }

  async close(): Promise<void> {
    const socket = this.#socket
    this.#socket = undefined
    if (socket === undefined || socket.destroyed) return
    const closed = once(socket, 'close')
    socket.end()
    await closed
  }

  async #connection(): Promise<TLSSocket> {
    if (this.#socket?.writable === true) return this.#socket
    this.#socket?.destroy()
    const socket = await openConnection(this.#target)
    // What a repository sends is of no meaning; but a socket that nobody reads never closes.
    socket.resume()
    socket.on('error', () => undefined)
    this.#socket = socket
    return socket
  }
}

/** RFC 5425 section 4.3: the length in octets, a space, the message. */
const frame = (message: Uint8Array): Uint8Array => joinBytes([encodeUtf8(`${message.length} `), message])

function write(socket: TLSSocket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error('closed'))
    socket.once('close', fail)
    socket.write(bytes, (error) => {
      socket.off('close', fail)
      if (error) reject(error)
      else resolve()
    })
  })
}

/** @throws {StoreError} `service_unreachable`; `service_refused` for a certificate that is not believed */
function openConnection(target: SyslogTarget): Promise<TLSSocket> {
  const { host, port = PORT, ca, certificate, key, serverName = host, connectTimeoutMs = CONNECT_TIMEOUT_MS } = target
  const options: ConnectionOptions = {
    host,
    port,
    minVersion: 'TLSv1.2',
    ...(isName(serverName) && { servername: serverName }),
    ...(ca !== undefined && { ca: toBuffer(ca) }),
    ...(certificate !== undefined && { cert: toBuffer(certificate) }),
    ...(key !== undefined && { key: toBuffer(key) }),
  }
  return new Promise((resolve, reject) => {
    const socket = connectTls(options)
    const timer = setTimeout(() => socket.destroy(new Error('timeout')), connectTimeoutMs)
    const fail = (cause: NodeJS.ErrnoException): void => {
      clearTimeout(timer)
      socket.destroy()
      const isUntrusted = socket.authorizationError !== null && socket.authorizationError !== undefined
      reject(
        isUntrusted
          ? new StoreError('service_refused', 'the certificate of the audit repository is not believed', { cause })
          : new StoreError('service_unreachable', 'the audit repository cannot be reached', { cause }),
      )
    }
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** RFC 6066: a server name is no address. */
const isName = (name: string): boolean => !/^[\d.]+$|:/.test(name)

const toBuffer = (pem: string | Uint8Array): string | Buffer => (typeof pem === 'string' ? pem : Buffer.from(pem))

function defaultSender(): SyslogSender {
  const host = hostname()
    .replace(/[^\x21-\x7e]/g, '-')
    .slice(0, 255)
  return { host: host === '' ? '-' : host, application: APPLICATION, process: String(process.pid) }
}
