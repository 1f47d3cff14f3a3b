/**
 * Relay: which destination the bytes of an instance may go to while they come, before anybody has looked at them.
 *
 * Only what is known of the sender counts. Whether the last byte follows is decided with the verdict, by decide-route.ts: what
 * is said here saves time, and lets nothing pass. Pure.
 */
import { isFrom } from './decide-route.ts'
import type { Origin } from './origin.ts'
import type { Routes } from './routes.ts'

/** Name of the destination; null where the route does not relay, or shows only when the instance is there. */
export function relayDestination({ routes }: Pick<Routes, 'routes'>, origin: Origin): string | null {
  const first = routes.find(({ from }) => isFrom(from, origin))
  // One that asks for more may take the instance, or leave it to those behind.
  return first === undefined || first.when.length > 0 ? null : first.relay
}
