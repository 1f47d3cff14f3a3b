/**
 * Decide route: which route takes an instance, and what is to become of it, with the answer of every rule that was asked.
 *
 * Pure: the same routes and facts give the same decision. What is met later, such as a seal that cannot be made, is asked of
 * {@link onTrouble}.
 */
import type { RouteFacts, Trouble } from './facts.ts'
import { matchesAny } from './glob.ts'
import { isInNetwork } from './network.ts'
import type { Origin } from './origin.ts'
import type { OnTrouble, Route, RouteFrom, Routes, RouteTarget } from './routes.ts'
import { evaluate, type RuleTrace } from './rules.ts'

/** A copy that is to reach a destination. */
export interface RoutedCopy {
  readonly destination: string
  /** Name of a profile; null for a copy as it is. */
  readonly deidentify: string | null
  readonly transcode: RouteTarget['transcode']
}

/** One rule of a route: where it stands in the file, and what it came to. */
export interface RouteTrace extends RuleTrace {
  readonly route: string
}

export interface RouteDecision {
  /** Null where no route takes it: then it is quarantined as `no_route`. */
  readonly route: Route | null
  /**
   * `forward`: to all of `copies`, which may be none · `quarantine`: for `reasons`; `copies` go out upon release · `drop`: a
   * duplicate that is not needed.
   */
  readonly outcome: 'forward' | 'quarantine' | 'drop'
  /** Codes of what holds it back, or of why it is dropped. */
  readonly reasons: readonly string[]
  /** Whether the gateway is to seal it. */
  readonly isToBeSealed: boolean
  readonly copies: readonly RoutedCopy[]
  /** Troubles in spite of which it goes on. */
  readonly failedOpen: readonly Trouble[]
  /** The routes that were asked, in order, and in each its rules: those behind the one that took it were not. */
  readonly trace: readonly RouteTrace[]
}

/** Chooses the route of an instance. */
export function decideRoute({ routes }: Routes, facts: RouteFacts): RouteDecision {
  const trace: RouteTrace[] = []
  const route = routes.find((one) => isTakenBy(one, facts, trace))
  if (route === undefined) {
    return {
      route: null,
      outcome: 'quarantine',
      reasons: ['no_route'],
      isToBeSealed: false,
      copies: [],
      failedOpen: [],
      trace,
    }
  }
  const troubles = troublesOf(facts)
  const failedOpen = troubles.filter((trouble) => onTrouble(route, trouble) === 'failOpen')
  const reasons = [
    ...new Set([...heldBackBy(route, facts, trace), ...troubles.filter((one) => !failedOpen.includes(one))]),
  ]
  const isDropped = facts.standing === 'duplicate' && route.duplicates === 'drop'
  if (facts.standing === 'duplicate' && route.duplicates !== 'forward') reasons.push('duplicate')
  return {
    route,
    outcome: isDropped ? 'drop' : reasons.length > 0 ? 'quarantine' : 'forward',
    reasons: isDropped ? ['duplicate'] : reasons,
    isToBeSealed: !isDropped && isSealing(route, facts),
    copies: isDropped ? [] : copiesFor(route, facts, trace),
    failedOpen,
    trace,
  }
}

/** What a route says to a trouble. */
export const onTrouble = ({ onProblem }: Route, trouble: Trouble): OnTrouble => onProblem[trouble]

function troublesOf({ troubles, verdict }: RouteFacts): readonly Trouble[] {
  const isOpen = verdict?.verdict === 'undetermined' && !troubles.includes('undetermined')
  return isOpen ? [...troubles, 'undetermined'] : troubles
}

/** What is not authentic is not made to look like what the gateway vouches for. */
function isSealing({ seal }: Route, { isSealed, verdict, troubles }: RouteFacts): boolean {
  if (seal === 'never' || troubles.includes('unreadable') || verdict?.verdict === 'not_authentic') return false
  return seal === 'always' || !isSealed
}

function isTakenBy(route: Route, facts: RouteFacts, trace: RouteTrace[]): boolean {
  const senders = fromRules(route.from, facts.origin)
  for (const rule of senders) trace.push({ route: route.name, ...rule })
  const answers = route.when.map((rule, i) => ask(rule, facts, { trace, route, path: pathOf('when', i, route.when) }))
  const isTaken = senders.every(({ holds }) => holds) && answers.every(Boolean)
  trace.push({ route: route.name, path: '', rule: 'takes the instance', holds: isTaken })
  return isTaken
}

/** Whether a route takes instances of a sender, as far as that alone counts. */
export const isFrom = (from: RouteFrom | null, origin: Origin): boolean =>
  fromRules(from, origin).every(({ holds }) => holds)

const pathOf = (name: string, index: number, list: readonly unknown[]): string =>
  list.length === 1 ? name : `${name}[${index}]`

function heldBackBy(route: Route, facts: RouteFacts, trace: RouteTrace[]): readonly string[] {
  return route.quarantine.flatMap(({ reason, when }, i) =>
    ask(when, facts, { trace, route, path: `quarantine[${i}]` }) ? [reason] : [],
  )
}

function copiesFor(route: Route, facts: RouteFacts, trace: RouteTrace[]): readonly RoutedCopy[] {
  const chosen = new Set<string>()
  return route.to.flatMap(({ destination, when, deidentify, transcode }, i) => {
    const isMeant = when === null || ask(when, facts, { trace, route, path: `to[${i}].when` })
    // Of several entries for one destination, the first that fits counts.
    if (!isMeant || chosen.has(destination)) return []
    chosen.add(destination)
    return [{ destination, deidentify, transcode }]
  })
}

interface Asking {
  readonly trace: RouteTrace[]
  readonly route: Route
  readonly path: string
}

function ask(rule: Parameters<typeof evaluate>[0], facts: RouteFacts, { trace, route, path }: Asking): boolean {
  const steps: RuleTrace[] = []
  const holds = evaluate(rule, facts, steps)
  for (const step of steps) {
    trace.push({ route: route.name, ...step, path: step.path === '' ? path : `${path}.${step.path}` })
  }
  return holds
}

function fromRules(from: RouteFrom | null, origin: Origin): readonly RuleTrace[] {
  if (from === null) return []
  const { calling, called, address, protocol, peer } = from
  const rule = (name: string, what: string, holds: boolean, saw: string | null): RuleTrace => ({
    path: `from.${name}`,
    rule: what,
    holds,
    ...(saw === null ? {} : { saw: [saw] }),
  })
  const fits = (patterns: readonly string[], word: string | null): boolean =>
    word !== null && matchesAny(patterns, word)
  const rules = [
    calling &&
      rule(
        'calling',
        `calling AE title fits ${calling.join(' or ')}`,
        fits(calling, origin.callingAet),
        origin.callingAet,
      ),
    called &&
      rule('called', `called AE title fits ${called.join(' or ')}`, fits(called, origin.calledAet), origin.calledAet),
    address &&
      rule(
        'address',
        `address is in ${address.map(({ text }) => text).join(' or ')}`,
        origin.address !== null && address.some((network) => isInNetwork(origin.address as string, network)),
        origin.address,
      ),
    protocol &&
      rule('protocol', `protocol is ${protocol.join(' or ')}`, protocol.includes(origin.protocol), origin.protocol),
    peer && rule('peer', `certificate or token fits ${peer.join(' or ')}`, fits(peer, origin.peer), origin.peer),
  ]
  return rules.filter((one) => one !== null)
}
