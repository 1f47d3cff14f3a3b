/**
 * Web face: what all our DICOMweb faces share: who may come in, where the routes stand, and how a refusal looks.
 *
 * Source: PS3.18 section 8 (resources, status codes).
 */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { encodeUtf8, joinBytes } from '@fiducial/core/bytes/text.ts'
import type { Permission } from '@fiducial/core/domain/access/roles.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { encodeDicomJson } from '@fiducial/core/formats/dicom-json/format.ts'
import type { DicomJson } from '@fiducial/core/formats/dicom-json/model.ts'
import { formatNativeXml } from '@fiducial/core/formats/dicom-json/native-xml.ts'
import {
  boundaryOf,
  formatLastDelimiter,
  formatPartHead,
  formatRelatedType,
} from '@fiducial/core/formats/multipart/format.ts'
import { type MediaType, parseMediaTypes } from '@fiducial/core/formats/multipart/media-type.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { STORE_STATUS } from '../status.ts'

/** Lets a request pass, or answers it; a hook before a byte of a body is read. */
export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

export interface WebFaceOptions {
  /** What stands before the paths: begins with a slash and ends without one. Default: `/dicom-web`. */
  readonly prefix?: string
  /**
   * Gives the guard of a permission, such as `doorkeeper.require`. Without it only this machine may come in, and may do
   * everything.
   */
  readonly require?: (permission: Permission) => Guard
}

export const WEB_PREFIX = '/dicom-web'
export const DICOM_JSON = 'application/dicom+json'
export const DICOM_XML = 'application/dicom+xml'
const JSON_TYPES = new Set([DICOM_JSON, 'application/json', 'application/*', '*/*'])
const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

/** The guard of a permission. */
export function guardOf({ require }: WebFaceOptions, permission: Permission): Guard {
  return require?.(permission) ?? loopbackOnly
}

const loopbackOnly: Guard = async (request, reply) => {
  const { remoteAddress } = request.raw.socket
  if (remoteAddress !== undefined && LOOPBACK.has(remoteAddress)) return undefined
  reply.header('www-authenticate', 'Bearer realm="fiducial"')
  return refuse(reply, 401, 'only this machine may come in without a token')
}

/** An answer that says in one sentence, without values, why something is refused. */
export function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(`${message}\n`)
}

/** Answers with an error of ours; every other one is thrown on. */
export function refuseError(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof FormatError) return refuse(reply, 400, `${error.code}: ${error.message}`)
  if (error instanceof StoreError) {
    const status = STORE_STATUS[error.code]
    if (status === 503) reply.header('retry-after', '30')
    return refuse(reply, status, `${error.code}: ${error.message}`)
  }
  throw error
}

/** In which of our two spellings a client takes models. */
export type ModelForm = 'json' | 'xml'

/** @param isList  several models, which in XML are parts of one body */
export function modelForm(types: readonly MediaType[], isList: boolean): ModelForm | undefined {
  if (types.length === 0) return 'json'
  for (const { type, parameters } of types) {
    if (JSON_TYPES.has(type)) return 'json'
    const isRelatedXml = type === 'multipart/related' && parameters.get('type')?.toLowerCase() === DICOM_XML
    if (isList ? isRelatedXml : type === DICOM_XML) return 'xml'
  }
  return undefined
}

/** One model, in the form that the client takes. */
export function sendModel(reply: FastifyReply, status: number, model: DicomJson, form: ModelForm): FastifyReply {
  const [type, bytes] =
    form === 'json' ? [DICOM_JSON, encodeDicomJson(model)] : [DICOM_XML, encodeUtf8(formatNativeXml(model))]
  return reply.code(status).header('cache-control', 'no-store').header('content-type', type).send(Buffer.from(bytes))
}

/** A list of models, written as they come. */
export function sendModels(reply: FastifyReply, models: AsyncIterable<DicomJson>, form: ModelForm): FastifyReply {
  const boundary = boundaryOf(randomBytes(16))
  reply.header('cache-control', 'no-store')
  reply.header('content-type', form === 'json' ? DICOM_JSON : formatRelatedType(boundary, DICOM_XML))
  const pieces = form === 'json' ? jsonList(models) : xmlParts(models, boundary)
  return reply.send(Readable.from(pieces, { objectMode: false }))
}

async function* jsonList(models: AsyncIterable<DicomJson>): AsyncGenerator<Uint8Array> {
  let before = '['
  for await (const model of models) {
    yield joinBytes([encodeUtf8(before), encodeDicomJson(model)])
    before = ','
  }
  yield encodeUtf8(before === '[' ? '[]' : ']')
}

async function* xmlParts(models: AsyncIterable<DicomJson>, boundary: string): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const model of models) {
    const head = formatPartHead(boundary, new Map([['Content-Type', DICOM_XML]]), isFirst)
    yield joinBytes([head, encodeUtf8(formatNativeXml(model))])
    isFirst = false
  }
  yield formatLastDelimiter(boundary)
}

/**
 * What a client takes, what it likes most first. The query parameter `accept` counts before the header (PS3.18 section 8.3.3.1).
 * @throws {FormatError} `multipart_malformed`
 */
export function acceptedTypes(request: FastifyRequest): readonly MediaType[] {
  const { accept } = request.query as Record<string, unknown>
  const text = typeof accept === 'string' ? accept : (request.headers.accept ?? '*/*')
  const weight = ({ parameters }: MediaType): number => {
    const q = Number(parameters.get('q') ?? '1')
    return Number.isNaN(q) ? 1 : q
  }
  const types = parseMediaTypes(text).filter((type) => weight(type) > 0)
  return types.toSorted((a, b) => weight(b) - weight(a))
}

/** SHA-256 of the client's certificate in hexadecimal, or the token's name; null where it showed neither. */
export function peerOf(request: FastifyRequest): string | null {
  const socket = request.raw.socket as Partial<TLSSocket>
  const fingerprint = socket.getPeerCertificate?.()?.fingerprint256
  if (fingerprint !== undefined) return fingerprint.replaceAll(':', '').toLowerCase()
  return request.caller?.name ?? null
}

/** Host and port of whoever asks. */
export function addressOf({ raw }: FastifyRequest): string | null {
  const { remoteAddress, remotePort } = raw.socket
  if (remoteAddress === undefined) return null
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`
}

const UID = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*$/

/** A UID of a path. @throws {FormatError} `query_malformed` for all else: it could lead elsewhere */
export function parseUid(text: string): string {
  if (text.length > 64 || !UID.test(text)) throw new FormatError('query_malformed', 'not a UID')
  return text
}

/** The address of our service as whoever asks spells it, for addresses in answers. */
export function rootOf(request: FastifyRequest): string {
  const path = request.routeOptions.url ?? ''
  const prefix = path.slice(0, path.search(/\/(?:studies|series|instances)/))
  return `${request.protocol}://${request.host}${prefix}`
}
