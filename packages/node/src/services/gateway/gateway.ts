/**
 * Gateway: an instance's whole way, put together: intake, judging, forwarding, the log, quarantine, and what is cleaned up.
 *
 * Each part is a loop over the store and knows nothing of the others: what one takes down, the next one finds, in this
 * process or in another one. A call only saves waiting. Whatever dies at any moment, the store says where to go on.
 */

import { relayDestination } from '@fiducial/core/domain/gateway/relay.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { RandomBytes } from '../ports.ts'
import { ALARM_LIMITS, type AlarmLimits, alarmsOf, describeDestination, mayTakeImages, PastTrouble } from './alarms.ts'
import type { GatewayControl, GatewayStatus } from './control.ts'
import type { SealShelf } from './device-seals.ts'
import type { Examiner } from './examiner.ts'
import { Forwarding, type ForwardingTarget } from './forwarding.ts'
import { HeldRoom } from './held-room.ts'
import { type IntakeLimits, SpoolingIntake } from './intake.ts'
import { type FindOrder, Judging } from './judging.ts'
import { failOpenRoutes, type LiveRoutes } from './live-routes.ts'
import { Loop, type Pause } from './loop.ts'
import type { Observation, Observe } from './observation.ts'
import { type EventLog, Outbox } from './outbox.ts'
import type { InstanceFilter, InstanceStore, Intake, Pauses, Spool, StoredInstance } from './ports.ts'
import { Quarantine } from './quarantine.ts'
import { RecentInstances } from './recent-instances.ts'
import { Relaying } from './relaying.ts'
import { SendersFirst } from './senders-first.ts'
import { Expiry, type Recovery, recover } from './upkeep.ts'

/** The log of the site, as a gateway records in it and shows it. */
export interface GatewayLog {
  readonly events: EventLog
  /** As of now. @throws {StoreError} where it cannot be asked */
  describe(): Promise<{ readonly origin: string; readonly size: bigint; readonly isWitnessed: boolean }>
}

export interface GatewayOptions {
  readonly store: InstanceStore
  /** Files on their way. */
  readonly spool: Spool
  /** Seal files that the gateway makes: they stay. */
  readonly seals: Spool
  /** Seals that devices handed over. */
  readonly deviceSeals?: Pick<SealShelf, 'find'>
  readonly examiner: Examiner
  /** Null where the site keeps no log: events wait in the store then. */
  readonly log: GatewayLog | null
  readonly routes: Pick<LiveRoutes, 'current' | 'problem' | 'listen'>
  /** Senders for the destinations in force; asked again when routes change. Those that are the same object go on. */
  readonly targets: () => readonly ForwardingTarget[]
  readonly findOrder?: FindOrder
  readonly now: () => Date
  readonly random: RandomBytes
  /** 0 up to, not including, 1. */
  readonly chance: () => number
  readonly pause: Pause
  readonly deadline: (ms: number) => AbortSignal
  readonly observe: Observe
  /** Of this process; no other one that uses the store has it. */
  readonly owner: string
  /** No other process uses store and spool: what is claimed was claimed by the dead. */
  readonly isAlone: boolean
  readonly limits?: IntakeLimits
  /** How often each part looks by itself whether there is work. Default: 500. */
  readonly idleMs?: number
  /** How long files stay once all destinations have them. Default: a day. */
  readonly retentionMs?: number
  /** How long records stay after their instance is done. Default: 90 days. */
  readonly recordsMs?: number
  /** Names of the destinations that somebody has held back, kept from one process to the next. Default: none is. */
  readonly pauses?: Pauses
  /** Destinations that are asked to commit to what they were sent. */
  readonly committing?: () => ReadonlySet<string>
  readonly leaseMs?: number
  /** Attempts after which an instance that kills its thread is held back. Default: 3. */
  readonly attemptsLimit?: number
  /** How long to wait for an examiner that is away, before routes are asked what to do without one. Default: 30,000. */
  readonly patienceMs?: number
  /** How long images wait to be examined while others come in; a burst is acknowledged faster for it. Default: 0. */
  readonly sendersFirstMs?: number
  readonly alarmLimits?: Partial<AlarmLimits>
}

const IDLE_MS = 500
const EXPIRY_MS = 60_000
/** No instance comes after it. */
const LAST_ULID = '7'.padEnd(26, 'Z')
/** Events that come within a moment cost the log one flush; copies, the store one step. */
const GATHER_EVENTS_MS = 40
const GATHER_COPIES_MS = 10

interface Lane {
  readonly forwarding: Forwarding
  readonly loop: Loop
}

export class Gateway implements GatewayControl {
  readonly intake: Intake
  /** What an earlier process left, and what became of it. */
  readonly recovery: Recovery
  readonly #options: GatewayOptions
  readonly #startedAt: Date
  readonly #alarmLimits: AlarmLimits
  readonly #intake: SpoolingIntake
  readonly #judging: Judging
  readonly #outbox: Outbox | undefined
  readonly #quarantine: Quarantine
  readonly #expiry: Expiry
  readonly #lanes = new Map<string, Lane>()
  /** Lanes whose targets are no longer in force, until their work has ended. */
  readonly #leaving = new Set<Promise<void>>()
  readonly #paused: Set<string>
  readonly #listeners = new Set<(id: string) => void>()
  readonly #recent = new RecentInstances()
  readonly #relaying: Relaying
  readonly #heldRoom: HeldRoom
  /** Of those that came to this process. */
  #unjudged = 0
  readonly #past = new PastTrouble()
  readonly #loops: Loop[] = []
  #expiryLoop: Loop | undefined
  readonly #stopListening: () => void
  #judgingLoop: Loop | undefined
  #outboxLoop: Loop | undefined

  private constructor(options: GatewayOptions, recovery: Recovery) {
    this.#options = options
    this.recovery = recovery
    const { store, spool, seals, examiner, log, routes, findOrder, now, random, chance, owner } = options
    const { deviceSeals } = options
    const recent = this.#recent
    const { limits, leaseMs, attemptsLimit, patienceMs, retentionMs, recordsMs, committing } = options
    this.#paused = new Set(options.pauses?.names)
    const observe: Observe = (observation) => this.#observe(observation)
    this.#startedAt = now()
    this.#heldRoom = new HeldRoom(spool, options.isAlone)
    this.#alarmLimits = { ...ALARM_LIMITS, ...options.alarmLimits }
    const onReceived = (): void => this.#callJudging()
    this.#relaying = new Relaying({
      choose: (origin) => relayDestination(routes.current.routes, origin),
      // Whoever judges an instance and sends its copies has to be the process that has it under way.
      target: (name) => (options.isAlone ? this.#lanes.get(name)?.forwarding.relayTarget : undefined),
      unjudged: () => this.#unjudged,
      isKnown: async (uid) => (await store.findEarlier(uid, LAST_ULID)).length > 0,
      now,
      pause: options.pause,
      observe,
    })
    const relaying = this.#relaying
    this.#intake = new SpoolingIntake({
      ...{ store, spool, random, now, observe, onReceived, relaying },
      ...(limits && { limits }),
    })
    this.intake = this.#intake
    this.#judging = new Judging({
      store,
      spool,
      seals,
      examiner,
      intake: this.#intake,
      sendersFirst: new SendersFirst({
        isReceiving: () => this.#intake.underWay.instances > 0,
        isAwaited: () => relaying.isHolding,
        pause: options.pause,
        longestMs: options.sendersFirstMs ?? 0,
      }),
      isToBeChecked: ({ receivedAt }) => !options.isAlone || receivedAt <= this.#startedAt,
      routes: () => routes.current.routes,
      isLogAway: () => this.#isLogAway,
      now,
      chance,
      observe,
      owner,
      isAlone: options.isAlone,
      recent,
      relaying,
      onJudged: () => this.#callSenders(),
      ...(findOrder && { findOrder }),
      ...(deviceSeals && { deviceSeals }),
      ...(leaseMs !== undefined && { leaseMs }),
      ...(attemptsLimit !== undefined && { attemptsLimit }),
      ...(patienceMs !== undefined && { patienceMs }),
    })
    this.#outbox = log === null ? undefined : new Outbox({ store, log: log.events, now, observe })
    const onChange = (): void => {
      this.#callJudging()
      this.#callSenders()
    }
    this.#quarantine = new Quarantine({ store, spool, now, observe, onChange })
    this.#expiry = new Expiry({
      store,
      spool,
      now,
      observe,
      ...(retentionMs !== undefined && { retentionMs }),
      ...(recordsMs !== undefined && { recordsMs }),
      ...(committing && { committing }),
      isShort: async () => {
        const free = await spool.freeBytes()
        return free !== undefined && free < this.#alarmLimits.lowSpoolBytes
      },
    })
    this.#stopListening = routes.listen(({ outcome }) => {
      if (outcome === 'changed') this.reload()
    })
  }

  /**
   * Puts in order what an earlier process left, and begins.
   * @throws {StoreError} where store or spool do not answer
   */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options, await recover(options, options.isAlone))
    await gateway.#heldRoom.restore(options.store)
    gateway.#start()
    return gateway
  }

  /** Takes over senders that have changed. */
  reload(): void {
    const targets = new Map(this.#options.targets().map((target) => [target.name, target]))
    for (const [name, { forwarding, loop }] of this.#lanes) {
      if (targets.get(name) === forwarding.target) continue
      this.#lanes.delete(name)
      this.#relaying.stop(name)
      this.#leave(loop, forwarding)
    }
    for (const target of targets.values()) if (!this.#lanes.has(target.name)) this.#addLane(target)
    // What waited for a route may have one now.
    this.#callJudging()
  }

  /** Takes nothing more in, ends what is under way, and lets go. What is not done is done by the next process. */
  async close(): Promise<void> {
    this.#stopListening()
    this.#intake.close()
    await this.#intake.drained()
    await this.#judgingLoop?.stop()
    const lanes = [...this.#lanes.values()]
    await Promise.all(lanes.map(({ loop }) => loop.stop()))
    this.#relaying.stop()
    await Promise.all(this.#leaving)
    await Promise.all(this.#loops.map((loop) => loop.stop()))
    await this.#recordLast()
    await Promise.all(lanes.map(({ forwarding }) => forwarding.target.sender.close()))
    await this.#options.examiner.close()
  }

  /** Says that a destination has committed to keep copies. */
  async committed(deliveryIds: readonly string[]): Promise<void> {
    await this.#options.store.committed(deliveryIds, this.#options.now())
  }

  /**
   * Sends copies again that a destination took and says that it does not have.
   * @returns how many: what has moved on since is passed over, and all of a destination that is gone from the routes
   * @throws {StoreError} where the store does not answer
   */
  async resend(destination: string, deliveryIds: readonly string[]): Promise<number> {
    return (await this.#lanes.get(destination)?.forwarding.resend(deliveryIds)) ?? 0
  }

  async status(): Promise<GatewayStatus> {
    const { store, spool, log, routes, examiner } = this.#options
    const [counts, free, facts] = await Promise.all([
      store.counts(),
      spool.freeBytes(),
      log?.describe().catch(nullIfAway) ?? null,
    ])
    const { routes: inForce, sha256, loadedAt } = routes.current
    const relayed = new Set(inForce.routes.map(({ relay }) => relay))
    const destinations = [...this.#lanes.values()].map(({ forwarding }) =>
      describeDestination(forwarding, counts, relayed.has(forwarding.target.name) ? this.#relaying : null),
    )
    const alarms = alarmsOf({
      counts,
      destinations,
      past: this.#past,
      freeBytes: free,
      isExaminerAway: this.#judging.isExaminerAway,
      hasLog: log !== null,
      isLogAway: this.#isLogAway,
      areRoutesBroken: routes.problem !== null,
      limits: this.#alarmLimits,
    })
    return {
      startedAt: this.#startedAt,
      isReady: mayTakeImages(alarms),
      alarms,
      notLookedAt: examiner.absentAdvisors,
      counts,
      spoolFreeBytes: free ?? null,
      log: facts && { ...facts, isAvailable: !this.#isLogAway },
      routes: { sha256, loadedAt, problem: routes.problem, failOpen: failOpenRoutes(inForce) },
      destinations,
    }
  }

  list(filter: InstanceFilter): Promise<readonly StoredInstance[]> {
    return this.#options.store.list(filter)
  }

  get(id: string): Promise<StoredInstance | undefined> {
    return this.#options.store.get(id)
  }

  async release(id: string, by: Party, reason: string): Promise<'asked' | 'released'> {
    const outcome = await this.#quarantine.release(id, by, reason)
    if (outcome === 'asked') this.#tell(id)
    return outcome
  }

  reject(id: string, by: Party, reason: string): Promise<void> {
    return this.#quarantine.reject(id, by, reason)
  }

  async reexamine(id: string): Promise<void> {
    const instance = await this.#options.store.get(id)
    const isHeldBack = instance?.state === 'quarantined'
    if (isHeldBack) this.#heldRoom.hold(id, instance.lengthBytes)
    try {
      await this.#quarantine.reexamine(id)
    } catch (error) {
      if (isHeldBack) this.#heldRoom.release(id)
      throw error
    }
  }

  async retry(id: string): Promise<number> {
    const { store, now } = this.#options
    if ((await store.get(id)) === undefined) throw new StoreError('instance_missing', 'there is no such instance')
    const count = await store.revive({ instanceId: id }, now())
    this.#callSenders()
    this.#tell(id)
    return count
  }

  async revive(destination: string): Promise<number> {
    const count = await this.#options.store.revive({ destination }, this.#options.now())
    this.#lanes.get(destination)?.forwarding.hurry()
    this.#callSenders()
    return count
  }

  async pause(destination: string): Promise<void> {
    const { forwarding } = this.#lane(destination)
    this.#options.pauses?.keep(new Set([...this.#paused, destination]))
    this.#paused.add(destination)
    forwarding.isPaused = true
  }

  async resume(destination: string): Promise<void> {
    const { forwarding, loop } = this.#lane(destination)
    const others = [...this.#paused].filter((name) => name !== destination)
    this.#options.pauses?.keep(new Set(others))
    this.#paused.delete(destination)
    forwarding.isPaused = false
    forwarding.hurry()
    loop.call()
  }

  subscribe(listener: (id: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #start(): void {
    this.#judgingLoop = this.#loop('judging', (signal) => this.#judging.work(signal))
    const outbox = this.#outbox
    if (outbox !== undefined) {
      this.#outboxLoop = this.#loop('log', (signal) => outbox.work(signal), { gatherMs: () => GATHER_EVENTS_MS })
      this.#loops.push(this.#outboxLoop)
    }
    this.#expiryLoop = this.#loop('expiry', () => this.#expiry.work(), { idleMs: EXPIRY_MS })
    this.#loops.push(this.#expiryLoop)
    this.reload()
  }

  #loop(
    name: string,
    work: (signal: AbortSignal) => Promise<boolean>,
    { idleMs, gatherMs }: { readonly idleMs?: number; readonly gatherMs?: () => number } = {},
  ): Loop {
    const { pause, idleMs: usual = IDLE_MS } = this.#options
    return new Loop({
      name,
      work,
      pause,
      idleMs: idleMs ?? usual,
      ...(gatherMs !== undefined && { gatherMs }),
      onTrouble: (where, code) => this.#observe({ kind: 'trouble', where, code }),
    })
  }

  #addLane(target: ForwardingTarget): void {
    const { store, spool, now, chance, owner, deadline, pause, leaseMs } = this.#options
    const forwarding = new Forwarding(target, {
      store,
      spool,
      now,
      chance,
      owner,
      deadline,
      pause,
      recent: this.#recent,
      relaying: this.#relaying,
      observe: (observation) => this.#observe(observation),
      onSent: () => this.#outboxLoop?.call(),
      ...(leaseMs !== undefined && { leaseMs }),
    })
    forwarding.isPaused = this.#paused.has(target.name)
    const loop = this.#loop(`destination ${target.name}`, (signal) => forwarding.work(signal), {
      // A destination that waits for the end of one has it at once.
      gatherMs: () => (this.#relaying.isHolding ? 0 : GATHER_COPIES_MS),
    })
    this.#lanes.set(target.name, { forwarding, loop })
  }

  #leave(loop: Loop, forwarding: Forwarding): void {
    const left = loop
      .stop()
      .then(() => forwarding.target.sender.close())
      .catch(() => undefined)
    this.#leaving.add(left)
    left.finally(() => this.#leaving.delete(left))
  }

  #lane(destination: string): Lane {
    const lane = this.#lanes.get(destination)
    if (lane === undefined) throw new StoreError('input_missing', 'there is no such destination')
    return lane
  }

  #callJudging(): void {
    this.#judging.call()
    this.#judgingLoop?.call()
  }

  #callSenders(): void {
    for (const { loop } of this.#lanes.values()) loop.call()
    this.#outboxLoop?.call()
  }

  /** Events of what was done last. A log that is away gets them when the gateway begins again. */
  async #recordLast(): Promise<void> {
    try {
      await this.#outbox?.work(NEVER)
    } catch {
      // It is told of already.
    }
  }

  get #isLogAway(): boolean {
    return (this.#outbox?.awayBecause ?? null) !== null
  }

  #observe(observation: Observation): void {
    this.#past.see(observation)
    this.#heldRoom.see(observation)
    if (observation.kind === 'received') this.#unjudged++
    if (observation.kind === 'judged' || observation.kind === 'lost') this.#unjudged = Math.max(0, this.#unjudged - 1)
    // Room is wanted.
    if (observation.kind === 'refused' && observation.code === 'spool_full') this.#expiryLoop?.call()
    if (observation.kind === 'examiner_away') this.#expiryLoop?.call()
    this.#options.observe(observation)
    if ('id' in observation && observation.kind !== 'examiner_died') this.#tell(observation.id)
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id)
  }
}

const NEVER = new AbortController().signal

function nullIfAway(error: unknown): null {
  if (error instanceof StoreError) return null
  throw error
}
