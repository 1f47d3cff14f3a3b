/** Seal routes: where devices hand over the seals of their images, which C-STORE has no way to carry. */
import { SEAL_MEDIA_TYPE } from '@fiducial/core/domain/seal/namespace.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { RouteMeans } from './route-means.ts'
import { instanceParameters, keptSealSchema, problems } from './schemas.ts'

/** Bytes of a seal; one of an image with a thousand frames has some hundred thousand. */
const SEAL_BODY_LIMIT = 16 * 2 ** 20

export const sealRoutes: FastifyPluginAsyncZod<RouteMeans> = async (scope, means) => {
  const { seals, doorkeeper, control, sealOf } = means
  scope.addContentTypeParser(
    [SEAL_MEDIA_TYPE, 'application/octet-stream'],
    { parseAs: 'buffer', bodyLimit: SEAL_BODY_LIMIT },
    async (_request: unknown, body: string | Buffer) => body,
  )
  scope.post(
    '/seals',
    {
      onRequest: doorkeeper.require('instances.store'),
      bodyLimit: SEAL_BODY_LIMIT,
      schema: {
        summary: 'Hands over the seal of an image, before or after the image itself',
        consumes: [SEAL_MEDIA_TYPE, 'application/octet-stream'],
        response: { 200: keptSealSchema, ...problems },
      },
    },
    async ({ body }) => seals.put(body instanceof Uint8Array ? body : new Uint8Array(0)),
  )
  scope.get(
    '/instances/:id/seal',
    {
      // It names the order and the technologist.
      onRequest: doorkeeper.require('instances.retrieve'),
      schema: {
        summary: 'The seal file of an image, of its device or of the gateway',
        params: instanceParameters,
        produces: [SEAL_MEDIA_TYPE],
        response: { 200: z.unknown(), ...problems },
      },
    },
    async ({ params }, reply) => {
      const instance = await control.get(params.id)
      const seal = instance && (await sealOf(instance))
      if (seal === undefined) throw new StoreError('instance_missing', 'there is no such instance, or it has no seal')
      return reply.header('cache-control', 'no-store').type('application/json').send(Buffer.from(seal))
    },
  )
}
