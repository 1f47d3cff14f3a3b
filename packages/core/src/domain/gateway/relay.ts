/**
 * Relay: which destination the bytes of an instance may go to while they come, before anybody has looked at them.
 *
 * Only what is known of the sender counts. Whether the last byte follows is decided with the verdict, by decide-route.ts: what
 * is said here saves time, and lets nothing pass. Pure.
 */
import { FormatError } from '../../errors.ts'
import { isFrom } from './decide-route.ts'
import type { Origin } from './origin.ts'
import type { Routes } from './routes.ts'

/** Name of the destination; null where the route does not relay, or shows only when the instance is there. */
export function relayDestination({ routes }: Pick<Routes, 'routes'>, origin: Origin): string | null {
  const first = routes.find(({ from }) => isFrom(from, origin))
  // One that asks for more may take the instance, or leave it to those behind.
  return first === undefined || first.when.length > 0 ? null : first.relay
}

/**
 * For gateways that share a store: one may judge and send what another one has under way.
 * @throws {FormatError} `routes_malformed` for routes that relay
 */
export function refuseRelaying(routes: Routes): Routes {
  const [relaying] = routes.routes.filter(({ relay }) => relay !== null)
  if (relaying === undefined) return routes
  throw new FormatError(
    'routes_malformed',
    `route ${relaying.name} relays, which a gateway that shares its store with others cannot`,
  )
}
