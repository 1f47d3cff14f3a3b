/** Sweep routes: how the sweeps of the archive went, and one more. */
import { StoreError } from '@fiducial/core/errors.ts'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { toSweepsMessage } from './messages.ts'
import type { RouteMeans } from './route-means.ts'
import { begunSchema, problems, sweepsSchema } from './schemas.ts'

export const sweepRoutes: FastifyPluginAsyncZod<RouteMeans> = async (scope, { doorkeeper, sweeps }) => {
  const existing = (): NonNullable<typeof sweeps> => {
    if (sweeps === undefined)
      throw new StoreError('input_missing', 'no archive is swept: the setting sweep.target names one')
    return sweeps
  }
  scope.get(
    '/sweeps',
    {
      onRequest: doorkeeper.require('audit.read'),
      schema: { summary: 'How the last sweep of the archive went', response: { 200: sweepsSchema, ...problems } },
    },
    async () => toSweepsMessage(existing().status),
  )
  scope.post(
    '/sweeps',
    {
      onRequest: doorkeeper.require('audit.run'),
      schema: { summary: 'Begins a sweep of the archive', response: { 200: begunSchema, ...problems } },
    },
    async () => ({ state: existing().begin() }),
  )
}
