/** Reading routes: what the web API tells of a gateway, and changes nothing of. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import type { InstanceFilter } from '../../services/gateway/ports.ts'
import { callerOf } from './callers.ts'
import { toCallerMessage, toInstanceMessage, toStatusMessage } from './messages.ts'
import type { RouteMeans } from './route-means.ts'
import {
  callerSchema,
  destinationSchema,
  instanceParameters,
  instanceSchema,
  instancesQuery,
  instancesSchema,
  problems,
  statusSchema,
} from './schemas.ts'

export const readingRoutes: FastifyPluginAsyncZod<RouteMeans> = async (scope, options) => {
  const { control, doorkeeper, identity } = options
  const status = async () => toStatusMessage(await control.status(), identity)

  scope.get(
    '/status',
    {
      onRequest: doorkeeper.require('status.read'),
      schema: { summary: 'How the gateway is', response: { 200: statusSchema, ...problems } },
    },
    status,
  )
  scope.get(
    '/me',
    {
      onRequest: doorkeeper.require('status.read'),
      schema: { summary: 'Who asks, and what they may do', response: { 200: callerSchema, ...problems } },
    },
    async (request) => toCallerMessage(callerOf(request)),
  )
  scope.get(
    '/destinations',
    {
      onRequest: doorkeeper.require('status.read'),
      schema: { summary: 'Where images go', response: { 200: destinationSchema.array().readonly(), ...problems } },
    },
    async () => (await status()).destinations,
  )
  scope.get(
    '/instances',
    {
      onRequest: doorkeeper.require('instances.read'),
      schema: {
        summary: 'Which images came, and what became of them',
        querystring: instancesQuery,
        response: { 200: instancesSchema, ...problems },
      },
    },
    async ({ query }) => {
      const found = await control.list(filterOf(query))
      const next = found.length < query.limit ? null : (found.at(-1)?.id ?? null)
      return { instances: found.map(toInstanceMessage), next }
    },
  )
  scope.get(
    '/instances/:id',
    {
      onRequest: doorkeeper.require('instances.read'),
      schema: {
        summary: 'One image',
        params: instanceParameters,
        response: { 200: instanceSchema, ...problems },
      },
    },
    async ({ params }) => {
      const found = await control.get(params.id)
      if (found === undefined) throw new StoreError('instance_missing', 'there is no such instance')
      return toInstanceMessage(found)
    },
  )
}

function filterOf(query: z.infer<typeof instancesQuery>): InstanceFilter {
  const { state, verdict, study, instance, from, destination, dead, since, until, after, order, limit } = query
  return {
    limit,
    order: order ?? 'newest_first',
    ...(state !== undefined && { states: state }),
    ...(verdict !== undefined && { verdicts: verdict }),
    ...(study !== undefined && { studyInstanceUid: study }),
    ...(instance !== undefined && { sopInstanceUid: instance }),
    ...(from !== undefined && { callingAet: from }),
    ...(destination !== undefined && { destination }),
    ...(dead !== undefined && { hasDead: dead === 'true' }),
    ...(since !== undefined && { since: new Date(since) }),
    ...(until !== undefined && { until: new Date(until) }),
    ...(after !== undefined && { after }),
  }
}
