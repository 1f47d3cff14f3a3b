/** Acting routes: what the web API changes in a gateway. Each is done in the name of the caller, who stands in the log. */
import type { Caller } from '@fiducial/core/domain/access/token.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { callerOf } from './callers.ts'
import type { RouteMeans } from './route-means.ts'
import {
  destinationParameters,
  doneSchema,
  instanceParameters,
  invitationSchema,
  problems,
  releaseAnswerSchema,
  releaseSchema,
  sentAgainSchema,
} from './schemas.ts'

const partyOf = ({ person, name }: Caller): Party => ({ id: person, name })

export const actingRoutes: FastifyPluginAsyncZod<RouteMeans> = async (scope, means) => {
  const { control, doorkeeper, invite } = means
  scope.post(
    '/instances/:id/release',
    {
      onRequest: doorkeeper.require('quarantine.release'),
      schema: {
        summary: 'Asks for a release from quarantine, or confirms that of another person',
        params: instanceParameters,
        body: releaseSchema,
        response: { 200: releaseAnswerSchema, ...problems },
      },
    },
    async (request) => {
      const { params, body } = request
      return { state: await control.release(params.id, partyOf(callerOf(request)), body.reason) }
    },
  )
  scope.post(
    '/instances/:id/reject',
    {
      onRequest: doorkeeper.require('quarantine.reject'),
      schema: {
        summary: 'Takes an image out of quarantine for good',
        params: instanceParameters,
        body: releaseSchema,
        response: { 200: doneSchema, ...problems },
      },
    },
    async (request) => {
      const { params, body } = request
      await control.reject(params.id, partyOf(callerOf(request)), body.reason)
      return { state: 'rejected' as const }
    },
  )
  scope.post(
    '/instances/:id/reexamine',
    {
      onRequest: doorkeeper.require('quarantine.reexamine'),
      schema: {
        summary: 'Has an image in quarantine judged anew, by what is believed and in force now',
        params: instanceParameters,
        response: { 200: doneSchema, ...problems },
      },
    },
    async ({ params }) => {
      await control.reexamine(params.id)
      return { state: 'received' as const }
    },
  )
  scope.post(
    '/instances/:id/retry',
    {
      onRequest: doorkeeper.require('deliveries.control'),
      schema: {
        summary: 'Sends what was given up of an image again',
        params: instanceParameters,
        response: { 200: sentAgainSchema, ...problems },
      },
    },
    async ({ params }) => ({ sentAgain: await control.retry(params.id) }),
  )
  scope.post(
    '/destinations/:name/pause',
    {
      onRequest: doorkeeper.require('deliveries.control'),
      schema: {
        summary: 'Holds back what goes to a destination',
        params: destinationParameters,
        response: { 200: doneSchema, ...problems },
      },
    },
    async ({ params }) => {
      await control.pause(params.name)
      return { state: 'paused' as const }
    },
  )
  scope.post(
    '/destinations/:name/resume',
    {
      onRequest: doorkeeper.require('deliveries.control'),
      schema: {
        summary: 'Lets it go on',
        params: destinationParameters,
        response: { 200: doneSchema, ...problems },
      },
    },
    async ({ params }) => {
      await control.resume(params.name)
      return { state: 'resumed' as const }
    },
  )
  scope.post(
    '/destinations/:name/retry',
    {
      onRequest: doorkeeper.require('deliveries.control'),
      schema: {
        summary: 'Sends all that was given up again',
        params: destinationParameters,
        response: { 200: sentAgainSchema, ...problems },
      },
    },
    async ({ params }) => ({ sentAgain: await control.revive(params.name) }),
  )
  scope.post(
    '/invitations',
    {
      onRequest: doorkeeper.require('access.manage'),
      schema: {
        summary: 'An address that lets one browser see the page of the gateway',
        response: { 200: invitationSchema, ...problems },
      },
    },
    async () => ({ url: invite() }),
  )
}
