/**
 * Judgement: what becomes of an instance, once its route has decided and all copies that it asks for are made.
 *
 * Two beats with work between them: {@link planWay} says which copies to make, {@link judgePassage} takes what came of that,
 * and gives state, reasons, deliveries and events. Pure.
 */
import { decideRoute, onTrouble, type RouteDecision, type RoutedCopy } from './decide-route.ts'
import type { RouteFacts, Standing, Trouble } from './facts.ts'
import type { EventNews, GatewayEvent } from './gateway-events.ts'
import type { InstanceVerdict, ReceivedInstance } from './instance.ts'
import { ALWAYS_HELD, type Examination, type KnownImage, routeFactsOf } from './passage.ts'
import type { Routes } from './routes.ts'

/** A copy that has to be made before it can go out. */
export type CopyOrder = Pick<RoutedCopy, 'deidentify' | 'transcode'>

/** The way of an instance, before anything is made. */
export interface Way {
  readonly decision: RouteDecision
  readonly facts: RouteFacts
  /** Codes that hold it back, whatever the route says. */
  readonly held: readonly string[]
  /** Nothing holds it back but a log that is away: it waits for that, and needs no persons to be released. */
  readonly isWaitingForLog: boolean
  /** Whether it is to be sealed: what is held back or dropped is not, since the gateway does not vouch for it. */
  readonly isToBeSealed: boolean
  readonly copies: readonly RoutedCopy[]
  /** Different copies that have to be made, each once. */
  readonly orders: readonly CopyOrder[]
}

export interface WayInput {
  readonly received: ReceivedInstance
  readonly examination: Examination
  readonly standing: Standing
  readonly isRejectedBefore: boolean
  /** The custody log takes no events now. */
  readonly isLogAway: boolean
  /** Destinations that have, or are about to get, the same content already. */
  readonly reached: ReadonlySet<string>
}

/** Chooses the way of an instance. */
export function planWay(routes: Routes, input: WayInput): Way {
  const { received, examination, standing, isRejectedBefore, reached } = input
  const facts = routeFactsOf(received, examination, input)
  const decision = withMissing(routes, facts, reached)
  const held = [
    ...(examination.state === 'failed' ? ['examination_failed'] : []),
    ...(isRejectedBefore ? ['rejected_before'] : []),
    ...(decision.copies.length > 0 && namesOf(input) === undefined ? ['not_deliverable'] : []),
  ]
  const isHeld = held.length > 0 || decision.outcome === 'quarantine'
  const { copies } = decision
  return {
    decision,
    facts,
    held,
    isWaitingForLog:
      held.length === 0 && decision.reasons.length > 0 && decision.reasons.every((one) => one === 'unlogged'),
    isToBeSealed: decision.isToBeSealed && !isHeld && standing !== 'uid_reused',
    copies,
    orders: ordersOf(copies),
  }
}

/** A duplicate is dropped, but for destinations that have not got the same content yet. */
function withMissing(routes: Routes, facts: RouteFacts, reached: ReadonlySet<string>): RouteDecision {
  const decision = decideRoute(routes, facts)
  if (decision.outcome !== 'drop') return decision
  const anew = decideRoute(routes, { ...facts, standing: 'new' })
  const copies = anew.copies.filter(({ destination }) => !reached.has(destination))
  return copies.length === 0 ? decision : { ...anew, copies }
}

const ordersOf = (copies: readonly RoutedCopy[]): readonly CopyOrder[] =>
  [...new Map(copies.filter(isMade).map((copy) => [orderKeyOf(copy), copy])).values()].map(
    ({ deidentify, transcode }) => ({ deidentify, transcode }),
  )

const isMade = ({ deidentify, transcode }: CopyOrder): boolean => deidentify !== null || transcode !== null
const orderKeyOf = ({ deidentify, transcode }: CopyOrder): string => `${deidentify ?? ''} ${transcode ?? ''}`

/** UIDs by which a copy goes to a destination. */
export interface CopyNames {
  readonly sopClassUid: string
  readonly sopInstanceUid: string
  readonly transferSyntaxUid: string
}

/** What the file says it is; where nobody looked, what it seems to be. */
function namesOf({ received, examination }: Pick<WayInput, 'received' | 'examination'>): CopyNames | undefined {
  const named = examination.state === 'examined' ? examination.description.instance : received
  const { sopClassUid, sopInstanceUid } = named
  const transferSyntaxUid = named.transferSyntaxUid ?? received.transferSyntaxUid
  if (sopClassUid === null || sopInstanceUid === null || transferSyntaxUid === null) return undefined
  return { sopClassUid, sopInstanceUid, transferSyntaxUid }
}

/** The seal that the gateway made. */
export interface MadeSeal {
  readonly spoolKey: string
  readonly sealKey: string
  /** SHA-256 of the sealed file, of the seal file, and of the certificate that signed it. */
  readonly sha256: Uint8Array
  readonly seal: Uint8Array
  readonly certificate: Uint8Array
}

/** A copy that was made. */
export interface MadeCopy extends CopyOrder, CopyNames {
  readonly outcome: 'made'
  readonly spoolKey: string
  readonly description: KnownImage
  /** SHA-256 of its bytes. */
  readonly sha256: Uint8Array
  readonly kind: 'transcoded' | 'derived'
  /** What was done, in a word. */
  readonly method: string
}

export type CopyResult = MadeCopy | (CopyOrder & { readonly outcome: 'failed'; readonly code: string })

/** What came of the work between the two beats. */
export interface Preparation {
  readonly sealed: MadeSeal | null
  /** Code of what kept it from being sealed; null where nothing did. */
  readonly sealFailure: string | null
  readonly copies: readonly CopyResult[]
}

export const NOTHING_MADE: Preparation = { sealed: null, sealFailure: null, copies: [] }

/** A copy for a destination, as it waits to be sent. */
export interface PlannedDelivery extends CopyNames {
  readonly destination: string
  readonly spoolKey: string
  readonly sha256: Uint8Array
}

/** All that is decided of an instance, as one step. */
export interface PassageJudgement {
  readonly state: 'quarantined' | 'forwarding' | 'done'
  readonly route: string | null
  readonly reasons: readonly string[]
  readonly verdict: InstanceVerdict | null
  readonly description: KnownImage | null
  readonly sealed: { readonly spoolKey: string; readonly sealKey: string } | null
  readonly otherKeys: readonly string[]
  readonly deliveries: readonly PlannedDelivery[]
  readonly events: readonly GatewayEvent[]
}

/** Says what becomes of an instance. @param at  moment of the judgement, which its events state */
export function judgePassage(input: WayInput, way: Way, made: Preparation, at: Date): PassageJudgement {
  const { received, examination, standing } = input
  const { decision, facts, held } = way
  const deliveries = deliveriesOf(input, way, made)
  const failures = failuresOf(way, made, deliveries.length > 0)
  const holding = [...held, ...(decision.outcome === 'quarantine' ? decision.reasons : []), ...failures.closed]
  const isQuarantined = holding.length > 0
  const isDropped = decision.outcome === 'drop'
  const state = isQuarantined ? 'quarantined' : isDropped || deliveries.length === 0 ? 'done' : 'forwarding'
  const isGoing = state === 'forwarding'
  const advisory = [
    ...(standing === 'new' ? [] : [standing]),
    ...facts.flags,
    ...decision.failedOpen,
    ...failures.open,
    ...(state === 'done' && !isDropped ? ['no_destination'] : []),
  ]
  const reasons = unique([...holding, ...(isDropped ? decision.reasons : []), ...advisory])
  const examined = examination.state === 'examined' ? examination : undefined
  const image = examined?.description ?? unreadImage(received)
  // What is held back is no part of the archive yet: that it came is logged when it goes on.
  const events: readonly EventNews[] = [
    ...(isGoing ? [receivedNews(received)] : []),
    ...(examined === undefined ? [] : [verifiedNews(examined.verdict)]),
    ...(alarmsOf(advisory).length > 0 ? [flaggedNews(alarmsOf(advisory))] : []),
    ...(isQuarantined ? [{ type: 'quarantined', details: { reasons: listOf(holding) } } as const] : []),
  ]
  return {
    state,
    route: decision.route?.name ?? null,
    reasons,
    verdict: examined?.verdict ?? null,
    description: examined?.description ?? null,
    sealed: made.sealed && { spoolKey: made.sealed.spoolKey, sealKey: made.sealed.sealKey },
    otherKeys: made.copies.flatMap((copy) => (copy.outcome === 'made' ? [copy.spoolKey] : [])),
    deliveries: isDropped ? [] : deliveries,
    events: [
      ...events.map((news) => ({ ...image, at: news.type === 'received' ? received.receivedAt : at, news })),
      ...(isGoing ? madeEvents(image, made, at) : []),
    ],
  }
}

/** An event names at most so many. */
const REASONS_LIMIT = 32
/** In the one order that an event has. */
const listOf = (reasons: readonly string[]): readonly string[] => unique(reasons).toSorted().slice(0, REASONS_LIMIT)
const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)]

/** What could not be made: whether the route goes on without it. @param isLeft  whether anything is left to be sent */
function failuresOf(
  { decision: { route } }: Way,
  { sealFailure, copies: results }: Preparation,
  isLeft: boolean,
): { readonly open: readonly string[]; readonly closed: readonly string[] } {
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  const troubles: readonly Trouble[] = [
    ...(sealFailure === null ? [] : ['seal_failed' as const]),
    ...(failed.some(({ deidentify }) => deidentify === null) ? ['transcode_failed' as const] : []),
    ...(failed.some(({ deidentify }) => deidentify !== null) ? ['deidentify_failed' as const] : []),
  ]
  // Whoever asked for a copy without names must not get one with names: with nothing else to send, it waits for somebody.
  const isOpen = (trouble: Trouble): boolean =>
    route !== null && onTrouble(route, trouble) === 'failOpen' && (trouble !== 'deidentify_failed' || isLeft)
  return { open: troubles.filter(isOpen), closed: troubles.filter((trouble) => !isOpen(trouble)) }
}

function deliveriesOf(input: WayInput, { copies }: Way, made: Preparation): readonly PlannedDelivery[] {
  const { received } = input
  const names = namesOf(input)
  if (names === undefined) return []
  const plain = made.sealed ?? { spoolKey: received.spoolKey, sha256: received.sha256 }
  return copies.flatMap((copy): readonly PlannedDelivery[] => {
    const { destination } = copy
    const asIs = { ...names, destination, spoolKey: plain.spoolKey, sha256: plain.sha256 }
    if (!isMade(copy)) return [asIs]
    const result = made.copies.find((one) => orderKeyOf(one) === orderKeyOf(copy))
    if (result?.outcome !== 'made') return copy.deidentify === null ? [asIs] : []
    const { sopClassUid, sopInstanceUid, transferSyntaxUid, spoolKey, sha256 } = result
    return [{ destination, spoolKey, sha256, sopClassUid, sopInstanceUid, transferSyntaxUid }]
  })
}

/** An image of which nothing is known but its bytes. */
export function unreadImage({ sha256, ...names }: Omit<ReceivedInstance, 'origin'>): KnownImage {
  const { sopClassUid, sopInstanceUid, studyInstanceUid, transferSyntaxUid } = names
  return {
    instance: { sopClassUid, sopInstanceUid, seriesInstanceUid: null, studyInstanceUid, transferSyntaxUid },
    digests: { file: sha256, dataset: null, pixels: null, frames: null },
  }
}

export function receivedNews({ origin }: Pick<ReceivedInstance, 'origin'>): EventNews {
  const { callingAet, address, protocol } = origin
  return { type: 'received', details: { fromAet: callingAet, fromAddress: address, protocol } }
}

const CHECKS_LIMIT = 64

function verifiedNews({ verdict, level, content, policy, failing }: InstanceVerdict): EventNews {
  return { type: 'verified', details: { verdict, level, content, policy, failing: failing.slice(0, CHECKS_LIMIT) } }
}

/** Who raises what the gateway itself sees. */
export const GATEWAY = 'gateway'
const flaggedNews = (reasons: readonly string[]): EventNews => ({
  type: 'flagged',
  details: { by: GATEWAY, reasons: listOf(reasons) },
})

/** Reasons that the image or its verdict says already, and one that is over once it is logged. */
const NO_ALARM: ReadonlySet<string> = new Set(['synthetic_stated', 'undetermined', 'unlogged'])
const alarmsOf = (reasons: readonly string[]): readonly string[] =>
  unique(reasons.filter((reason) => !NO_ALARM.has(reason)))

/** The seal and the copies that were made of an image. */
function madeEvents(image: KnownImage, { sealed, copies }: Preparation, at: Date): readonly GatewayEvent[] {
  const source = sealed === null ? image : { ...image, digests: { ...image.digests, file: sealed.sha256 } }
  const sealing: readonly GatewayEvent[] =
    sealed === null
      ? []
      : [
          {
            ...source,
            at,
            news: { type: 'sealed-at-gateway', details: { seal: sealed.seal, certificate: sealed.certificate } },
          },
        ]
  return [
    ...sealing,
    ...copies.flatMap((copy): readonly GatewayEvent[] => {
      if (copy.outcome === 'failed') return []
      const { sopInstanceUid, transferSyntaxUid } = source.instance
      const from = { sopInstanceUid, transferSyntaxUid, digests: source.digests }
      const details = { source: from, method: copy.method, software: null }
      return [{ ...copy.description, at, news: { type: copy.kind, details } }]
    }),
  ]
}

/** Whether a code holds an instance back whatever its route says. */
export const isAlwaysHeld = (reason: string): boolean => (ALWAYS_HELD as readonly string[]).includes(reason)
