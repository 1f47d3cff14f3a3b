/**
 * Gateway API: what programs and the console ask of a running gateway by HTTP.
 *
 * Described in docs/reference/gateway-api.md and, for programs, by OpenAPI 3.1 at `/api/v1/openapi.json`, which is made from
 * the routes. Every route asks for a permission. What is decided stands in services/gateway.
 */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { Face } from '../server.ts'
import { actingRoutes } from './acting-routes.ts'
import { LiveStreams } from './live-streams.ts'
import { sendError, sendProblem } from './problems.ts'
import { readingRoutes } from './reading-routes.ts'
import type { RouteMeans } from './route-means.ts'
import { sealRoutes } from './seal-routes.ts'
import { sweepRoutes } from './sweep-routes.ts'

export const API_PREFIX = '/api/v1'
/** Bodies hold a sentence. */
const BODY_LIMIT = 16 * 1024

/** The face; `close` ends the streams of events, which would keep a server from closing. */
export function gatewayApi(options: RouteMeans): { readonly face: Face; close(): void } {
  const live = new LiveStreams(options)
  return {
    face: (server) => void server.register((scope) => openScope(scope, options, live), { prefix: API_PREFIX }),
    close: () => live.close(),
  }
}

async function openScope(scope: FastifyInstance, options: RouteMeans, live: LiveStreams): Promise<void> {
  scope.setValidatorCompiler(validatorCompiler)
  scope.setSerializerCompiler(serializerCompiler)
  scope.setErrorHandler((error, _request, reply) => sendError(reply, error))
  scope.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'not_found'))
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT },
    async (_request: unknown, body: string | Buffer) => parseBody(String(body)),
  )
  await scope.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Fiducial gateway',
        version: options.identity.version,
        description: 'Advisory software, not a medical device.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  })
  await scope.register(readingRoutes, options)
  await scope.register(actingRoutes, options)
  await scope.register(sealRoutes, options)
  await scope.register(sweepRoutes, options)
  const { doorkeeper } = options
  scope.get('/events', { onRequest: doorkeeper.require('instances.read'), schema: { hide: true } }, (request, reply) =>
    live.open(request, reply),
  )
  scope.get('/openapi.json', { onRequest: doorkeeper.require('status.read'), schema: { hide: true } }, async () =>
    scope.swagger(),
  )
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw Object.assign(new SyntaxError('the body is not JSON'), { statusCode: 400 })
  }
}
