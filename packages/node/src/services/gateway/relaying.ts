/**
 * Relaying: instances that go out to a destination while they come in, all but their end, which waits for the verdict.
 *
 * Nothing is decided here: an instance is spooled, examined and judged as any other one, and its copy is a delivery as any
 * other one. When its turn comes, forwarding asks for what is under way ({@link Relaying.take}) and has it finished instead
 * of sending the file. Whatever goes wrong before costs no more than that: the file is sent.
 */
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import type { Origin } from '@fiducial/core/domain/gateway/origin.ts'
import type { Pause } from './loop.ts'
import type { Observe } from './observation.ts'
import type { Announcement, NewDelivery, RelayedCopy, RelayedNames } from './ports.ts'
import { Relay, type RelayOutcome, SLOW } from './relay.ts'

/** A destination, as far as it can be relayed to now. */
export interface RelayTarget {
  /** Why not now: a code; null where nothing keeps it. */
  readonly hindrance: string | null
  /** As `Sender.relay`. */
  begin(names: RelayedNames, isClear: Promise<boolean>): RelayedCopy | undefined
}

export interface RelayingOptions {
  /** Name of the destination that a sender's instances are relayed to; null for none. */
  readonly choose: (origin: Origin) => string | null
  readonly target: (destination: string) => RelayTarget | undefined
  /** Whether an instance of this UID was here before. */
  readonly isKnown: (sopInstanceUid: string) => Promise<boolean>
  /** Instances that have come and are not judged yet. */
  readonly unjudged: () => number
  readonly now: () => Date
  readonly pause: Pause
  readonly observe: Observe
  /** How long all pauses together may hold up the sender of one instance. Default: 2,000. */
  readonly patienceMs?: number
  /** How long an end may be held back: peers give up an association that is silent. Default: 15,000. */
  readonly holdMs?: number
  /** How long a destination is left alone that was away, slow, or did not agree. Default: 30,000. */
  readonly restMs?: number
}

const PATIENCE_MS = 2_000
const HOLD_MS = 15_000
const REST_MS = 30_000
const RESTS_LIMIT = 256
/**
 * Instances that may wait for their verdict before one that is relayed. In a burst, ends would be held back for so long that
 * nothing is gained, and judging at once what nobody can have at once takes processors from those who send.
 */
const UNJUDGED_LIMIT = 4
/** It came by another protocol, or goes out by one. */
const NOT_DIMSE = 'not_dimse'
/**
 * An instance of its UID was here before. One that is then held back must not come near the destination: some receivers
 * (DCMTK's storescp with +B) write over the file of the same UID while it comes, and remove it when it does not end.
 *
 * Known flaw: of two that come at the same moment, one may be relayed while the other one goes the usual way.
 */
const KNOWN = 'uid_known'
/** Codes that say something of the instances that come next, too: of all, or of those of the same kind. */
const OF_DESTINATION: ReadonlySet<string> = new Set([
  SLOW,
  'service_unreachable',
  'association_rejected',
  'peer_timeout',
  'held_too_long',
])
const OF_KIND: ReadonlySet<string> = new Set(['sop_class_not_taken', 'transfer_syntax_not_taken', 'context_refused'])

/** What an instance has to have in common with a delivery that is on its way already. */
type RelayedInstance = Pick<ReceivedInstance, 'spoolKey' | 'sopClassUid' | 'sopInstanceUid' | 'transferSyntaxUid'>

/** How relaying to a destination goes. */
export interface RelayStanding {
  /** Instances that go out while they come, or wait for their ends. */
  readonly underWay: number
  /** Why the last one went the usual way; null where it did not. */
  readonly lastProblem: string | null
}

export class Relaying {
  readonly #options: RelayingOptions
  /** By the spool key of the bytes that came. */
  readonly #relays = new Map<string, Relay>()
  /** By destination, why the last instance was not relayed. */
  readonly #problems = new Map<string, string>()
  /** UIDs of what is under way. */
  readonly #uids = new Set<string>()
  readonly #restUntil = new Map<string, Date>()

  constructor(options: RelayingOptions) {
    this.#options = options
  }

  standing(destination: string): RelayStanding {
    const underWay = [...this.#relays.values()].filter((relay) => relay.destination === destination).length
    return { underWay, lastProblem: this.#problems.get(destination) ?? null }
  }

  /** Whether a destination waits for the end of an instance. */
  get isHolding(): boolean {
    return [...this.#relays.values()].some(({ isWhole }) => isWhole)
  }

  /** Begins to relay an instance whose bytes are about to come; undefined where it goes the usual way. */
  begin(announcement: Announcement, spoolKey: string): Relay | undefined {
    const { choose, now, pause, patienceMs = PATIENCE_MS, holdMs = HOLD_MS } = this.#options
    const { dataSetStart, sopClassUid, transferSyntaxUid } = announcement
    const uid = announcement.sopInstanceUid ?? ''
    const destination = choose(announcement.origin)
    if (destination === null) return undefined
    const rest = `${destination} ${sopClassUid} ${transferSyntaxUid}`
    const clear = Promise.withResolvers<boolean>()
    const copy = this.#open(announcement, { destination, rest, isClear: clear.promise })
    if (typeof copy === 'string' || dataSetStart === undefined) {
      this.#tell(destination, 'not_relayed', typeof copy === 'string' ? copy : NOT_DIMSE)
      return undefined
    }
    this.#uids.add(uid)
    const onEnd = (outcome: RelayOutcome, code: string | null): void => {
      this.#relays.delete(spoolKey)
      this.#uids.delete(uid)
      if (outcome === 'not_relayed' && code !== null) this.#leaveAlone(destination, rest, code)
      this.#tell(destination, outcome, code)
    }
    const relay = new Relay({ destination, copy, dataSetStart, now, pause, patienceMs, holdMs, onEnd })
    this.#relays.set(spoolKey, relay)
    void this.#isNew(uid).then((isNew) => {
      if (!isNew) relay.leave(KNOWN)
      clear.resolve(isNew)
    })
    return relay
  }

  #tell(destination: string, outcome: RelayOutcome, code: string | null): void {
    if (outcome === 'not_relayed') this.#problems.set(destination, code ?? 'defect')
    else this.#problems.delete(destination)
    this.#options.observe({ kind: 'relay', destination, outcome, code })
  }

  async #isNew(sopInstanceUid: string): Promise<boolean> {
    try {
      return !(await this.#options.isKnown(sopInstanceUid))
    } catch {
      // Whatever it is that failed, the spool does without an answer.
      return false
    }
  }

  /** An instance is judged: what does not go to its destination, or not as it came, ends here. */
  judged(instance: RelayedInstance, going: readonly NewDelivery[]): void {
    const relay = this.#relays.get(instance.spoolKey)
    if (relay === undefined) return
    const delivery = going.find(({ destination }) => destination === relay.destination)
    if (delivery === undefined) relay.end('held_back', null)
    else if (!isAsItCame(delivery, instance)) relay.leave('other_bytes')
  }

  /** What is under way of these bytes; whoever takes it has to finish it. */
  take(spoolKey: string, destination: string): RelayedCopy | undefined {
    const relay = this.#relays.get(spoolKey)
    return relay?.destination === destination ? relay.take() : undefined
  }

  /** Ends what nobody has taken: all of it, or what goes to one destination. */
  stop(destination?: string): void {
    for (const relay of [...this.#relays.values()]) {
      if (destination === undefined || relay.destination === destination) relay.leave('stopped')
    }
  }

  /** @returns a code where it cannot be opened */
  #open(
    { dataSetStart, sopClassUid, sopInstanceUid, transferSyntaxUid }: Announcement,
    {
      destination,
      rest,
      isClear,
    }: { readonly destination: string; readonly rest: string; readonly isClear: Promise<boolean> },
  ): RelayedCopy | string {
    const isNamed = sopClassUid !== null && sopInstanceUid !== null && transferSyntaxUid !== null
    const target = this.#options.target(destination)
    if (!isNamed || dataSetStart === undefined || target === undefined) return NOT_DIMSE
    const now = this.#options.now()
    for (const key of [destination, rest]) {
      const until = this.#restUntil.get(key)
      if (until !== undefined && now < until) return 'resting'
      this.#restUntil.delete(key)
    }
    if (this.#uids.has(sopInstanceUid)) return KNOWN
    if (this.#options.unjudged() > UNJUDGED_LIMIT) return 'backlog'
    const names = { sopClassUid, sopInstanceUid, transferSyntaxUid }
    return target.hindrance ?? target.begin(names, isClear) ?? 'all_in_use'
  }

  #leaveAlone(destination: string, rest: string, code: string): void {
    const { now, restMs = REST_MS } = this.#options
    const key = OF_KIND.has(code) ? rest : OF_DESTINATION.has(code) ? destination : undefined
    if (key === undefined) return
    // Senders may name SOP Classes without end.
    if (this.#restUntil.size >= RESTS_LIMIT) this.#restUntil.clear()
    this.#restUntil.set(key, new Date(now().getTime() + restMs))
  }
}

/** The same bytes, under the names that the sender has given: a file may say that it is another one. */
const isAsItCame = (delivery: NewDelivery, instance: RelayedInstance): boolean =>
  delivery.spoolKey === instance.spoolKey &&
  delivery.sopClassUid === instance.sopClassUid &&
  delivery.sopInstanceUid === instance.sopInstanceUid &&
  delivery.transferSyntaxUid === instance.transferSyntaxUid
