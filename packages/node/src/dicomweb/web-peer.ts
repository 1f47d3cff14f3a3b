/**
 * Web peer: another system's DICOMweb service, as far as HTTP goes: one address, who we are, and patience.
 *
 * Source: RFC 9110. Redirects are not followed: what is sent to one address is not for another. What is asked stands in
 * web-client and stow-sender.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { StoreError } from '@fiducial/core/errors.ts'

export interface WebPeerTls {
  /** Whom to believe, as PEM; without it, what the system trusts. */
  readonly authorities?: readonly string[]
  /** Ours, as PEM, for a peer that asks. */
  readonly certificate?: string
  readonly key?: string
  readonly passphrase?: string
  /** Name in the peer's certificate; default: its host. */
  readonly serverName?: string
}

export interface WebPeerOptions {
  /** Root of the service, such as `https://pacs.example/dicom-web`. */
  readonly url: string
  /** Value of the Authorization header; asked for each request, so that a secret may change. */
  readonly authorization?: () => Promise<string | undefined>
  readonly tls?: WebPeerTls
  /** A connection on which nothing moves. Default: 60 000. */
  readonly idleTimeoutMs?: number
  /** Requests at once. Default: 4. */
  readonly connections?: number
}

export interface WebRequest {
  readonly method: 'GET' | 'POST' | 'OPTIONS'
  /** Below the root, with a slash in front. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** With its length; each piece is taken before the next is asked for. */
  readonly body?: { readonly lengthBytes: number; readonly pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array> }
}

/** An answer; its body is read, or destroyed. */
export interface WebAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: IncomingMessage
}

const IDLE_TIMEOUT_MS = 60_000
const TLS_MIN = 'TLSv1.2'

export class WebPeer {
  readonly #options: WebPeerOptions
  readonly #root: URL
  readonly #agent: HttpAgent | HttpsAgent

  /** @throws {RangeError} for what is no HTTP address, or one with a user, query or fragment */
  constructor(options: WebPeerOptions) {
    const root = URL.parse(options.url.replace(/\/+$/, ''))
    if (!root || !/^https?:$/.test(root.protocol) || root.search + root.hash + root.username + root.password !== '') {
      throw new RangeError('not the address of a DICOMweb service')
    }
    this.#options = options
    this.#root = root
    const pool = { keepAlive: true, maxSockets: options.connections ?? 4 }
    this.#agent = root.protocol === 'http:' ? new HttpAgent(pool) : new HttpsAgent({ ...pool, ...tlsOf(options.tls) })
  }

  /** As in reports: without credentials. */
  get url(): string {
    return this.#root.href.replace(/\/$/, '')
  }

  /**
   * Sends a request; resolves with the head of the answer, which may come before all of the request is sent.
   * @throws {StoreError} `service_unreachable`, `peer_timeout`; and what the signal's reason is once it is aborted
   */
  async request({ method, path, headers, signal, body }: WebRequest): Promise<WebAnswer> {
    signal.throwIfAborted()
    const authorization = await this.#options.authorization?.()
    const send = this.#root.protocol === 'http:' ? httpRequest : httpsRequest
    const outgoing = send(this.#root.origin + this.#root.pathname.replace(/\/$/, '') + path, {
      method,
      agent: this.#agent,
      signal,
      headers: {
        ...headers,
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-length': String(body.lengthBytes) }),
      },
    })
    const answer = new Promise<WebAnswer>((resolve, reject) => {
      outgoing.on('response', (message) => {
        resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message })
      })
      outgoing.on('error', (cause) => reject(signal.aborted ? signal.reason : failureOf(cause)))
    })
    outgoing.setTimeout(this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS, () => {
      outgoing.destroy(new StoreError('peer_timeout', 'nothing has moved for too long'))
    })
    // Whoever reads the answer is told of what goes wrong; while the body is written, nobody waits for it yet.
    answer.catch(() => undefined)
    try {
      for await (const piece of body?.pieces ?? []) {
        if (outgoing.destroyed) break
        if (!outgoing.write(piece)) await drained(outgoing)
      }
      outgoing.end()
    } catch (error) {
      outgoing.destroy()
      throw error
    }
    return answer
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The body of an answer, at most so many bytes. @throws {StoreError} `service_unreachable`, `service_refused` over the limit */
export async function readBody({ body }: WebAnswer, limitBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      length += piece.length
      if (length > limitBytes) throw new StoreError('service_refused', 'an answer that is too long')
      pieces.push(piece)
    }
  } catch (cause) {
    throw failureOf(cause)
  }
  return new Uint8Array(Buffer.concat(pieces))
}

/** What the network throws, in our words. */
export function failureOf(cause: unknown): Error {
  if (cause instanceof StoreError || (cause instanceof Error && cause.name === 'AbortError')) return cause
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ETIMEDOUT') return new StoreError('peer_timeout', 'the service does not answer', { cause })
  return new StoreError('service_unreachable', `the service cannot be reached (${code ?? 'unknown'})`, { cause })
}

function drained(stream: NodeJS.WritableStream & { readonly destroyed: boolean }): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) stream.on(event, done)
    if (stream.destroyed) done()
  })
}

function tlsOf({ authorities, certificate, key, passphrase, serverName }: WebPeerTls = {}): object {
  return {
    minVersion: TLS_MIN,
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}
