/**
 * Retrieve face: WADO-RS over an archive: instances, metadata, bulk data, frames and pictures.
 *
 * Source: PS3.18 sections 10.4 (retrieve), 8.7 (media types). Instances leave as they are stored, streamed. Pictures are PNG.
 */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { type PictureOrder, pictureOrder } from '@fiducial/core/domain/view/render-frame.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import type { Element } from '@fiducial/core/formats/dicom/element.ts'
import { toByteOrder } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { findByPath, formatDicomJson } from '@fiducial/core/formats/dicom-json/format.ts'
import type { DicomJson } from '@fiducial/core/formats/dicom-json/model.ts'
import {
  boundaryOf,
  formatLastDelimiter,
  formatPartHead,
  formatRelatedType,
} from '@fiducial/core/formats/multipart/format.ts'
import { formatMediaType } from '@fiducial/core/formats/multipart/media-type.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Archive, ArchivedInstance, FrameMaker } from '../../services/archive/ports.ts'
import type { Face } from '../server.ts'
import { frameForm, frameType, instanceForm, OCTETS } from './accept.ts'
import { openFrames } from './frame-source.ts'
import { parseViewport, parseWindow } from './render.ts'
import { RETRIEVE_PATHS, type RetrievedResource } from './transactions.ts'
import {
  acceptedTypes,
  guardOf,
  modelForm,
  parseUid,
  refuse,
  refuseError,
  rootOf,
  sendModels,
  WEB_PREFIX,
  type WebFaceOptions,
} from './web-face.ts'

export interface RetrieveFaceOptions extends WebFaceOptions {
  readonly archive: Archive
  readonly maker: FrameMaker
}

/** Longer values are had by their address. */
const INLINE_BYTES = 1024
const DAY_MS = 86_400_000
const THUMBNAIL = { width: 256, height: 256 }
const FRAMES_LIMIT = 10_000
const PNG = 'image/png'

type Params = Readonly<Record<string, string>>
type Handler = (request: FastifyRequest, reply: FastifyReply, means: Means) => Promise<FastifyReply>

interface Means extends RetrieveFaceOptions {
  /** What the path names; at least one. */
  readonly instances: readonly ArchivedInstance[]
  readonly params: Params
}

/** Serves everything below `/studies/{study}` that PS3.18 table 10.4.1-1 names, but for rendered studies. Needs `hasStreams`. */
export function retrieveFace(options: RetrieveFaceOptions): Face {
  return (server) => void server.register(async (scope) => openScope(scope, options))
}

function openScope(scope: FastifyInstance, options: RetrieveFaceOptions): void {
  const { prefix = WEB_PREFIX } = options
  const route = {
    config: { isStreamed: true },
    handlerTimeout: DAY_MS,
    onRequest: guardOf(options, 'instances.retrieve'),
  }
  const serve = (path: string, handler: Handler): void => {
    scope.get(prefix + path, route, (request, reply) => answer(request, reply, options, handler))
  }
  for (const [path, resource] of RETRIEVE_PATHS) serve(path, HANDLERS[resource])
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  options: RetrieveFaceOptions,
  handler: Handler,
): Promise<FastifyReply> {
  try {
    const params = request.params as Params
    const { study = '', series, instance } = params
    const place = {
      study: parseUid(study),
      ...(series === undefined ? {} : { series: parseUid(series) }),
      ...(instance === undefined ? {} : { instance: parseUid(instance) }),
    }
    const instances = await options.archive.instances(place)
    if (instances.length === 0) return refuse(reply, 404, 'there is no such thing')
    return await handler(request, reply.header('cache-control', 'no-store'), { ...options, instances, params })
  } catch (error) {
    // What somebody stored is not the fault of who asks for it.
    if (error instanceof FormatError && error.code !== 'query_malformed' && error.code !== 'multipart_malformed') {
      return refuse(reply, error.code === 'codec_unsupported' ? 406 : 422, `${error.code}: ${error.message}`)
    }
    return refuseError(reply, error)
  }
}

const sendInstances: Handler = async (request, reply, { archive, instances }) => {
  const form = instanceForm(acceptedTypes(request))
  const fitting = instances.filter(({ transferSyntaxUid: stored }) => {
    const wanted = form?.transferSyntax
    return wanted === undefined || stored === null || stored === wanted
  })
  const [first] = fitting
  if (form === undefined || first === undefined) {
    return refuse(reply, 406, 'instances are application/dicom, as they are stored')
  }
  if (!form.isMultipart && instances.length > 1) return refuse(reply, 406, 'several instances are multipart/related')
  if (fitting.length < instances.length) reply.code(206)
  if (!form.isMultipart) {
    reply.header('content-type', instanceType(first))
    const part = { instance: first, head: NOTHING }
    return withLength(reply, [part], NOTHING).send(streamOf(archive, [part], NOTHING))
  }
  const boundary = boundaryOf(randomBytes(16))
  const parts = fitting.map((instance, i) => {
    return { instance, head: formatPartHead(boundary, new Map([['Content-Type', instanceType(instance)]]), i === 0) }
  })
  const end = formatLastDelimiter(boundary)
  reply.header('content-type', formatRelatedType(boundary, 'application/dicom'))
  return withLength(reply, parts, end).send(streamOf(archive, parts, end))
}

const NOTHING = new Uint8Array()

interface InstancePart {
  readonly instance: ArchivedInstance
  /** What stands before it. */
  readonly head: Uint8Array
}

/** States the length, where every instance's is known. */
function withLength(reply: FastifyReply, parts: readonly InstancePart[], end: Uint8Array): FastifyReply {
  let total = end.length
  for (const { instance, head } of parts) {
    if (instance.lengthBytes === null) return reply
    total += head.length + instance.lengthBytes
  }
  return reply.header('content-length', total)
}

const instanceType = ({ transferSyntaxUid }: ArchivedInstance): string =>
  transferSyntaxUid === null ? 'application/dicom' : typeOf('application/dicom', transferSyntaxUid)

function streamOf(archive: Archive, parts: readonly InstancePart[], end: Uint8Array): Readable {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (const { instance, head } of parts) {
      // Before a byte is sent: what cannot be opened at all is told by a status.
      await using file = await archive.open(instance)
      if (head.length > 0) yield head
      // A chunk is valid until the next is asked for, and the socket may still hold it then.
      for (const chunk of file.chunks(0, file.length)) yield file.isInMemory ? chunk : chunk.slice()
    }
    if (end.length > 0) yield end
  }
  return Readable.from(pieces(), { objectMode: false, highWaterMark: 2 ** 18 })
}

const sendMetadata: Handler = async (request, reply, { archive, instances }) => {
  const form = modelForm(acceptedTypes(request), true)
  if (form === undefined) return refuse(reply, 406, 'metadata are application/dicom+json, or +xml in multipart/related')
  const root = rootOf(request)
  const models = async function* (): AsyncGenerator<DicomJson> {
    for (const instance of instances) {
      await using file = await archive.open(instance)
      const { dataSet } = parseDicom(file)
      const above = `${root}/studies/${instance.study}/series/${instance.series}/instances/${instance.instance}/bulkdata/`
      const bulkDataUri = ({ fragments, valueStart, valueEnd, vr }: Element, path: string): string | undefined =>
        fragments !== undefined || (valueEnd - valueStart > INLINE_BYTES && vr !== 'SQ') ? above + path : undefined
      yield formatDicomJson(dataSet, { bulkDataUri })
    }
  }
  return sendModels(reply, models(), form)
}

const sendBulkData: Handler = async (request, reply, { archive, instances, params }) => {
  const [instance] = instances as [ArchivedInstance]
  await using file = await archive.open(instance)
  const { dataSet, transferSyntaxUid } = parseDicom(file)
  const element = findByPath(dataSet, params['*'] ?? '')
  if (element === undefined || element.items !== undefined) return refuse(reply, 404, 'there is no such value')
  const types = acceptedTypes(request)
  const isOctets = types.some(
    ({ type, parameters }) =>
      ['*/*', 'application/*', OCTETS].includes(type) ||
      (type === 'multipart/related' && (parameters.get('type') ?? OCTETS) === OCTETS),
  )
  if (!isOctets) return refuse(reply, 406, `bulk data are ${OCTETS}`)
  const pieces = element.fragments?.slice(1).map(({ valueStart, end }) => dataSet.source.view(valueStart, end)) ?? [
    toByteOrder(dataSet.source.view(element.valueStart, element.valueEnd), element.vr, element.encoding),
  ]
  const type = element.fragments === undefined ? OCTETS : typeOf(frameType(transferSyntaxUid), transferSyntaxUid)
  return types[0]?.type === 'multipart/related' || pieces.length !== 1
    ? sendParts(reply, type, pieces)
    : reply.header('content-type', type).send(Buffer.from(pieces[0] as Uint8Array))
}

const sendFrames: Handler = async (request, reply, { archive, instances, params, maker }) => {
  const [instance] = instances as [ArchivedInstance]
  const numbers = parseFrames(params.frames ?? '')
  await using file = await archive.open(instance)
  const frames = openFrames(file, maker)
  if (numbers.some((number) => number > frames.count)) return refuse(reply, 404, 'there is no such frame')
  const { transferSyntaxUid } = frames.file
  const form = frameForm(acceptedTypes(request), transferSyntaxUid)
  if (form === undefined) return refuse(reply, 406, `frames are ${frameType(transferSyntaxUid)}, or ${OCTETS}`)
  const pieces: Uint8Array[] = []
  for (const number of numbers)
    pieces.push(form.isDecoded ? (await frames.decoded(number)).bytes : frames.stored(number))
  const type = form.isDecoded
    ? typeOf(OCTETS, EXPLICIT_LITTLE_ENDIAN)
    : typeOf(frameType(transferSyntaxUid), transferSyntaxUid)
  if (form.isMultipart) return sendParts(reply, type, pieces)
  if (pieces.length > 1) return refuse(reply, 406, 'several frames are multipart/related')
  return reply.header('content-type', type).send(Buffer.from(pieces[0] as Uint8Array))
}

const sendPicture: Handler = async (request, reply, { archive, instances, params, maker }) => {
  const types = acceptedTypes(request)
  if (!types.some(({ type }) => [PNG, 'image/*', '*/*'].includes(type)))
    return refuse(reply, 406, `pictures are ${PNG}`)
  // The one in the middle tells most of a series.
  const instance = instances[instances.length >> 1] as ArchivedInstance
  await using file = await archive.open(instance)
  const frames = openFrames(file, maker)
  if (frames.count === 0) return refuse(reply, 406, 'an instance without pixels')
  const [number = 1, ...others] = params.frames === undefined ? [1] : parseFrames(params.frames)
  if (others.length > 0) return refuse(reply, 406, 'one picture at a time')
  if (number > frames.count) return refuse(reply, 404, 'there is no such frame')
  const isThumbnail = (request.routeOptions.url ?? '').endsWith('/thumbnail')
  const order = pictureOrder(frames.file.dataSet, askedOf(request, isThumbnail))
  return reply.header('content-type', PNG).send(Buffer.from(await frames.picture(number, order)))
}

function askedOf({ query }: FastifyRequest, isThumbnail: boolean): Partial<Pick<PictureOrder, 'window' | 'largest'>> {
  const { window, viewport } = query as Readonly<Record<string, unknown>>
  return {
    ...(typeof window === 'string' && { window: parseWindow(window) }),
    ...(isThumbnail && { largest: THUMBNAIL }),
    ...(typeof viewport === 'string' && { largest: parseViewport(viewport) }),
  }
}

/** `1,3,2`. @throws {FormatError} `query_malformed` */
function parseFrames(text: string): readonly number[] {
  const numbers = text.split(',')
  if (numbers.length > FRAMES_LIMIT || !numbers.every((number) => /^[1-9]\d{0,8}$/.test(number))) {
    throw new FormatError('query_malformed', 'not a list of frames')
  }
  return numbers.map(Number)
}

function sendParts(reply: FastifyReply, type: string, pieces: readonly Uint8Array[]): FastifyReply {
  const boundary = boundaryOf(randomBytes(16))
  const body = pieces.flatMap((piece, i) => [
    formatPartHead(boundary, new Map([['Content-Type', type]]), i === 0),
    piece,
  ])
  const [partType = OCTETS] = type.split(';')
  return reply
    .header('content-type', formatRelatedType(boundary, partType))
    .send(Buffer.from(joinBytes([...body, formatLastDelimiter(boundary)])))
}

const typeOf = (type: string, transferSyntaxUid: string): string =>
  formatMediaType({ type, parameters: new Map([['transfer-syntax', transferSyntaxUid]]) })

const HANDLERS: Readonly<Record<RetrievedResource, Handler>> = {
  instances: sendInstances,
  metadata: sendMetadata,
  bulkdata: sendBulkData,
  frames: sendFrames,
  rendered: sendPicture,
  thumbnail: sendPicture,
}
