/**
 * Content: sends bytes with what caches and clients that resume need: validators, ranges, compression.
 *
 * Source: RFC 9110 section 8.8.3 (ETag), 13.1.2 (If-None-Match), 13.1.5 (If-Range), 14 (Range), 12.5.3 (Accept-Encoding).
 * One range a request: several are answered with the whole, as section 14.2 allows.
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

const compress = promisify(gzip)

export interface Content {
  readonly bytes: Uint8Array
  readonly type: string
  readonly cacheControl: string
  /** Whether it gets smaller by gzip. */
  readonly isCompressible?: boolean
}

/** A part of the content, its first and last byte; or what is wrong with the header that asks for one. */
export type Range = { readonly first: number; readonly last: number } | 'unsatisfiable' | 'ignored'

/** Answers a GET or HEAD. */
export async function sendContent(
  request: FastifyRequest,
  reply: FastifyReply,
  { bytes, type, cacheControl, isCompressible = false }: Content,
): Promise<FastifyReply> {
  const { range: rangeHeader, 'if-none-match': known, 'if-range': condition } = request.headers
  const tag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
  const isRanged = request.method === 'GET' && rangeHeader !== undefined
  const isZipped = isCompressible && !isRanged && acceptsGzip(request.headers['accept-encoding'])
  // Compressed bytes are other bytes, and so have another tag.
  const etag = isZipped ? `"${tag}-gzip"` : `"${tag}"`
  reply.headers({ etag, 'cache-control': cacheControl, 'accept-ranges': 'bytes' }).type(type)
  if (isCompressible) reply.header('vary', 'accept-encoding')
  if (known !== undefined && matches(known, etag)) return reply.code(304).send()

  if (isZipped) return reply.header('content-encoding', 'gzip').send(await compress(bytes))
  const range =
    isRanged && (condition === undefined || condition === etag) ? parseRange(rangeHeader, bytes.length) : 'ignored'
  if (range === 'ignored') return reply.send(viewOf(bytes))
  if (range === 'unsatisfiable') {
    return reply
      .code(416)
      .headers({ 'content-range': `bytes */${bytes.length}`, 'cache-control': 'no-store' })
      .send('')
  }
  reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${bytes.length}`)
  return reply.send(viewOf(bytes.subarray(range.first, range.last + 1)))
}

/** Reads a Range header for content of a length. */
export function parseRange(header: string, length: number): Range {
  const [, firstText, lastText] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) ?? []
  if (firstText === undefined || lastText === undefined || firstText + lastText === '') return 'ignored'
  if (firstText === '') {
    const count = Math.min(Number(lastText), length)
    return count === 0 ? 'unsatisfiable' : { first: length - count, last: length - 1 }
  }
  const first = Number(firstText)
  const last = lastText === '' ? length - 1 : Number(lastText)
  if (lastText !== '' && last < first) return 'ignored'
  return first >= length ? 'unsatisfiable' : { first, last: Math.min(last, length - 1) }
}

/** Whether a client says that it takes gzip. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const codings = String(header ?? '').split(',', 32)
  return codings.some((coding) => {
    const [name = '', ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase())
    return (name === 'gzip' || name === 'x-gzip') && !parameters.some((parameter) => /^q=0(\.0{0,3})?$/.test(parameter))
  })
}

function matches(header: string, etag: string): boolean {
  return header
    .split(',', 32)
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*')
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
