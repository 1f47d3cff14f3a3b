/**
 * Store face: STOW-RS in front of the archive: instances go into the gateway as their bytes come, and none is held.
 *
 * Source: PS3.18 section 10.5. Taken are DICOM files (`application/dicom`) in multipart/related; metadata with bulk data
 * apart is refused with 415, as a seal is about the file that a device made. An answer is given once all that it names is
 * durable.
 */
import { FormatError } from '@fiducial/core/errors.ts'
import { parseMediaType } from '@fiducial/core/formats/multipart/media-type.ts'
import { MULTIPART_LIMITS, MultipartParser, readBoundary } from '@fiducial/core/formats/multipart/parse.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Intake } from '../../services/gateway/ports.ts'
import type { Face } from '../server.ts'
import { answerOf, StoreParts } from './store-parts.ts'
import { STORE_PATHS } from './transactions.ts'
import {
  acceptedTypes,
  addressOf,
  guardOf,
  type ModelForm,
  modelForm,
  parseUid,
  peerOf,
  refuse,
  refuseError,
  sendModel,
  WEB_PREFIX,
  type WebFaceOptions,
} from './web-face.ts'

export interface StoreFaceOptions extends WebFaceOptions {
  readonly intake: Intake
  /** Bytes of one instance. Default: 8 GiB. */
  readonly instanceBytes?: number
  /** Parts of one request. Default: 100 000. */
  readonly parts?: number
  /** Requests that are being received at once. Default: 64. */
  readonly requests?: number
  /** Slower senders are cut off; a mean over {@link watchMs}. Default: 256. */
  readonly bytesPerSecond?: number
  /** Default: 30 000. */
  readonly watchMs?: number
  /** Root under which stored instances can be had, for the answer; without it the answer names none. */
  readonly retrieveUrl?: string
}

export const STORE_DEFAULTS = {
  instanceBytes: 8 * 2 ** 30,
  requests: 64,
  bytesPerSecond: 256,
  watchMs: 30_000,
} as const
const DAY_MS = 86_400_000

/** Serves `POST /studies` and `POST /studies/{study}`. The server needs `hasStreams`. */
export function storeFace(options: StoreFaceOptions): Face {
  return (server) => void server.register(async (scope) => openScope(scope, options))
}

function openScope(scope: FastifyInstance, options: StoreFaceOptions): void {
  const { prefix = WEB_PREFIX, requests = STORE_DEFAULTS.requests } = options
  let underWay = 0
  // The body as it comes: the parts are read by the route.
  scope.addContentTypeParser('multipart/related', (_request, payload, done) => done(null, payload))
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
  const route = {
    config: { isStreamed: true },
    handlerTimeout: DAY_MS,
    onRequest: guardOf(options, 'instances.store'),
  }
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (underWay >= requests) {
      return refuse(lastWord(reply).header('retry-after', '5'), 503, 'too many requests are being received')
    }
    underWay++
    try {
      return await store(request, reply, options)
    } finally {
      underWay--
    }
  }
  for (const path of STORE_PATHS) scope.post(prefix + path, route, handle)
}

async function store(request: FastifyRequest, reply: FastifyReply, options: StoreFaceOptions): Promise<FastifyReply> {
  let boundary: string
  let study: string | null
  let form: ModelForm
  try {
    const { study: spelled } = request.params as { readonly study?: string }
    study = spelled === undefined ? null : parseUid(spelled)
    const accepted = modelForm(acceptedTypes(request), false)
    if (accepted === undefined) return refuse(lastWord(reply), 406, 'answers are application/dicom+json or +xml')
    form = accepted
    const contentType = request.headers['content-type'] ?? ''
    const partType = typeOfParts(contentType)
    if (partType !== 'application/dicom')
      return refuse(lastWord(reply), 415, 'only multipart/related; type="application/dicom" is taken')
    boundary = readBoundary(contentType)
  } catch (error) {
    return refuseError(lastWord(reply), error)
  }
  const { intake, instanceBytes = STORE_DEFAULTS.instanceBytes, retrieveUrl } = options
  const origin = {
    protocol: 'dicomweb',
    callingAet: null,
    calledAet: null,
    address: addressOf(request),
    peer: peerOf(request),
  } as const
  const parts = new StoreParts({ intake, origin, study, instanceBytes })
  const flaw = await readParts(request, boundary, parts, options)
  if (flaw !== undefined && !(flaw instanceof FormatError)) {
    await parts.abort()
    // A mistake of ours, while the sender is still there.
    if (!request.raw.destroyed) {
      lastWord(reply)
      throw flaw
    }
    // Whoever sent it is gone, or was too slow: there is nobody to answer.
    reply.hijack()
    request.raw.destroy()
    return reply
  }
  if (flaw !== undefined) await parts.abort()
  const answer = answerOf(await parts.results(), study, retrieveUrl)
  // Instances before the damage are stored, and are named; the request as a whole is not what it claims.
  if (flaw !== undefined) return sendModel(lastWord(reply), 400, answer.model, form)
  if (answer.status === 503) reply.header('retry-after', '30')
  return sendModel(reply, answer.status, answer.model, form)
}

/** Reads the body to its end. @returns what kept it from that: {FormatError} for damage, else what the connection threw */
async function readParts(
  request: FastifyRequest,
  boundary: string,
  parts: StoreParts,
  options: StoreFaceOptions,
): Promise<unknown> {
  const body = request.raw
  const limits = { ...MULTIPART_LIMITS, parts: options.parts ?? MULTIPART_LIMITS.parts }
  const parser = new MultipartParser(boundary, parts, limits)
  const watch = watchSpeed(request, options)
  try {
    // Damage ends the reading, and the connection has to live on for the answer.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      watch.saw(chunk.length)
      parser.write(chunk)
      if (parts.isCrowded) await watch.whileWaiting(parts.room())
    }
    parser.end()
    return undefined
  } catch (error) {
    return error ?? new Error('the connection is gone')
  } finally {
    watch.end()
  }
}

/** Cuts off whoever sends slower than anybody would: a connection that is held open costs, too. */
function watchSpeed({ raw }: FastifyRequest, options: StoreFaceOptions) {
  const { bytesPerSecond = STORE_DEFAULTS.bytesPerSecond, watchMs = STORE_DEFAULTS.watchMs } = options
  let seen = 0
  let isWaiting = false
  const timer = setInterval(() => {
    if (!isWaiting && (seen * 1000) / watchMs < bytesPerSecond) raw.destroy(new Error('too slow'))
    seen = 0
  }, watchMs).unref()
  return {
    saw(bytes: number): void {
      seen += bytes
    },
    async whileWaiting(room: Promise<void>): Promise<void> {
      isWaiting = true
      await room
      isWaiting = false
    },
    end: (): void => clearInterval(timer),
  }
}

function typeOfParts(contentType: string): string | undefined {
  const { type, parameters } = parseMediaType(contentType)
  return type === 'multipart/related' ? (parameters.get('type') ?? 'application/dicom').toLowerCase() : undefined
}

/** The rest of a body that is refused is not read. */
const lastWord = (reply: FastifyReply): FastifyReply => reply.header('connection', 'close')
