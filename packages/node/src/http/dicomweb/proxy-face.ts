/**
 * Proxy face: QIDO-RS and WADO-RS of another service, under our address and behind our guard.
 *
 * Source: PS3.18 sections 10.4 and 10.6, RFC 9110 section 7.6. Paths are those of the standard and nothing else; few headers
 * pass, in either direction; bodies are streamed. Addresses of the other service in its JSON become ours, or whoever asks
 * would be sent around the gateway.
 */
import { Readable } from 'node:stream'
import { FormatError } from '@fiducial/core/errors.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { WebUpstream } from '../../services/archive/ports.ts'
import type { Face } from '../server.ts'
import { guardOf, parseUid, refuse, refuseError, WEB_PREFIX, type WebFaceOptions } from './web-face.ts'

export interface ProxyFaceOptions extends WebFaceOptions {
  readonly upstream: WebUpstream & { readonly url: string }
}

const DAY_MS = 86_400_000
const REQUEST_HEADERS = ['accept', 'accept-charset']
const ANSWER_HEADERS = ['content-type', 'content-length', 'warning', 'etag', 'last-modified', 'retry-after']
const QUERY_LIMIT = 4096
/** What may follow a study, series or instance (PS3.18 table 10.4.1-1). */
const BELOW: readonly RegExp[] = [
  /^$/,
  /^(?:metadata|rendered|thumbnail|pixeldata)$/,
  /^frames\/[0-9,]{1,1024}(?:\/(?:rendered|thumbnail))?$/,
  /^bulkdata(?:\/[0-9A-Za-z._-]{1,128}){1,32}$/,
]

/** Serves what lies below `/studies`, `/series` and `/instances` of another service. Needs `hasStreams`. */
export function proxyFace(options: ProxyFaceOptions): Face {
  return (server) => void server.register(async (scope) => openScope(scope, options))
}

function openScope(scope: FastifyInstance, options: ProxyFaceOptions): void {
  const { prefix = WEB_PREFIX } = options
  const route = {
    config: { isStreamed: true },
    handlerTimeout: DAY_MS,
    onRequest: guardOf(options, 'instances.retrieve'),
  }
  for (const path of ['/studies', '/studies/*', '/series', '/instances']) {
    scope.get(prefix + path, route, (request, reply) => pass(request, reply, options, prefix))
  }
}

async function pass(
  request: FastifyRequest,
  reply: FastifyReply,
  { upstream }: ProxyFaceOptions,
  prefix: string,
): Promise<FastifyReply> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  try {
    const path = targetOf(request.raw.url ?? '', prefix)
    const headers = pick(request.headers, REQUEST_HEADERS)
    const answer = await upstream.request({ method: 'GET', path, headers, signal: gone.signal })
    if (answer.status < 200 || answer.status > 299) {
      answer.body.destroy()
      return refuse(reply, statusOf(answer.status), 'the archive refused the request')
    }
    reply.code(answer.status).header('cache-control', 'no-store').headers(pick(answer.headers, ANSWER_HEADERS))
    // Read to its end, which is at once, so that the connection can be used again.
    if (answer.status === 204) {
      for await (const _ of answer.body);
      return reply.send()
    }
    const isJson = /^application\/(?:dicom\+)?json\b/i.test(String(answer.headers['content-type'] ?? ''))
    if (!isJson) return reply.send(Readable.from(answer.body, { objectMode: false }))
    reply.removeHeader('content-length')
    const root = `${request.protocol}://${request.host}${prefix}`
    return reply.send(Readable.from(replaceAll(answer.body, upstream.url, root), { objectMode: false }))
  } catch (error) {
    if (gone.signal.aborted) return reply
    return refuseError(reply, error)
  }
}

/**
 * The path and query for the other service, spelled anew.
 * @throws {FormatError} `query_malformed` for a path that is not one of the standard's
 */
export function targetOf(url: string, prefix: string): string {
  const [path = '', ...rest] = url.slice(prefix.length).split('?')
  const query = rest.join('?')
  if (query.length > QUERY_LIMIT) throw malformed('a query that is too long')
  const steps = path.split('/').slice(1)
  if (steps.includes('')) throw malformed('an empty step of a path')
  const names = ['studies', 'series', 'instances']
  let at = 0
  for (let level = 0; level < names.length && at < steps.length; level++) {
    if (steps[at] !== names[level]) {
      // A level that is passed over ends in a search: `/studies/1.2/instances`, `/series`.
      if (at === steps.length - 1 && names.slice(level + 1).includes(steps[at] ?? '')) at++
      break
    }
    at++
    if (at === steps.length) break
    parseUid(steps[at] ?? '')
    at++
  }
  const below = steps.slice(at).join('/')
  if (at === 0 || !BELOW.some((pattern) => pattern.test(below)) || below.includes('..'))
    throw malformed('not a path of DICOMweb')
  const parameters = new URLSearchParams(query)
  return `/${steps.join('/')}${parameters.size === 0 ? '' : `?${parameters}`}`
}

/** What the other service refuses us is our affair, not that of whoever asks. */
function statusOf(status: number): number {
  if (status === 401 || status === 403 || status === 407 || (status >= 300 && status < 400)) return 502
  if (status === 503 || status === 504) return status
  return status >= 400 && status < 500 ? status : 502
}

/** A text in a stream of bytes, wherever chunks end; linear in the length of the stream. */
export async function* replaceAll(chunks: AsyncIterable<Uint8Array>, from: string, to: string): AsyncGenerator<Buffer> {
  const [needle, replacement] = [Buffer.from(from), Buffer.from(to)]
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk])
    const pieces: Buffer[] = []
    let at = 0
    for (let found = bytes.indexOf(needle); found >= 0; found = bytes.indexOf(needle, at)) {
      pieces.push(bytes.subarray(at, found), replacement)
      at = found + needle.length
    }
    const end = Math.max(at, bytes.length - needle.length + 1)
    pieces.push(bytes.subarray(at, end))
    rest = bytes.subarray(end)
    const whole = Buffer.concat(pieces)
    if (whole.length > 0) yield whole
  }
  if (rest.length > 0) yield rest
}

function pick(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name]
      return value === undefined ? [] : [[name, String(value)]]
    }),
  )
}

const malformed = (problem: string): FormatError => new FormatError('query_malformed', problem)
