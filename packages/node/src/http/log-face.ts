/**
 * Log face: a log by HTTP, for everybody to read.
 *
 * Source: C2SP tlog-tiles, section "APIs". All it serves is in the log already: hashes, signatures and public keys. What
 * statements say stands elsewhere and is not served here.
 */
import { FormatError } from '@fiducial/core/errors.ts'
import { parseTilePath, type TilePath } from '@fiducial/core/formats/tlog/tile.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendContent } from './content.ts'
import { findTile, type PublishedLog } from './published-log.ts'
import { type Face, sendStatus } from './server.ts'

const MUTABLE = 'public, max-age=2, must-revalidate'
const IMMUTABLE = 'public, max-age=31536000, immutable'

export interface LogFaceOptions {
  /** What stands before the paths of the log: empty, or begins with a slash and ends without one. Default: empty. */
  readonly prefix?: string
}

/** Serves a log: `/checkpoint`, `/tile/…` and `/healthz`. */
export function logFace(log: PublishedLog, { prefix = '' }: LogFaceOptions = {}): Face {
  return (server) => {
    server.get(`${prefix}/checkpoint`, async (request, reply) => {
      const note = await log.head.read()
      if (note === undefined) return sendStatus(reply, 404)
      return sendText(request, reply, note)
    })
    server.get(`${prefix}/tile/*`, async (request, reply) => {
      const place = readPath(request, prefix)
      const bytes = place && (await findTile(log, place))
      if (place === undefined || bytes === undefined) return sendStatus(reply, 404)
      return sendContent(request, reply, {
        bytes,
        type: 'application/octet-stream',
        cacheControl: IMMUTABLE,
        isCompressible: place.kind === 'entries',
      })
    })
    server.get(`${prefix}/healthz`, async (_request, reply) => {
      await log.head.read()
      return reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8').send('ok\n')
    })
  }
}

/** A text that may be another in a few seconds. */
export function sendText(request: FastifyRequest, reply: FastifyReply, text: string): Promise<FastifyReply> {
  const bytes = new TextEncoder().encode(text)
  return sendContent(request, reply, { bytes, type: 'text/plain; charset=utf-8', cacheControl: MUTABLE })
}

/** The path as it came, not decoded: one spelling of each, and nothing that leads elsewhere. */
function readPath(request: FastifyRequest, prefix: string): TilePath | undefined {
  const [path = ''] = (request.raw.url ?? '').split('?', 1)
  try {
    return parseTilePath(path.slice(prefix.length + 1))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
