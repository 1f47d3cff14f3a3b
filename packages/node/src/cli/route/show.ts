/** Route show: the routes in force and their destinations, as a person reads them. */
import type { Destination } from '@fiducial/core/domain/gateway/destinations.ts'
import { TROUBLES } from '@fiducial/core/domain/gateway/facts.ts'
import type { Route, RouteTarget } from '@fiducial/core/domain/gateway/routes.ts'
import { formatRule } from '@fiducial/core/domain/gateway/rules.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { layOut } from '../table.ts'
import { visible } from '../visible.ts'
import { readRoutesInForce } from './read-routes.ts'

export async function showRoutes(path: string | undefined, context: Context): Promise<ExitCode> {
  const { output } = context
  const file = await readRoutesInForce(path, context)
  const { destinations, routes } = file.routes
  for (const destination of destinations.values()) {
    output.record({ destination: destination.name, protocol: destination.protocol, address: addressOf(destination) })
  }
  for (const route of routes) output.record({ route: route.name, ...describeRoute(route) })
  output.line(
    file.path === null ? 'routes that follow from the settings' : `${visible(file.path)}  SHA-256 ${file.sha256}`,
  )
  output.line()
  output.line('destinations')
  for (const line of layOut([...destinations.values()].map(rowOf))) output.line(`  ${line}`)
  for (const [i, route] of routes.entries()) {
    output.line()
    output.line(`route ${i + 1}: ${route.name}`)
    const described = describeRoute(route)
    for (const line of layOut(Object.entries(described).map(([name, parts]) => [name, parts.join('; ')]))) {
      output.line(`  ${line}`)
    }
  }
  return EXIT.ok
}

/** Host and port, or URL; neither holds a secret. */
export const addressOf = (destination: Destination): string =>
  destination.protocol === 'dimse' ? `${destination.aet}@${destination.host}:${destination.port}` : destination.url

function rowOf(destination: Destination): readonly string[] {
  const { name, protocol, delivery } = destination
  const notes = [
    destination.tls !== null || addressOf(destination).startsWith('https:') ? 'TLS' : 'not encrypted',
    ...(destination.protocol === 'dimse' && destination.commitment ? ['storage commitment'] : []),
    ...(delivery.bandwidth.length > 0 ? ['limited by time'] : []),
  ]
  return [name, protocol, addressOf(destination), notes.join(', ')]
}

/** A route by what it says, each part a list of words. */
function describeRoute({ from, when, seal, onProblem, quarantine, duplicates, relay, to }: Route) {
  const open = TROUBLES.filter((trouble) => onProblem[trouble] === 'failOpen')
  const senders = Object.entries(from ?? {}).flatMap(([name, patterns]) =>
    patterns === null
      ? []
      : [
          `${name} ${patterns.map((one: string | { text: string }) => (typeof one === 'string' ? one : one.text)).join(' or ')}`,
        ],
  )
  return {
    from: senders.length === 0 ? ['everybody'] : senders,
    when: when.length === 0 ? ['always'] : when.map(formatRule),
    seal: [{ always: 'always', ifUnsigned: 'what came unsigned', never: 'never' }[seal]],
    'held back': quarantine.length === 0 ? ['nothing'] : quarantine.map(({ reason }) => reason),
    'fails open': open.length === 0 ? ['never'] : [...open],
    duplicates: [duplicates],
    ...(relay !== null && { relays: [`to ${relay} while it comes, its end with the verdict; seals stand beside`] }),
    to: to.length === 0 ? ['nowhere'] : to.map(formatTarget),
  }
}

export function formatTarget({
  destination,
  deidentify,
  transcode,
  when,
}: Omit<RouteTarget, 'when'> & Partial<Pick<RouteTarget, 'when'>>): string {
  const how = [
    ...(deidentify === null ? [] : [`de-identified by ${deidentify}`]),
    ...(transcode === null ? [] : [`as ${transcode}`]),
    ...(when === null || when === undefined ? [] : [`if ${formatRule(when)}`]),
  ]
  return how.length === 0 ? destination : `${destination} (${how.join(', ')})`
}
