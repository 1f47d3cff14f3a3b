/**
 * Search face: QIDO-RS over an archive.
 *
 * Source: PS3.18 section 10.6. What a query may say, and what matches, is decided in core/domain/query.
 */

import { Readable } from 'node:stream'
import { type Level, parseSearch, type Query, UNIQUE_KEYS } from '@fiducial/core/domain/query/query.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type DicomJson, textAt } from '@fiducial/core/formats/dicom-json/model.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Archive } from '../../services/archive/ports.ts'
import type { Face } from '../server.ts'
import { SEARCH_PATHS } from './transactions.ts'
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

export interface SearchFaceOptions extends WebFaceOptions {
  readonly archive: Archive
}

export function searchFace(options: SearchFaceOptions): Face {
  return (server) => void server.register(async (scope) => openScope(scope, options))
}

function openScope(scope: FastifyInstance, options: SearchFaceOptions): void {
  const { prefix = WEB_PREFIX } = options
  // Results name patients: whoever may search may also retrieve.
  const route = { onRequest: guardOf(options, 'instances.retrieve') }
  for (const [path, level] of SEARCH_PATHS) {
    scope.get(prefix + path, route, (request, reply) => search(request, reply, options, level))
  }
}

async function search(
  request: FastifyRequest,
  reply: FastifyReply,
  { archive }: SearchFaceOptions,
  level: Level,
): Promise<FastifyReply> {
  try {
    const form = modelForm(acceptedTypes(request), true)
    if (form === undefined)
      return refuse(reply, 406, 'results are application/dicom+json, or +xml in multipart/related')
    const query = parseSearch(level, parametersOf(request), aboveOf(request))
    const results: DicomJson[] = []
    // One more than is given shows whether there are more.
    for await (const model of archive.search({ ...query, limit: query.limit + 1 })) {
      results.push(withUrl(model, level, rootOf(request)))
    }
    warn(reply, query, results.length > query.limit)
    const given = results.slice(0, query.limit)
    // A body of no parts would be none.
    return sendModels(reply, Readable.from(given), given.length === 0 ? 'json' : form)
  } catch (error) {
    return refuseError(reply, error)
  }
}

/** Decoded once, in the order in which they stand. @throws {FormatError} `query_malformed` */
function parametersOf({ raw }: FastifyRequest): readonly (readonly [string, string])[] {
  const text = (raw.url ?? '').split('?').slice(1).join('?')
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new FormatError('query_malformed', 'a percent sign that escapes nothing')
  return [...new URLSearchParams(text)]
}

function aboveOf(request: FastifyRequest): { readonly study?: string; readonly series?: string } {
  const { study, series } = request.params as Readonly<Record<string, string>>
  return {
    ...(study === undefined ? {} : { study: parseUid(study) }),
    ...(series === undefined ? {} : { series: parseUid(series) }),
  }
}

/** PS3.18 sections 8.3.4.4 and 8.3.4.5. */
function warn(reply: FastifyReply, { isFuzzy }: Query, hasMore: boolean): void {
  const warnings = [
    ...(hasMore ? ['299 fiducial "There are additional results that can be requested"'] : []),
    ...(isFuzzy
      ? ['299 fiducial "The fuzzymatching parameter is not supported. Only literal matching has been performed."']
      : []),
  ]
  if (warnings.length > 0) reply.header('warning', warnings.join(', '))
}

function withUrl(model: DicomJson, level: Level, root: string): DicomJson {
  const uid = (of: Level): string => textAt(model, UNIQUE_KEYS[of]) ?? ''
  const series = level === 'study' ? '' : `/series/${uid('series')}`
  const instance = level === 'instance' ? `/instances/${uid('instance')}` : ''
  return { ...model, '00081190': { vr: 'UR', Value: [`${root}/studies/${uid('study')}${series}${instance}`] } }
}
