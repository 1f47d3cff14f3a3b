/**
 * Forwarding: sends copies to one destination, in the order of each study, again and again until it has them.
 *
 * A failure is either that of a copy (the destination answers, and refuses it) or that of the destination (it is away, hangs,
 * or takes nothing from anybody). The first counts against the copy, which is given up in the end; the second holds up the
 * whole destination for a while and counts against nobody, however long it takes: a PACS that is down loses nothing.
 */
import {
  type Backoff,
  DELIVERY_BACKOFF,
  nextWaitMs,
  OUTAGE_BACKOFF,
  waitsUntilGivenUp,
} from '@fiducial/core/domain/gateway/backoff.ts'
import { formatGatewayEvent } from '@fiducial/core/domain/gateway/gateway-events.ts'
import { unreadImage } from '@fiducial/core/domain/gateway/judgement.ts'
import type { KnownImage } from '@fiducial/core/domain/gateway/passage.ts'
import type { ForwardedDetails } from '@fiducial/core/domain/log/event-details.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Pause } from './loop.ts'
import type { Observe } from './observation.ts'
import type { InstanceStore, NewDelivery, Outgoing, Sender, SendResult, Spool, StoredDelivery } from './ports.ts'
import type { KnownInstance, RecentInstances } from './recent-instances.ts'
import type { Relaying, RelayTarget } from './relaying.ts'
import { type Life, watched, whileAlive } from './signs-of-life.ts'

/** Where copies go, and how. */
export interface ForwardingTarget {
  readonly name: string
  readonly sender: Sender
  /** What events say of it. */
  readonly details: ForwardedDetails
  /** Sends at once: associations or requests. Copies of one study go by one of them. Default: 4. */
  readonly lanes?: number
  /** Copies of one send. Default: 32. */
  readonly batch?: number
  readonly backoff?: Backoff
  readonly outageBackoff?: Backoff
  /**
   * A send that neither gives a result nor reads a byte for so long is broken off: senders have shorter limits of their own.
   * Default: 300,000.
   */
  readonly silenceMs?: number
  /** Whether anything may be sent now; undefined: always. */
  readonly mayNow?: (now: Date) => boolean
}

export interface ForwardingOptions {
  readonly store: InstanceStore
  readonly spool: Spool
  readonly now: () => Date
  /** 0 up to, not including, 1. */
  readonly chance: () => number
  readonly observe: Observe
  readonly owner: string
  /** How long others leave claimed copies alone. Default: 300,000. */
  readonly leaseMs?: number
  readonly deadline: (ms: number) => AbortSignal
  readonly pause: Pause
  readonly recent: Pick<RecentInstances, 'get'>
  /** What is under way to destinations already. */
  readonly relaying?: Pick<Relaying, 'take'>
  /** Called where there is something to log. */
  readonly onSent: () => void
}

const LANES = 4
const BATCH = 32
const LEASE_MS = 300_000
const SILENCE_MS = 300_000
const PING_MS = 15_000
/** For a copy that is under way when the gateway ends. */
const GRACE_MS = 10_000

/** Codes that say nothing of the copy: the destination is away, or somebody stands between. */
const OF_THE_PEER: ReadonlySet<string> = new Set([
  'service_unreachable',
  'association_rejected',
  'association_aborted',
  'peer_timeout',
])
/** It was not sent, since an earlier one of its order was not taken. */
const HELD_BACK = 'instance_moved'

/** The destination took it, and does not have it. */
const LOST = 'copy_lost'
/** Losses of one copy after which it is given up, whatever the limit. */
const LOSSES = 1_000

/** How one copy fared, and what it was. */
interface Fared {
  readonly delivery: StoredDelivery
  readonly result: SendResult
  /** Number of the lane that it went by. */
  readonly lane: number
}

export class Forwarding {
  readonly #options: ForwardingOptions
  readonly #target: ForwardingTarget
  readonly #inHand = new Set<string>()
  #outages = 0
  #retryAt: Date | undefined
  #lastError: string | undefined
  #lastSentAt: Date | undefined
  /** More waits than is sent at once. */
  #isBehind = false
  isPaused = false

  constructor(target: ForwardingTarget, options: ForwardingOptions) {
    this.#target = target
    this.#options = options
  }

  get target(): ForwardingTarget {
    return this.#target
  }

  /** How the destination does; null where it is not known. */
  get standing(): {
    readonly isAway: boolean
    readonly lastError: string | null
    readonly nextAttemptAt: Date | null
    readonly lastSentAt: Date | null
  } {
    return {
      isAway: this.#outages > 0,
      lastError: this.#lastError ?? null,
      nextAttemptAt: this.#retryAt ?? null,
      lastSentAt: this.#lastSentAt ?? null,
    }
  }

  /** By what instances are relayed to it; undefined where it takes whole files only. */
  get relayTarget(): RelayTarget | undefined {
    const { sender } = this.#target
    if (sender.relay === undefined) return undefined
    return { hindrance: this.#hindrance, begin: (names, isClear) => sender.relay?.(names, isClear) }
  }

  get #hindrance(): string | null {
    if (this.isPaused) return 'paused'
    if (this.#outages > 0) return 'destination_away'
    if (this.#isBehind) return 'backlog'
    return this.#target.mayNow?.(this.#options.now()) === false ? 'not_now' : null
  }

  /** Does not wait any longer: somebody says that the destination is back. */
  hurry(): void {
    this.#retryAt = undefined
  }

  /**
   * Sends what is due.
   * @returns whether there was anything
   * @throws {StoreError} where the store does not answer
   */
  async work(signal: AbortSignal): Promise<boolean> {
    const { store, now, owner, leaseMs = LEASE_MS } = this.#options
    const { name, lanes = LANES, batch = BATCH, mayNow } = this.#target
    const isWaiting = this.#retryAt !== undefined && now() < this.#retryAt
    if (this.isPaused || isWaiting || signal.aborted || mayNow?.(now()) === false) return false
    // While a destination is away, one copy tells whether it is back.
    const limit = this.#outages > 0 ? 1 : lanes * batch
    const claimed = await store.claimDeliveries(name, { owner, now: now(), leaseMs, limit })
    this.#isBehind = claimed.length >= limit
    const deliveries = claimed.filter(({ id }) => !this.#inHand.has(id))
    if (deliveries.length === 0) return false
    for (const { id } of deliveries) this.#inHand.add(id)
    try {
      await this.#send(deliveries, signal)
    } finally {
      for (const { id } of deliveries) this.#inHand.delete(id)
    }
    return true
  }

  /**
   * Sends copies again that the destination took and says that it does not have. Each loss counts against its copy.
   * @returns how many: what has moved on since is passed over
   * @throws {StoreError} where the store does not answer
   */
  async resend(deliveryIds: readonly string[]): Promise<number> {
    const { store, now, chance, observe } = this.#options
    const { name: destination, backoff = DELIVERY_BACKOFF } = this.#target
    const waitsMs = waitsUntilGivenUp(backoff, chance(), LOSSES)
    const lost = await store.resend(deliveryIds, { at: now(), code: LOST, waitsMs })
    if (lost.length > 0) this.#lastError = LOST
    for (const { instanceId: id, isDead } of lost) {
      if (isDead) observe({ kind: 'delivery_failed', id, destination, code: LOST, isDead })
      else observe({ kind: 'resent', id, destination })
    }
    return lost.length
  }

  async #send(deliveries: readonly StoredDelivery[], signal: AbortSignal): Promise<void> {
    const failed: Fared[] = []
    let stored = 0
    const rows = await Promise.allSettled(
      lanesOf(deliveries, this.#target.lanes ?? LANES).map(async (lane, number) => {
        const unheard = await this.#sendLane(lane, signal, async (delivery, result) => {
          if (result.outcome === 'failed') return void failed.push({ delivery, result, lane: number })
          await this.#keepSent(delivery)
          stored++
        })
        return unheard.map((fared) => ({ ...fared, lane: number }))
      }),
    )
    const unheard = rows.flatMap((row) => (row.status === 'fulfilled' ? row.value : []))
    const failures = [...failed, ...unheard]
    if (stored > 0) this.#isBack()
    await this.#keepFailed(failures, { hasStored: stored > 0, signal })
    const broken = rows.find((row) => row.status === 'rejected')
    if (broken !== undefined) throw broken.reason
  }

  /** Sends one lane. @returns those of which nothing was heard */
  async #sendLane(
    lane: readonly StoredDelivery[],
    signal: AbortSignal,
    onFared: (delivery: StoredDelivery, result: SendResult) => Promise<void>,
  ): Promise<readonly Omit<Fared, 'lane'>[]> {
    const { pause } = this.#options
    const { silenceMs = SILENCE_MS } = this.#target
    const life = { signs: 0 }
    const open = new Map(lane.map((delivery) => [delivery.id, delivery]))
    /** Keys of which a copy was not taken: what comes after it waits for it. */
    const stopped = new Set<string>()
    const ending = new AbortController()
    const onStop = (): void => void pause(GRACE_MS, ending.signal).then(() => ending.abort())
    signal.addEventListener('abort', onStop, { once: true })
    const results = this.#target.sender
      .send(
        lane.map((delivery) => this.#outgoing(delivery, { stopped, life, signal })),
        ending.signal,
      )
      [Symbol.asyncIterator]()
    let code = 'service_unreachable'
    try {
      while (open.size > 0) {
        const next = await whileAlive(results.next(), life, (over) =>
          pause(silenceMs, AbortSignal.any([over, ending.signal])),
        )
        if (next === undefined) {
          code = 'peer_timeout'
          break
        }
        if (next.done === true) break
        const delivery = open.get(next.value.deliveryId)
        if (delivery === undefined) continue
        open.delete(delivery.id)
        if (next.value.outcome === 'failed' && !next.value.isFinal) stopped.add(delivery.orderKey)
        await onFared(delivery, next.value)
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      code = error.code
    } finally {
      signal.removeEventListener('abort', onStop)
      ending.abort()
      // A generator that hangs is not waited for.
      results.return?.(undefined)?.then(undefined, () => undefined)
    }
    const lost = signal.aborted ? HELD_BACK : code
    return [...open.values()].map((delivery, i) => {
      // Whose turn it was when all fell silent, is what it fell silent over; the others were not sent.
      const what = i === 0 ? lost : HELD_BACK
      return { delivery, result: { deliveryId: delivery.id, outcome: 'failed', code: what, isFinal: false } }
    })
  }

  #outgoing(
    delivery: StoredDelivery,
    {
      stopped,
      life,
      signal,
    }: { readonly stopped: ReadonlySet<string>; readonly life: Life; readonly signal: AbortSignal },
  ): Outgoing {
    const { id: deliveryId, orderKey, sopClassUid, sopInstanceUid, transferSyntaxUid, spoolKey } = delivery
    const { spool, relaying } = this.#options
    const checkTurn = (): void => {
      // What is under way when the gateway ends may end, too; nothing further begins.
      if (stopped.has(orderKey) || signal.aborted) throw new StoreError(HELD_BACK, 'an earlier copy of its order waits')
    }
    return {
      deliveryId,
      orderKey,
      sopClassUid,
      sopInstanceUid,
      transferSyntaxUid,
      open: async () => {
        checkTurn()
        return watched(await spool.open(spoolKey), life)
      },
      relayed: () => {
        checkTurn()
        return relaying?.take(spoolKey, delivery.destination)
      },
    }
  }

  async #keepSent(delivery: StoredDelivery): Promise<void> {
    const { store, now, owner, recent, observe, onSent } = this.#options
    const { name, details } = this.#target
    const at = now()
    const instance = recent.get(delivery.instanceId) ?? (await store.get(delivery.instanceId))
    const image = instance === undefined ? undefined : imageOf(instance, delivery)
    const events =
      image === undefined ? [] : [{ news: formatGatewayEvent({ ...image, at, news: { type: 'forwarded', details } }) }]
    try {
      await store.sent(delivery.id, owner, at, events)
    } catch (error) {
      // Our lease had run out, and another process sends it, too.
      if (error instanceof StoreError && error.code === HELD_BACK) return
      throw error
    }
    this.#lastSentAt = at
    observe({
      kind: 'sent',
      id: delivery.instanceId,
      destination: name,
      lengthBytes: instance?.lengthBytes ?? 0,
      attempts: delivery.attempts + 1,
      sinceReceivedMs: at.getTime() - (instance?.receivedAt.getTime() ?? at.getTime()),
    })
    onSent()
  }

  async #keepFailed(
    failures: readonly Fared[],
    { hasStored, signal }: { readonly hasStored: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    if (failures.length === 0) return
    const { store, owner } = this.#options
    const real = failures.filter(({ result }) => codeOfResult(result) !== HELD_BACK)
    const ofCopies = real.filter(({ result }) => !OF_THE_PEER.has(codeOfResult(result)))
    const ofPeer = real.filter((fared) => !ofCopies.includes(fared))
    const [first] = ofPeer
    // Who answers otherwise is not away: then it is the copy over which it fell silent.
    const isAway = first !== undefined && !hasStored && ofCopies.length === 0 && !(await this.#answers(signal))
    // After it fell silent, nobody looked at the others of its lane.
    const charged = isAway ? [] : [...ofCopies, ...firstOfLanes(ofPeer)]
    const back = failures.filter((fared) => !charged.includes(fared)).map(({ delivery }) => delivery.id)
    if (back.length > 0) await store.giveBack(back, owner)
    for (const fared of charged) await this.#charge(fared)
    if (isAway && !signal.aborted) this.#isAway(codeOfResult(first.result))
    else if (charged.length > 0) this.#lastError = codeOfResult(charged[0]?.result as SendResult)
  }

  /** Counts a failure against a copy. */
  async #charge({ delivery, result }: Fared): Promise<void> {
    const { store, owner, now, chance, observe } = this.#options
    const { name, backoff = DELIVERY_BACKOFF } = this.#target
    const code = codeOfResult(result)
    const sinceMs = now().getTime() - (await this.#waitsSince(delivery)).getTime()
    const isFinal = result.outcome === 'failed' && result.isFinal
    const waitMs = isFinal ? null : nextWaitMs(backoff, { count: delivery.attempts + 1, sinceMs }, chance())
    const dueAt = waitMs === null ? null : new Date(now().getTime() + waitMs)
    try {
      await store.failed(delivery.id, owner, code, dueAt)
    } catch (error) {
      if (error instanceof StoreError && error.code === HELD_BACK) return
      throw error
    }
    observe({
      kind: 'delivery_failed',
      id: delivery.instanceId,
      destination: name,
      code,
      isDead: dueAt === null,
    })
  }

  async #waitsSince({ instanceId }: StoredDelivery): Promise<Date> {
    const instance = await this.#options.store.get(instanceId)
    return instance?.judgedAt ?? this.#options.now()
  }

  async #answers(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#target.sender.ping(AbortSignal.any([signal, this.#options.deadline(PING_MS)]))
      return true
    } catch (error) {
      if (error instanceof StoreError) return false
      throw error
    }
  }

  #isAway(code: string): void {
    const { now, chance, observe } = this.#options
    const { name, outageBackoff = OUTAGE_BACKOFF } = this.#target
    this.#outages++
    this.#lastError = code
    const waitMs = nextWaitMs(outageBackoff, { count: this.#outages, sinceMs: 0 }, chance()) ?? outageBackoff.longestMs
    this.#retryAt = new Date(now().getTime() + waitMs)
    if (this.#outages === 1) observe({ kind: 'destination_away', destination: name, code, retryAt: this.#retryAt })
  }

  #isBack(): void {
    if (this.#outages > 0) this.#options.observe({ kind: 'destination_back', destination: this.#target.name })
    this.#outages = 0
    this.#retryAt = undefined
    this.#lastError = undefined
  }
}

const firstOfLanes = (fared: readonly Fared[]): readonly Fared[] =>
  [...Map.groupBy(fared, ({ lane }) => lane).values()].flatMap(([first]) => first ?? [])

const codeOfResult = (result: SendResult): string => (result.outcome === 'failed' ? result.code : HELD_BACK)

/** Copies of one order key go by one lane, in their order; the lanes are about equally long. */
function lanesOf(deliveries: readonly StoredDelivery[], limit: number): readonly (readonly StoredDelivery[])[] {
  const byKey = Map.groupBy(deliveries, ({ orderKey }) => orderKey)
  const lanes: StoredDelivery[][] = Array.from({ length: Math.min(limit, byKey.size) }, () => [])
  const longestFirst = [...byKey.values()].toSorted((a, b) => b.length - a.length)
  for (const group of longestFirst) {
    const shortest = lanes.reduce((least, lane) => (lane.length < least.length ? lane : least))
    shortest.push(...group)
  }
  return lanes
}

/** The image that a copy is, as the log is told: of a derived one, no more than its own names and digest. */
export function imageOf(instance: KnownInstance, delivery: NewDelivery): KnownImage {
  const { description, otherKeys } = instance
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, sha256 } = delivery
  if (otherKeys.includes(delivery.spoolKey)) {
    const names = { sopClassUid, sopInstanceUid, transferSyntaxUid, seriesInstanceUid: null, studyInstanceUid: null }
    return { instance: names, digests: { file: sha256, dataset: null, pixels: null, frames: null } }
  }
  const image = description ?? unreadImage(instance)
  return { ...image, digests: { ...image.digests, file: sha256 } }
}
