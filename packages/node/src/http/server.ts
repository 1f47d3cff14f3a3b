/**
 * Server: an HTTP server with limits, that says little about itself.
 *
 * Source: RFC 9110; the limits are those of `node:http` and Fastify. It listens on the loopback interface unless told
 * otherwise, and speaks plain HTTP: a proxy in front of it brings TLS. What it serves is left to the faces.
 */
import { STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
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

export interface ServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 0, any that is free. */
  readonly port?: number
  readonly onAccess?: (record: AccessRecord) => void
  readonly onFailure?: (record: FailureRecord) => void
}

export interface RunningServer {
  /** With scheme and port, without a slash at the end. */
  readonly url: string
  /** Stops listening, lets running requests end, closes idle connections. */
  close(): Promise<void>
}

/** Adds its routes to a server. */
export type Face = (server: FastifyInstance) => void

/**
 * Starts a server. Fastify is loaded here and not before.
 * @throws {StoreError} `service_refused` where nothing can listen at that address
 */
export async function startServer(faces: readonly Face[], options: ServerOptions = {}): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 0, onAccess, onFailure } = options
  const { fastify } = await import('fastify')
  const server = fastify({
    logger: false,
    http: { maxHeaderSize: HEADER_LIMIT },
    bodyLimit: BODY_LIMIT,
    connectionTimeout: IDLE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
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
    if (request.raw.url !== undefined && request.raw.url.length > URL_LIMIT) return sendStatus(reply, 414)
  })
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
  return listen(server, host, port)
}

/** An answer that is its status and nothing else. */
export function sendStatus(reply: FastifyReply, status: number): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(`${status} ${STATUS_CODES[status] ?? 'Error'}\n`)
}

async function listen(server: FastifyInstance, host: string, port: number): Promise<RunningServer> {
  try {
    await server.listen({ host, port })
  } catch (cause) {
    await server.close()
    throw new StoreError('service_refused', 'nothing can listen at this address and port', { cause })
  }
  const address = server.server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { url: `http://${name}:${address.port}`, close: () => server.close() }
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
