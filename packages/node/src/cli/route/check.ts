/** Route check: whether a routes file can be put in force, and what in it may not be meant. */
import type { Route, Routes } from '@fiducial/core/domain/gateway/routes.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import { readRoutes } from './read-routes.ts'

export async function checkRoutes(path: string, context: Context): Promise<ExitCode> {
  const { output } = context
  const { sha256, routes } = await readRoutes(path, context)
  const doubts = doubtsAbout(routes)
  output.record({
    path,
    sha256,
    destinations: [...routes.destinations.keys()],
    routes: routes.routes.map(({ name }) => name),
    doubts,
  })
  const { green } = output.style
  const counts = [counted(routes.routes.length, 'route'), counted(routes.destinations.size, 'destination')].join(', ')
  output.line(`${green('✔')} ${visible(path)}: ${counts}`)
  output.line(`  SHA-256 ${sha256}`)
  for (const { what } of doubts) output.line(`  ! ${what}`)
  return EXIT.ok
}

interface Doubt {
  readonly code: 'never_reached' | 'relay_hindered' | 'unused_destination' | 'goes_nowhere' | 'nothing_held_back'
  readonly what: string
}

/** What is right by the letter, and seldom meant. */
export function doubtsAbout({ destinations, routes }: Routes): readonly Doubt[] {
  const last = routes.findIndex(takesEverything)
  const behind = last < 0 ? [] : routes.slice(last + 1)
  const used = new Set(routes.flatMap(({ to }) => to.map(({ destination }) => destination)))
  return [
    ...behind.map(
      ({ name }): Doubt => ({
        code: 'never_reached',
        what: `route ${name} takes nothing: ${routes[last]?.name} before it takes everything`,
      }),
    ),
    ...routes.flatMap((route, i) => hindrancesOf(route, routes.slice(0, i))),
    ...[...destinations.keys()]
      .filter((name) => !used.has(name))
      .map((name): Doubt => ({ code: 'unused_destination', what: `no route sends anything to ${name}` })),
    ...routes
      .filter(({ to }) => to.length === 0)
      .map(({ name }): Doubt => ({ code: 'goes_nowhere', what: `what route ${name} takes goes nowhere` })),
    ...routes
      .filter(({ quarantine }) => quarantine.length === 0)
      .map(({ name }): Doubt => ({ code: 'nothing_held_back', what: `route ${name} holds nothing back` })),
  ]
}

/** What of a route that relays goes the usual way, since an earlier one may take it for what is in it. */
function hindrancesOf({ name, relay }: Route, before: readonly Route[]): readonly Doubt[] {
  if (relay === null) return []
  return before
    .filter(({ when }) => when.length > 0)
    .map((earlier) => ({
      code: 'relay_hindered',
      what: `route ${name} relays nothing of the senders of ${earlier.name}, which asks for what is in an instance`,
    }))
}

const takesEverything = ({ from, when }: Route): boolean =>
  when.length === 0 && (from === null || Object.values(from).every((one) => one === null))
