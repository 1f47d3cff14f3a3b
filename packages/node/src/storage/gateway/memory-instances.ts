/**
 * Memory instances: the record of all that is under way, without a disk. For tests, and the plainest reading of what the
 * port promises: every other adapter does the same.
 */
import type { InstanceState, InstanceVerdict, ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import { INSTANCE_STATES } from '@fiducial/core/domain/gateway/instance.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import {
  DELIVERY_STATES,
  type DeliveryState,
  type EarlierInstance,
  type InstanceCounts,
  type InstanceFilter,
  type InstanceStore,
  type Judged,
  type Lease,
  type Loss,
  type LostDelivery,
  type PendingEvent,
  type StoredDelivery,
  type StoredInstance,
} from '../../services/gateway/ports.ts'
import {
  approvalMissing,
  checkFilter,
  checkJudged,
  countDestinations,
  EARLIER_LIMIT,
  instanceMissing,
  instanceMoved,
  keysOfJudged,
  VERDICTS,
} from './instance-rules.ts'

interface Holding {
  readonly owner: string
  readonly until: Date
}

/** All of an instance but its deliveries. */
interface Row {
  instance: Omit<StoredInstance, 'deliveries'>
  holding: Holding | null
  notBefore: Date | null
  readonly deliveries: string[]
  /** Also of deliveries that were taken out. */
  keys: readonly string[]
  isForgotten: boolean
}

interface DeliveryRow {
  delivery: StoredDelivery
  holding: Holding | null
}

interface EventRow extends PendingEvent {
  readonly id: string
  readonly instanceId: string
  index: bigint | null
}

export class MemoryInstances implements InstanceStore {
  readonly #rows = new Map<string, Row>()
  readonly #deliveries = new Map<string, DeliveryRow>()
  readonly #events: EventRow[] = []
  #nextDelivery = 1

  async accept(instance: ReceivedInstance, events: readonly PendingEvent[]): Promise<void> {
    if (this.#rows.has(instance.id)) throw instanceMoved('an instance has this id')
    this.#rows.set(instance.id, {
      instance: {
        ...instance,
        state: 'received',
        route: null,
        reasons: [],
        verdict: null,
        description: null,
        sealed: null,
        otherKeys: [],
        attempts: 0,
        judgedAt: null,
        doneAt: null,
        releaseAskedBy: null,
      },
      holding: null,
      notBefore: null,
      deliveries: [],
      keys: [instance.spoolKey],
      isForgotten: false,
    })
    this.#addEvents(instance.id, events)
  }

  async withdraw(id: string): Promise<void> {
    const row = this.#rows.get(id)
    if (row === undefined) return
    if (row.instance.state !== 'received') throw instanceMoved('the instance is judged')
    this.#rows.delete(id)
    for (const [at, event] of [...this.#events.entries()].reverse()) {
      if (event.instanceId === id && event.index === null) this.#events.splice(at, 1)
    }
  }

  async claimReceived({ owner, now, leaseMs, limit }: Lease): Promise<readonly StoredInstance[]> {
    const free = this.#sorted().filter(
      ({ instance, holding, notBefore }) =>
        instance.state === 'received' && isPast(holding?.until, now) && isPast(notBefore, now),
    )
    return free.slice(0, limit).map((row) => {
      row.holding = { owner, until: new Date(now.getTime() + leaseMs) }
      row.instance = { ...row.instance, attempts: row.instance.attempts + 1 }
      return this.#whole(row)
    })
  }

  async findEarlier(sopInstanceUid: string, id: string): Promise<readonly EarlierInstance[]> {
    return this.#sorted()
      .filter(({ instance }) => {
        const isEarlier = instance.id < id || (instance.id !== id && instance.state !== 'received')
        return isEarlier && sopInstanceOf(instance) === sopInstanceUid
      })
      .slice(0, EARLIER_LIMIT)
      .map(({ instance: { id, sha256, state, description, receivedAt } }) => {
        return { id, sha256, state, description, receivedAt }
      })
  }

  async judge(id: string, owner: string, judged: Judged, at: Date): Promise<void> {
    checkJudged(judged)
    const row = this.#claimed(id, owner)
    const { state, deliveries, events, ...rest } = judged
    const isDone = state === 'done' || (state === 'forwarding' && deliveries.length === 0)
    row.instance = {
      ...row.instance,
      ...rest,
      state: isDone ? 'done' : state,
      judgedAt: at,
      doneAt: isDone ? at : null,
    }
    row.holding = null
    row.keys = [...new Set([...row.keys, ...keysOfJudged(judged)])]
    for (const added of deliveries) {
      const deliveryId = String(this.#nextDelivery++)
      row.deliveries.push(deliveryId)
      const delivery = {
        ...added,
        id: deliveryId,
        instanceId: id,
        orderKey: row.instance.orderKey,
        state: state === 'quarantined' ? 'held' : 'waiting',
        attempts: 0,
        dueAt: at,
        lastError: null,
        sentAt: null,
        committedAt: null,
      } as const
      this.#deliveries.set(deliveryId, { delivery, holding: null })
    }
    this.#addEvents(id, events)
  }

  async postpone(id: string, owner: string, notBefore: Date, counts: boolean): Promise<void> {
    const row = this.#claimed(id, owner)
    if (!counts) row.instance = { ...row.instance, attempts: row.instance.attempts - 1 }
    row.holding = null
    row.notBefore = notBefore
  }

  async claimDeliveries(destination: string, lease: Lease): Promise<readonly StoredDelivery[]> {
    const { owner, now, leaseMs, limit } = lease
    /** Of each order key, those that wait, in their order; what is not judged yet ends its row. */
    const lanes = new Map<string, (DeliveryRow | undefined)[]>()
    for (const { instance, deliveries } of this.#sorted()) {
      const rows: (DeliveryRow | undefined)[] =
        instance.state === 'received' ? [undefined] : deliveries.map((id) => this.#deliveries.get(id))
      for (const row of rows) {
        const { delivery } = row ?? {}
        if (delivery !== undefined && (delivery.destination !== destination || delivery.state !== 'waiting')) continue
        lanes.set(instance.orderKey, [...(lanes.get(instance.orderKey) ?? []), row])
      }
    }
    const runs = [...lanes.values()].map((lane) => {
      const end = lane.findIndex((row) => row === undefined || !isDue(row, now))
      return lane.slice(0, end < 0 ? lane.length : end) as DeliveryRow[]
    })
    const ready = runs.filter((run) => run.length > 0).sort(([a], [b]) => readyAt(a) - readyAt(b))
    return ready
      .flat()
      .slice(0, limit)
      .map((row) => {
        row.holding = { owner, until: new Date(now.getTime() + leaseMs) }
        return row.delivery
      })
  }

  async abandonClaims(): Promise<void> {
    for (const row of [...this.#rows.values(), ...this.#deliveries.values()]) row.holding = null
  }

  async waitingDestinations(): Promise<readonly string[]> {
    const waiting = [...this.#deliveries.values()].filter(({ delivery }) => delivery.state === 'waiting')
    return [...new Set(waiting.map(({ delivery }) => delivery.destination))].sort()
  }

  async sent(deliveryId: string, owner: string, at: Date, events: readonly PendingEvent[]): Promise<void> {
    const row = this.#claimedDelivery(deliveryId, owner)
    row.delivery = { ...row.delivery, state: 'sent', sentAt: at, lastError: null }
    row.holding = null
    const { instanceId } = row.delivery
    const of = this.#row(instanceId)
    const isLast = of.deliveries.every((id) => this.#deliveries.get(id)?.delivery.state === 'sent')
    if (isLast) of.instance = { ...of.instance, state: 'done', doneAt: at }
    this.#addEvents(instanceId, events)
  }

  async failed(deliveryId: string, owner: string, code: string, dueAt: Date | null): Promise<void> {
    const row = this.#claimedDelivery(deliveryId, owner)
    const next = dueAt === null ? ({ state: 'dead' } as const) : { dueAt }
    row.delivery = { ...row.delivery, ...next, attempts: row.delivery.attempts + 1, lastError: code }
    row.holding = null
  }

  async giveBack(deliveryIds: readonly string[], owner: string): Promise<void> {
    for (const id of deliveryIds) {
      const row = this.#deliveries.get(id)
      if (row?.delivery.state !== 'waiting' || row.holding?.owner !== owner) continue
      row.holding = null
    }
  }

  async committed(deliveryIds: readonly string[], at: Date): Promise<void> {
    for (const id of deliveryIds) {
      const row = this.#deliveries.get(id)
      if (row !== undefined) row.delivery = { ...row.delivery, committedAt: row.delivery.committedAt ?? at }
    }
  }

  async resend(deliveryIds: readonly string[], { at, code, waitsMs }: Loss): Promise<readonly LostDelivery[]> {
    const lost: LostDelivery[] = []
    for (const id of deliveryIds) {
      const row = this.#deliveries.get(id)
      if (row?.delivery.state !== 'sent' || row.delivery.committedAt !== null) continue
      const { instanceId, attempts } = row.delivery
      const of = this.#row(instanceId)
      if (of.isForgotten) continue
      const waitMs = waitsMs[attempts]
      const isDead = waitMs === undefined
      const next = isDead
        ? ({ state: 'dead' } as const)
        : ({ state: 'waiting', dueAt: new Date(at.getTime() + waitMs) } as const)
      row.delivery = { ...row.delivery, ...next, attempts: attempts + 1, lastError: code, sentAt: null }
      if (of.instance.state === 'done') of.instance = { ...of.instance, state: 'forwarding', doneAt: null }
      lost.push({ id, instanceId, isDead })
    }
    return lost
  }

  async revive(which: { readonly instanceId: string } | { readonly destination: string }, at: Date): Promise<number> {
    const dead = [...this.#deliveries.values()].filter(
      ({ delivery }) =>
        delivery.state === 'dead' &&
        ('instanceId' in which ? delivery.instanceId === which.instanceId : delivery.destination === which.destination),
    )
    for (const row of dead) row.delivery = { ...row.delivery, state: 'waiting', dueAt: at, attempts: 0 }
    return dead.length
  }

  async askRelease(id: string, by: Party): Promise<void> {
    const row = this.#quarantined(id)
    row.instance = { ...row.instance, releaseAskedBy: by }
  }

  async release(id: string, confirmedBy: Party, at: Date, events: readonly PendingEvent[]): Promise<void> {
    const row = this.#quarantined(id)
    const asked = row.instance.releaseAskedBy
    if (asked === null || asked.id === confirmedBy.id) throw approvalMissing()
    const isDone = row.deliveries.length === 0
    const state = isDone ? 'done' : 'forwarding'
    row.instance = { ...row.instance, state, doneAt: isDone ? at : null, releaseAskedBy: null }
    for (const deliveryId of row.deliveries) {
      const held = this.#deliveries.get(deliveryId) as DeliveryRow
      held.delivery = { ...held.delivery, state: 'waiting', dueAt: at }
    }
    this.#addEvents(id, events)
  }

  async reexamine(id: string): Promise<void> {
    const row = this.#quarantined(id)
    row.instance = { ...row.instance, state: 'received', judgedAt: null, releaseAskedBy: null, attempts: 0 }
    row.notBefore = null
    for (const deliveryId of row.deliveries.splice(0)) this.#deliveries.delete(deliveryId)
  }

  async reject(id: string, at: Date, events: readonly PendingEvent[]): Promise<void> {
    const row = this.#quarantined(id)
    row.instance = { ...row.instance, state: 'rejected', doneAt: at, releaseAskedBy: null }
    for (const deliveryId of row.deliveries.splice(0)) this.#deliveries.delete(deliveryId)
    this.#addEvents(id, events)
  }

  async get(id: string): Promise<StoredInstance | undefined> {
    const row = this.#rows.get(id)
    return row && this.#whole(row)
  }

  async list(filter: InstanceFilter): Promise<readonly StoredInstance[]> {
    checkFilter(filter)
    const rows = this.#sorted().map((row) => this.#whole(row))
    const { after, limit } = filter
    const isNewestFirst = filter.order === 'newest_first'
    if (isNewestFirst) rows.reverse()
    const isBehind = ({ id }: StoredInstance): boolean =>
      after === undefined || (isNewestFirst ? id < after : id > after)
    return rows.filter((instance) => isBehind(instance) && fits(instance, filter)).slice(0, limit)
  }

  async counts(): Promise<InstanceCounts> {
    const states = zeros(INSTANCE_STATES)
    const deliveries = zeros(DELIVERY_STATES)
    const verdicts = zeros([...VERDICTS, 'none'] as const)
    const received: Date[] = []
    const due: Date[] = []
    for (const { instance } of this.#rows.values()) {
      states[instance.state]++
      verdicts[instance.verdict?.verdict ?? 'none']++
      if (instance.state === 'received') received.push(instance.receivedAt)
    }
    const open: { destination: string; state: string; count: number }[] = []
    for (const { delivery } of this.#deliveries.values()) {
      const { destination, state } = delivery
      if (state === 'waiting' || state === 'dead') open.push({ destination, state, count: 1 })
      deliveries[state]++
      if (delivery.state === 'waiting') due.push(delivery.dueAt)
    }
    const pendingEvents = this.#events.filter(({ index }) => index === null).length
    return {
      states,
      deliveries,
      verdicts,
      pendingEvents,
      destinations: countDestinations(open),
      oldestReceivedAt: earliest(received),
      oldestDueAt: earliest(due),
    }
  }

  async pendingEvents(
    limit: number,
  ): Promise<readonly (PendingEvent & { readonly id: string; readonly instanceId: string })[]> {
    const pending = this.#events.filter(({ index }) => index === null).slice(0, limit)
    return pending.map(({ id, instanceId, news }) => ({ id, instanceId, news }))
  }

  async logged(events: readonly { readonly id: string; readonly index: bigint }[]): Promise<void> {
    for (const { id, index } of events) {
      const event = this.#events.find((row) => row.id === id)
      if (event !== undefined) event.index ??= index
    }
  }

  async addEvents(events: readonly PendingEvent[]): Promise<void> {
    this.#addEvents('', events)
  }

  async expired(
    before: Date,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly keys: readonly string[] }[]> {
    const waiting = new Set(this.#events.filter(({ index }) => index === null).map(({ instanceId }) => instanceId))
    return this.#sorted()
      .sort((a, b) => Number(a.instance.doneAt) - Number(b.instance.doneAt))
      .filter(({ instance: { id, doneAt }, isForgotten }) => {
        return !isForgotten && doneAt !== null && doneAt < before && !waiting.has(id)
      })
      .slice(0, limit)
      .map(({ instance: { id }, keys }) => ({ id, keys }))
  }

  async forgotten(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const row = this.#rows.get(id)
      if (row === undefined || row.instance.doneAt === null) continue
      row.isForgotten = true
      row.keys = []
    }
  }

  async purge(before: Date, limit: number): Promise<number> {
    const gone = this.#sorted()
      .filter(({ instance: { doneAt }, isForgotten }) => isForgotten && doneAt !== null && doneAt < before)
      .slice(0, limit)
    for (const { instance, deliveries } of gone) {
      for (const id of deliveries) this.#deliveries.delete(id)
      this.#rows.delete(instance.id)
    }
    return gone.length
  }

  async knowsKey(key: string): Promise<boolean> {
    return [...this.#rows.values()].some(({ keys }) => keys.includes(key))
  }

  async close(): Promise<void> {}

  #row(id: string): Row {
    const row = this.#rows.get(id)
    if (row === undefined) throw instanceMissing()
    return row
  }

  #claimed(id: string, owner: string): Row {
    const row = this.#rows.get(id)
    if (row?.instance.state !== 'received' || row.holding?.owner !== owner) throw instanceMoved('it is held by others')
    return row
  }

  #claimedDelivery(id: string, owner: string): DeliveryRow {
    const row = this.#deliveries.get(id)
    if (row?.delivery.state !== 'waiting' || row.holding?.owner !== owner) throw instanceMoved('it is held by others')
    return row
  }

  #quarantined(id: string): Row {
    const row = this.#row(id)
    if (row.instance.state !== 'quarantined') throw instanceMoved('it is not in quarantine')
    return row
  }

  #addEvents(instanceId: string, events: readonly PendingEvent[]): void {
    for (const { news } of events) {
      this.#events.push({ id: String(this.#events.length + 1), instanceId, news, index: null })
    }
  }

  #sorted(): Row[] {
    return [...this.#rows.values()].sort((a, b) => (a.instance.id < b.instance.id ? -1 : 1))
  }

  #whole({ instance, deliveries }: Row): StoredInstance {
    return { ...instance, deliveries: deliveries.map((id) => (this.#deliveries.get(id) as DeliveryRow).delivery) }
  }
}

const isPast = (until: Date | null | undefined, now: Date): boolean => until == null || until <= now

const isDue = ({ delivery, holding }: DeliveryRow, now: Date): boolean =>
  delivery.dueAt <= now && isPast(holding?.until, now)

const readyAt = (row: DeliveryRow | undefined): number =>
  Math.max(row?.delivery.dueAt.getTime() ?? 0, row?.holding?.until.getTime() ?? 0)

/** What its own header says counts more than what the sender said. */
const sopInstanceOf = ({ description, sopInstanceUid }: Omit<StoredInstance, 'deliveries'>): string | null =>
  description?.instance.sopInstanceUid ?? sopInstanceUid

function fits(instance: StoredInstance, filter: InstanceFilter): boolean {
  const { states, verdicts, studyInstanceUid, sopInstanceUid, callingAet, destination, hasDead, since, until } = filter
  const study = instance.description?.instance.studyInstanceUid ?? instance.studyInstanceUid
  const isDead = instance.deliveries.some(({ state }) => state === 'dead')
  return (
    (states?.includes(instance.state) ?? true) &&
    (verdicts === undefined || (instance.verdict !== null && verdicts.includes(instance.verdict.verdict))) &&
    (studyInstanceUid === undefined || study === studyInstanceUid) &&
    (sopInstanceUid === undefined || sopInstanceOf(instance) === sopInstanceUid) &&
    (callingAet === undefined || instance.origin.callingAet === callingAet) &&
    (destination === undefined || instance.deliveries.some((delivery) => delivery.destination === destination)) &&
    (hasDead === undefined || isDead === hasDead) &&
    (since === undefined || instance.receivedAt >= since) &&
    (until === undefined || instance.receivedAt < until)
  )
}

function zeros<Name extends InstanceState | DeliveryState | InstanceVerdict['verdict'] | 'none'>(
  names: readonly Name[],
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
}

function earliest(dates: readonly Date[]): Date | null {
  return dates.length === 0 ? null : dates.reduce((least, date) => (date < least ? date : least))
}
