/**
 * Web face: what all our DICOMweb faces share: who may come in, where the routes stand, and how a refusal looks.
 *
 * Source: PS3.18 section 8 (resources, status codes).
 */
import type { TLSSocket } from 'node:tls'
import type { Permission } from '@fiducial/core/domain/access/roles.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { encodeDicomJson } from '@fiducial/core/formats/dicom-json/format.ts'
import type { DicomJson } from '@fiducial/core/formats/dicom-json/model.ts'
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

export function sendModels(
  reply: FastifyReply,
  status: number,
  models: DicomJson | readonly DicomJson[],
): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .header('content-type', DICOM_JSON)
    .send(Buffer.from(encodeDicomJson(models)))
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

/** Whether DICOM JSON is among what a client takes. */
export const acceptsJson = (types: readonly MediaType[]): boolean =>
  types.length === 0 ||
  types.some(({ type }) => [DICOM_JSON, 'application/json', 'application/*', '*/*'].includes(type))

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
