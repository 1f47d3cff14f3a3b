/**
 * Health face: whether the process lives, whether it can take images in, and its measurements.
 *
 * `/health/live` and `/health/ready` say a word and nothing of what lies behind it, so they ask for no token: an orchestrator
 * has none. `/metrics` is text in Prometheus' format, for whoever may read it.
 */
import type { FastifyInstance } from 'fastify'
import type { GatewayControl } from '../../services/gateway/control.ts'
import type { Face } from '../server.ts'
import type { Doorkeeper } from './callers.ts'

export interface HealthOptions {
  readonly control: Pick<GatewayControl, 'status'>
  readonly doorkeeper: Doorkeeper
  /** The measurements as text, with their content type; absent where none are taken. */
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly text: string }>
}

/** For so long the last answer is given again: whoever asks must not be able to keep the gateway busy. */
const FRESH_MS = 1_000

export function healthFace({ control, doorkeeper, metrics }: HealthOptions): Face {
  let known: { readonly at: number; readonly isReady: Promise<boolean> } | undefined
  const isReady = (): Promise<boolean> => {
    const at = performance.now()
    if (known === undefined || at - known.at > FRESH_MS) {
      known = {
        at,
        isReady: control.status().then(
          (status) => status.isReady,
          () => false,
        ),
      }
    }
    return known.isReady
  }
  return (server: FastifyInstance) => {
    server.get('/health/live', (_request, reply) => reply.header('cache-control', 'no-store').send('live\n'))
    server.get('/health/ready', async (_request, reply) => {
      const answer = await isReady()
      return reply
        .code(answer ? 200 : 503)
        .header('cache-control', 'no-store')
        .type('text/plain; charset=utf-8')
        .send(answer ? 'ready\n' : 'not ready\n')
    })
    if (metrics === undefined) return
    server.get('/metrics', { onRequest: doorkeeper.require('metrics.read') }, async (_request, reply) => {
      const { contentType, text } = await metrics()
      return reply.header('cache-control', 'no-store').type(contentType).send(text)
    })
  }
}
