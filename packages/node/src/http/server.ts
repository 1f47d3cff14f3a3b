/**
 * Server: an HTTP server with limits, that says little about itself.
 *
 * Source: RFC 9110; the limits are those of `node:http` and Fastify; TLS by PS3.15 annex B.12 (BCP 195, RFC 9325). It
 * listens on the loopback interface and speaks plain HTTP unless told otherwise. What it serves is left to the faces.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { STORE_STATUS } from './status.ts'

/** Bytes of request line and headers. */
const HEADER_LIMIT = 8 * 1024
/** Characters of a path with its query. */
const URL_LIMIT = 1024
const CONNECTIONS_LIMIT = 1_000
const REQUESTS_PER_CONNECTION = 10_000
/** From the first byte of a request to its last. */
const REQUEST_TIMEOUT_MS = 10_000
/** How often Node looks for connections whose headers do not come; its own 30 seconds would be added to that time. */
const LOOK_MS = 2_000
const HEADERS = {
  maxHeaderSize: HEADER_LIMIT,
  headersTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: LOOK_MS,
}
/** A connection on which nothing moves. */
const IDLE_TIMEOUT_MS = 30_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
/** For an answer to be found. */
const HANDLER_TIMEOUT_MS = 30_000
/** Bodies are for the routes that take one. */
const BODY_LIMIT = 1_024

/** Nothing here is a page, and nobody has to guess what it is. */
const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** One request that was answered. No query, no header, no address: a log of it tells what was asked, not by whom. */
export interface AccessRecord {
  readonly method: string
  /** Without the query; at most 256 characters. */
  readonly path: string
  readonly status: number
  readonly durationMs: number
}

/** A request that failed for a reason of ours. */
export interface FailureRecord {
  readonly method: string
  readonly path: string
  readonly error: unknown
}

/** PEM. */
export interface ServerTls {
  readonly key: string
  readonly certificate: string
  readonly passphrase?: string
  /** Who vouches for clients; with it, a client without a certificate of theirs is turned away. */
  readonly clientAuthorities?: readonly string[]
}

export interface ServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 0, any that is free. */
  readonly port?: number
  /** Without it, plain HTTP. */
  readonly tls?: ServerTls
  /**
   * Routes whose `config.isStreamed` says so may take as long as it takes to send and answer; they have limits of their own.
   * Default: false, and no request takes longer than 10 seconds to come.
   */
  readonly hasStreams?: boolean
  /** Characters of a path with its query. Default: 1024. */
  readonly urlLimit?: number
  readonly onAccess?: (record: AccessRecord) => void
  readonly onFailure?: (record: FailureRecord) => void
}

export interface RunningServer {
  /** With scheme and port, without a slash at the end. */
  readonly url: string
  /** Stops listening, lets running requests end, closes idle connections. */
  close(): Promise<void>
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads its body as it comes, and takes care that it does come. */
    readonly isStreamed?: boolean
  }
}

/** Adds its routes to a server. */
export type Face = (server: FastifyInstance) => void

/**
 * Starts a server. Fastify is loaded here and not before.
 * @throws {StoreError} `service_refused` where nothing can listen at that address
 */
export async function startServer(faces: readonly Face[], options: ServerOptions = {}): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 0, onAccess, onFailure, tls, hasStreams = false, urlLimit = URL_LIMIT } = options
  const { fastify } = await import('fastify')
  const server = fastify({
    logger: false,
    // Spread, as the type of a server by TLS is that of one by HTTP for all that is done with it here.
    ...((tls === undefined ? {} : { https: { ...HEADERS, ...tlsOf(tls) } }) as object),
    http: HEADERS,
    routerOptions: { maxParamLength: urlLimit },
    bodyLimit: BODY_LIMIT,
    connectionTimeout: IDLE_TIMEOUT_MS,
    requestTimeout: hasStreams ? 0 : REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    handlerTimeout: HANDLER_TIMEOUT_MS,
    maxRequestsPerSocket: REQUESTS_PER_CONNECTION,
    forceCloseConnections: 'idle',
    frameworkErrors: (_error, _request, reply) => void sendStatus(reply as FastifyReply, 400),
  })
  server.server.maxConnections = CONNECTIONS_LIMIT
  server.removeAllContentTypeParsers()
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS)
    if (request.raw.url !== undefined && request.raw.url.length > urlLimit) return sendStatus(reply, 414)
  })
  if (hasStreams) server.addHook('onRequest', async (request) => limitTime(request))
  server.addHook('onResponse', async (request, reply) => {
    onAccess?.({ ...describe(request), status: reply.statusCode, durationMs: reply.elapsedTime })
  })
  server.setNotFoundHandler((_request, reply) => sendStatus(reply, 404))
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const status = statusOf(error)
    if (status >= 500) onFailure?.({ ...describe(request), error })
    return sendStatus(reply, status)
  })
  for (const face of faces) face(server)
  return listen(server, host, port, tls === undefined ? 'http' : 'https')
}

/** An answer that is its status and nothing else. */
export function sendStatus(reply: FastifyReply, status: number): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(`${status} ${STATUS_CODES[status] ?? 'Error'}\n`)
}

async function listen(server: FastifyInstance, host: string, port: number, scheme: string): Promise<RunningServer> {
  try {
    await server.listen({ host, port })
  } catch (cause) {
    await server.close()
    throw new StoreError('service_refused', 'nothing can listen at this address and port', { cause })
  }
  const silent = watchSilent(server, scheme)
  const address = server.server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `${scheme}://${name}:${address.port}`, close: () => closeAll(server, silent) }
}

/** TLS 1.2 with forward secrecy and authenticated encryption, and TLS 1.3. */
function tlsOf({ key, certificate, passphrase, clientAuthorities }: ServerTls): TlsOptions {
  return {
    key,
    cert: certificate,
    minVersion: 'TLSv1.2',
    ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20',
    honorCipherOrder: true,
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(clientAuthorities === undefined
      ? {}
      : { ca: [...clientAuthorities], requestCert: true, rejectUnauthorized: true }),
  }
}

/** What the server's own limit does, for all routes but those that are streamed. */
function limitTime({ raw, headers, routeOptions }: FastifyRequest): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  if (routeOptions.config?.isStreamed === true || !hasBody) return
  const timer = setTimeout(() => raw.destroy(), REQUEST_TIMEOUT_MS).unref()
  for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(timer))
}

/** Connections on which nobody has asked anything yet: to Node they are not idle, and would keep a server from closing. */
function watchSilent({ server }: FastifyInstance, scheme: string): ReadonlySet<Socket> {
  const silent = new Set<Socket>()
  const add = (socket: Socket): void => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  }
  // By TLS, requests come on other sockets than connections do.
  server.on(scheme === 'https' ? 'secureConnection' : 'connection', add)
  server.on('request', ({ socket }: IncomingMessage) => silent.delete(socket))
  return silent
}

async function closeAll(server: FastifyInstance, silent: ReadonlySet<Socket>): Promise<void> {
  const closed = server.close()
  for (const socket of silent) socket.destroy()
  await closed
}

const describe = (request: FastifyRequest) => ({
  method: request.method,
  path: (request.raw.url ?? '').split('?', 1)[0]?.slice(0, 256) ?? '',
})

function statusOf(error: FastifyError): number {
  if (error instanceof StoreError) return STORE_STATUS[error.code]
  // The data are those of our own storage: requests are read by the faces, which answer for them.
  if (error instanceof FormatError) return 500
  const status = error.statusCode ?? 500
  return status >= 400 && status < 600 ? status : 500
}
