/**
 * Instance changes: the steps of instances on SQLite, each within a transaction that somebody else begins and ends.
 *
 * Every method first finds out whether it may, and refuses before it has changed anything.
 */
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import type {
  Judged,
  Lease,
  Loss,
  LostDelivery,
  NewDelivery,
  PendingEvent,
  StoredDelivery,
  StoredInstance,
} from '../../services/gateway/ports.ts'
import type { InstanceQueries } from './instance-queries.ts'
import { encodeDescription, encodeJson, number, readDelivery } from './instance-record.ts'
import { approvalMissing, checkJudged, instanceMissing, instanceMoved, keysOfJudged } from './instance-rules.ts'
import type { InstanceStatements } from './instance-statements.ts'

const ACCEPT = `
  INSERT INTO instance (id, spool_key, length_bytes, sha256, origin, calling_aet, received_at, sop_class_uid,
    sop_instance_uid, study_instance_uid, transfer_syntax_uid, order_key, uid, study_uid)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`
const JUDGE = `
  UPDATE instance SET state = ?, route = ?, reasons = ?, verdict_word = ?, verdict = ?, description = ?, sealed = ?,
    other_keys = ?, judged_at = ?, done_at = ?, owner = NULL, uid = coalesce(?, uid), study_uid = coalesce(?, study_uid)
  WHERE id = ? AND state = 'received' AND owner = ? RETURNING order_key, spool_key`
const DELIVER = `
  INSERT INTO delivery (instance, order_key, destination, spool_key, sha256, sop_class_uid, sop_instance_uid,
    transfer_syntax_uid, state, due_at, ready_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
/** A lane whose first copy is held back by an instance that came earlier and is not judged is none to look into. */
const LANES = `
  SELECT order_key FROM lane WHERE destination = ? AND ready_at <= ? AND NOT EXISTS (
    SELECT 1 FROM instance WHERE state = 'received' AND instance.order_key = lane.order_key AND id < head
  ) ORDER BY ready_at, head LIMIT ?`
const REFRESH = `
  INSERT INTO lane (destination, order_key, ready_at, head)
  SELECT destination, order_key, ready_at, instance FROM delivery
  WHERE destination = ? AND order_key = ? AND state = 'waiting' ORDER BY instance, number LIMIT 1
  ON CONFLICT DO UPDATE SET ready_at = excluded.ready_at, head = excluded.head`
/** Which wait is next, attempts tell: there is none behind the last one. */
const RESEND = `
  UPDATE delivery SET attempts = attempts + 1, last_error = ?1, sent_at = NULL,
    state = iif(json_extract(?2, '$[' || attempts || ']') IS NULL, 'dead', 'waiting'),
    due_at = coalesce(?3 + json_extract(?2, '$[' || attempts || ']'), due_at),
    ready_at = coalesce(?3 + json_extract(?2, '$[' || attempts || ']'), ready_at)
  WHERE number = ?4 AND state = 'sent' AND committed_at IS NULL
    AND EXISTS (SELECT 1 FROM instance WHERE instance.id = delivery.instance AND is_forgotten = 0)
  RETURNING instance, destination, order_key, state`

interface Lane {
  readonly destination: string
  readonly orderKey: string
}

export class InstanceChanges {
  readonly #statements: InstanceStatements
  readonly #queries: InstanceQueries

  constructor(statements: InstanceStatements, queries: InstanceQueries) {
    this.#statements = statements
    this.#queries = queries
  }

  accept(instance: ReceivedInstance, events: readonly PendingEvent[]): void {
    const { id, origin, sopInstanceUid, studyInstanceUid } = instance
    const changed = this.#statements.run(
      ACCEPT,
      id,
      instance.spoolKey,
      instance.lengthBytes,
      instance.sha256,
      JSON.stringify(origin),
      origin.callingAet,
      instance.receivedAt.getTime(),
      instance.sopClassUid,
      sopInstanceUid,
      studyInstanceUid,
      instance.transferSyntaxUid,
      instance.orderKey,
      sopInstanceUid,
      studyInstanceUid,
    )
    if (changed === 0) throw instanceMoved('an instance has this id')
    this.#keep(id, [instance.spoolKey])
    this.#addEvents(id, events)
  }

  withdraw(id: string): void {
    const row = this.#statements.first('SELECT state FROM instance WHERE id = ?', id)
    if (row === undefined) return
    if (row.state !== 'received') throw instanceMoved('the instance is judged')
    this.#statements.run('DELETE FROM event WHERE instance = ?', id)
    this.#statements.run('DELETE FROM spool_key WHERE instance = ?', id)
    this.#statements.run('DELETE FROM instance WHERE id = ?', id)
  }

  claimReceived({ owner, now, leaseMs, limit }: Lease): readonly StoredInstance[] {
    const at = now.getTime()
    const rows = this.#statements.all(
      `UPDATE instance SET owner = ?, ready_at = ?, attempts = attempts + 1 WHERE id IN (
         SELECT id FROM instance WHERE state = 'received' AND ready_at <= ? ORDER BY id LIMIT ?
       ) RETURNING *`,
      owner,
      at + leaseMs,
      at,
      limit,
    )
    return this.#queries.whole(rows).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  judge(id: string, owner: string, judged: Judged, at: Date): void {
    checkJudged(judged)
    const { state, verdict, description, deliveries } = judged
    const isDone = state === 'done' || (state === 'forwarding' && deliveries.length === 0)
    const row = this.#statements.first(
      JUDGE,
      isDone ? 'done' : state,
      judged.route,
      JSON.stringify(judged.reasons),
      verdict?.verdict ?? null,
      encodeJson(verdict),
      encodeDescription(description),
      encodeJson(judged.sealed),
      JSON.stringify(judged.otherKeys),
      at.getTime(),
      isDone ? at.getTime() : null,
      description?.instance.sopInstanceUid ?? null,
      description?.instance.studyInstanceUid ?? null,
      id,
      owner,
    )
    if (row === undefined) throw instanceMoved('it is judged, or held by others')
    this.#keep(id, keysOfJudged(judged))
    const orderKey = String(row.order_key)
    for (const delivery of deliveries) {
      this.#deliver({ id, orderKey, at, state: state === 'quarantined' ? 'held' : 'waiting' }, delivery)
    }
    if (state === 'forwarding') this.#refresh(deliveries.map(({ destination }) => ({ destination, orderKey })))
    this.#addEvents(id, judged.events)
  }

  postpone(id: string, owner: string, notBefore: Date, counts: boolean): void {
    const changed = this.#statements.run(
      `UPDATE instance SET owner = NULL, ready_at = ?, attempts = attempts - ?
       WHERE id = ? AND state = 'received' AND owner = ?`,
      notBefore.getTime(),
      counts ? 0 : 1,
      id,
      owner,
    )
    if (changed === 0) throw instanceMoved('it is judged, or held by others')
  }

  abandonClaims(): void {
    this.#statements.run('UPDATE instance SET owner = NULL, ready_at = 0 WHERE owner IS NOT NULL')
    const rows = this.#statements.all(
      'UPDATE delivery SET owner = NULL, ready_at = due_at WHERE owner IS NOT NULL RETURNING destination, order_key',
    )
    this.#refresh(rows.map(laneOf))
  }

  claimDeliveries(destination: string, lease: Lease): readonly StoredDelivery[] {
    const { now, limit } = lease
    const claimed: StoredDelivery[] = []
    for (const { order_key } of this.#statements.all(LANES, destination, now.getTime(), limit)) {
      if (claimed.length >= limit) break
      const lane = { destination, orderKey: String(order_key) }
      claimed.push(...this.#claimLane(lane, { ...lease, limit: limit - claimed.length }))
    }
    return claimed
  }

  sent(deliveryId: string, owner: string, at: Date, events: readonly PendingEvent[]): void {
    const row = this.#statements.first(
      `UPDATE delivery SET state = 'sent', sent_at = ?, last_error = NULL, owner = NULL
       WHERE number = ? AND state = 'waiting' AND owner = ? RETURNING instance, destination, order_key`,
      at.getTime(),
      numberOf(deliveryId),
      owner,
    )
    if (row === undefined) throw instanceMoved('it is sent, or held by others')
    this.#refresh([laneOf(row)])
    const id = String(row.instance)
    this.#statements.run(
      `UPDATE instance SET state = 'done', done_at = ? WHERE id = ? AND state = 'forwarding'
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.instance = instance.id AND delivery.state <> 'sent')`,
      at.getTime(),
      id,
    )
    this.#addEvents(id, events)
  }

  failed(deliveryId: string, owner: string, code: string, dueAt: Date | null): void {
    const due = dueAt?.getTime() ?? null
    const row = this.#statements.first(
      `UPDATE delivery SET state = ?, last_error = ?, attempts = attempts + 1, owner = NULL,
         due_at = coalesce(?, due_at), ready_at = coalesce(?, ready_at)
       WHERE number = ? AND state = 'waiting' AND owner = ? RETURNING destination, order_key`,
      due === null ? 'dead' : 'waiting',
      code,
      due,
      due,
      numberOf(deliveryId),
      owner,
    )
    if (row === undefined) throw instanceMoved('it is sent, or held by others')
    this.#refresh([laneOf(row)])
  }

  giveBack(deliveryIds: readonly string[], owner: string): void {
    const rows = deliveryIds.flatMap((id) =>
      this.#statements.all(
        `UPDATE delivery SET owner = NULL, ready_at = due_at
         WHERE number = ? AND state = 'waiting' AND owner = ? RETURNING destination, order_key`,
        numberOf(id),
        owner,
      ),
    )
    this.#refresh(rows.map(laneOf))
  }

  committed(deliveryIds: readonly string[], at: Date): void {
    for (const id of deliveryIds) {
      const sql = 'UPDATE delivery SET committed_at = ? WHERE number = ? AND committed_at IS NULL'
      this.#statements.run(sql, at.getTime(), numberOf(id))
    }
  }

  resend(deliveryIds: readonly string[], { at, code, waitsMs }: Loss): readonly LostDelivery[] {
    const lanes: Lane[] = []
    const lost: LostDelivery[] = []
    for (const id of deliveryIds) {
      const row = this.#statements.first(RESEND, code, JSON.stringify(waitsMs), at.getTime(), numberOf(id))
      if (row === undefined) continue
      const instanceId = String(row.instance)
      const reopen = "UPDATE instance SET state = 'forwarding', done_at = NULL WHERE id = ? AND state = 'done'"
      this.#statements.run(reopen, instanceId)
      lanes.push(laneOf(row))
      lost.push({ id, instanceId, isDead: row.state === 'dead' })
    }
    this.#refresh(lanes)
    return lost
  }

  revive(which: { readonly instanceId: string } | { readonly destination: string }, at: Date): number {
    const [condition, value] =
      'instanceId' in which ? ['instance = ?', which.instanceId] : ['destination = ?', which.destination]
    const rows = this.#statements.all(
      `UPDATE delivery SET state = 'waiting', attempts = 0, owner = NULL, due_at = ?, ready_at = ?
       WHERE state = 'dead' AND ${condition} RETURNING destination, order_key`,
      at.getTime(),
      at.getTime(),
      value as string,
    )
    this.#refresh(rows.map(laneOf))
    return rows.length
  }

  askRelease(id: string, by: Party): void {
    this.#quarantined(id)
    this.#statements.run('UPDATE instance SET asked_by = ? WHERE id = ?', JSON.stringify(by), id)
  }

  release(id: string, confirmedBy: Party, at: Date, events: readonly PendingEvent[]): void {
    const { releaseAskedBy } = this.#quarantined(id)
    if (releaseAskedBy === null || releaseAskedBy.id === confirmedBy.id) throw approvalMissing()
    const rows = this.#statements.all(
      `UPDATE delivery SET state = 'waiting', due_at = ?, ready_at = ? WHERE instance = ? AND state = 'held'
       RETURNING destination, order_key`,
      at.getTime(),
      at.getTime(),
      id,
    )
    const isDone = rows.length === 0
    this.#statements.run(
      'UPDATE instance SET state = ?, done_at = ?, asked_by = NULL WHERE id = ?',
      isDone ? 'done' : 'forwarding',
      isDone ? at.getTime() : null,
      id,
    )
    this.#refresh(rows.map(laneOf))
    this.#addEvents(id, events)
  }

  reexamine(id: string): void {
    this.#quarantined(id)
    this.#statements.run(
      `UPDATE instance SET state = 'received', judged_at = NULL, asked_by = NULL, attempts = 0, owner = NULL, ready_at = 0
       WHERE id = ?`,
      id,
    )
    this.#statements.run('DELETE FROM delivery WHERE instance = ?', id)
  }

  reject(id: string, at: Date, events: readonly PendingEvent[]): void {
    this.#quarantined(id)
    const sql = "UPDATE instance SET state = 'rejected', done_at = ?, asked_by = NULL WHERE id = ?"
    this.#statements.run(sql, at.getTime(), id)
    this.#statements.run('DELETE FROM delivery WHERE instance = ?', id)
    this.#addEvents(id, events)
  }

  logged(events: readonly { readonly id: string }[]): void {
    for (const { id } of events) this.#statements.run('DELETE FROM event WHERE number = ?', numberOf(id))
  }

  addEvents(events: readonly PendingEvent[]): void {
    this.#addEvents('', events)
  }

  forgotten(ids: readonly string[]): void {
    for (const id of ids) {
      const sql = 'UPDATE instance SET is_forgotten = 1 WHERE id = ? AND done_at IS NOT NULL'
      if (this.#statements.run(sql, id) > 0) this.#statements.run('DELETE FROM spool_key WHERE instance = ?', id)
    }
  }

  purge(before: Date, limit: number): number {
    const rows = this.#statements.all(
      `SELECT id, uid, sealed FROM instance WHERE is_forgotten = 1 AND done_at < ? ORDER BY done_at, id LIMIT ?`,
      before.getTime(),
      limit,
    )
    for (const { id, uid, sealed } of rows) {
      if (uid !== null && sealed !== null) {
        this.#statements.run('INSERT OR IGNORE INTO old_seal VALUES (?, ?)', String(uid), String(sealed))
      }
      this.#statements.run('DELETE FROM delivery WHERE instance = ?', String(id))
      this.#statements.run('DELETE FROM instance WHERE id = ?', String(id))
    }
    return rows.length
  }

  #quarantined(id: string): StoredInstance {
    const instance = this.#queries.get(id)
    if (instance === undefined) throw instanceMissing()
    if (instance.state !== 'quarantined') throw instanceMoved('it is not in quarantine')
    return instance
  }

  /** Claims what is ready from the front of a lane. */
  #claimLane(lane: Lane, { owner, now, leaseMs, limit }: Lease): readonly StoredDelivery[] {
    const { destination, orderKey } = lane
    const sql = "SELECT min(id) AS id FROM instance WHERE state = 'received' AND order_key = ?"
    const barrier = this.#statements.first(sql, orderKey)?.id ?? null
    const rows = this.#statements.all(
      `SELECT * FROM delivery WHERE destination = ? AND order_key = ? AND state = 'waiting'
       ORDER BY instance, number LIMIT ?`,
      destination,
      orderKey,
      limit,
    )
    const end = rows.findIndex(
      ({ ready_at, instance }) =>
        number(ready_at) > now.getTime() || (barrier !== null && String(instance) > String(barrier)),
    )
    const ready = end < 0 ? rows : rows.slice(0, end)
    const until = now.getTime() + leaseMs
    for (const row of ready) {
      const claim = 'UPDATE delivery SET owner = ?, ready_at = ? WHERE number = ?'
      this.#statements.run(claim, owner, until, number(row.number))
    }
    this.#refresh([lane])
    return ready.map(readDelivery)
  }

  #deliver(
    { id, orderKey, state, at }: { id: string; orderKey: string; state: 'held' | 'waiting'; at: Date },
    delivery: NewDelivery,
  ): void {
    this.#statements.run(
      DELIVER,
      id,
      orderKey,
      delivery.destination,
      delivery.spoolKey,
      delivery.sha256,
      delivery.sopClassUid,
      delivery.sopInstanceUid,
      delivery.transferSyntaxUid,
      state,
      at.getTime(),
      at.getTime(),
    )
  }

  /** Says of lanes when the first of them may be sent now; those in which nothing waits go. */
  #refresh(lanes: readonly Lane[]): void {
    const each = new Map(lanes.map((lane) => [JSON.stringify([lane.destination, lane.orderKey]), lane]))
    for (const { destination, orderKey } of each.values()) {
      if (this.#statements.run(REFRESH, destination, orderKey) > 0) continue
      this.#statements.run('DELETE FROM lane WHERE destination = ? AND order_key = ?', destination, orderKey)
    }
  }

  #keep(id: string, keys: readonly string[]): void {
    for (const key of keys) this.#statements.run('INSERT OR IGNORE INTO spool_key VALUES (?, ?)', key, id)
  }

  #addEvents(id: string, events: readonly PendingEvent[]): void {
    for (const { news } of events) {
      this.#statements.run('INSERT INTO event (instance, news) VALUES (?, ?)', id, news)
    }
  }
}

const laneOf = (row: Readonly<Record<string, unknown>>): Lane => ({
  destination: String(row.destination),
  orderKey: String(row.order_key),
})

/** Ids of deliveries and events are the numbers of their rows; what is no number names none. */
const numberOf = (id: string): number => (/^\d{1,15}$/.test(id) ? Number(id) : -1)
