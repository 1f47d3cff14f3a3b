/**
 * Instances on PostgreSQL: the record of what is under way, shared by many gateways that keep nothing themselves.
 *
 * Each change is one statement, and so one transaction; those with several steps are functions in the database
 * (tables.ts). What one gateway has claimed, another one passes over (SKIP LOCKED) until its lease has ended.
 */
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import type { ReceivedInstance } from '@fiducial/core/domain/gateway/instance.ts'
import { INSTANCE_STATES } from '@fiducial/core/domain/gateway/instance.ts'
import type { Party } from '@fiducial/core/domain/log/event-parts.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import {
  DELIVERY_STATES,
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
} from '../../../services/gateway/ports.ts'
import type { Parameter, PostgresDatabase } from '../../log/postgres/database.ts'
import {
  dateOrNull,
  encodeDescription,
  encodeJson,
  number,
  type RecordRow,
  readDelivery,
  readEarlier,
  readInstance,
} from '../instance-record.ts'
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
} from '../instance-rules.ts'
import { gatewayId, inOurWords } from './gateway-id.ts'
import { Gather } from './gather.ts'
import { listStatement } from './list-statement.ts'
import { plainJson, plainParameter } from './plain-text.ts'

const ACCEPT = `
  WITH made AS (
    INSERT INTO fiducial.gateway_instance (gateway, id, spool_key, length_bytes, sha256, origin, calling_aet, received_at,
      sop_class_uid, sop_instance_uid, study_instance_uid, transfer_syntax_uid, order_key, uid, study_uid)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $10, $11) ON CONFLICT DO NOTHING RETURNING id
  ), kept AS (
    INSERT INTO fiducial.gateway_key SELECT $1, $3, id FROM made ON CONFLICT DO NOTHING
  ), told AS (
    INSERT INTO fiducial.gateway_event (gateway, instance, news)
    SELECT $1, id, value FROM made, json_array_elements_text($14) WITH ORDINALITY ORDER BY ordinality
  ) SELECT id FROM made`
const WITHDRAW = `
  WITH gone AS (
    DELETE FROM fiducial.gateway_instance WHERE gateway = $1 AND id = $2 AND state = 'received' RETURNING id
  ), told AS (
    DELETE FROM fiducial.gateway_event
    WHERE gateway = $1 AND instance IN (SELECT id FROM gone)
  ), kept AS (
    DELETE FROM fiducial.gateway_key WHERE gateway = $1 AND instance IN (SELECT id FROM gone)
  ) SELECT state, (SELECT count(*) FROM gone) AS gone FROM fiducial.gateway_instance WHERE gateway = $1 AND id = $2`
/** Picked once: as a condition, the inner question could be asked again for each row, and give more than was wanted. */
const CLAIM_RECEIVED = `
  WITH picked AS MATERIALIZED (
    SELECT id FROM fiducial.gateway_instance WHERE gateway = $1 AND state = 'received' AND ready_at <= $4
    ORDER BY id LIMIT $5 FOR UPDATE SKIP LOCKED
  ) UPDATE fiducial.gateway_instance AS i SET owner = $2, ready_at = $3, attempts = attempts + 1
  FROM picked WHERE i.gateway = $1 AND i.id = picked.id RETURNING i.*`
const EARLIER = `
  SELECT id, sha256, state, description, received_at FROM fiducial.gateway_instance
  WHERE gateway = $1 AND uid = $2 AND id <> $3 AND (id < $3 OR state <> 'received') ORDER BY id LIMIT ${EARLIER_LIMIT}`
const POSTPONE = `
  UPDATE fiducial.gateway_instance SET owner = NULL, ready_at = $4, attempts = attempts - $5
  WHERE gateway = $1 AND id = $2 AND state = 'received' AND owner = $3 RETURNING id`
const DESTINATIONS = `
  WITH RECURSIVE known (name) AS (
    SELECT min(destination) FROM fiducial.gateway_lane WHERE gateway = $1
    UNION ALL
    SELECT (SELECT min(destination) FROM fiducial.gateway_lane WHERE gateway = $1 AND destination > name)
    FROM known WHERE name IS NOT NULL
  ) SELECT name FROM known WHERE name IS NOT NULL`
const DESTINATION_COUNTS = `
  SELECT destination, 'waiting' AS state, count(*) AS count FROM fiducial.gateway_delivery
    WHERE gateway = $1 AND state = 'waiting' GROUP BY destination
  UNION ALL
  SELECT destination, 'dead', count(*) FROM fiducial.gateway_delivery
    WHERE gateway = $1 AND state = 'dead' GROUP BY destination`
const EXPIRED = `
  SELECT id, (SELECT coalesce(json_agg(key), '[]')::text FROM fiducial.gateway_key AS k
    WHERE k.gateway = $1 AND k.instance = i.id) AS keys
  FROM fiducial.gateway_instance AS i
  WHERE gateway = $1 AND done_at IS NOT NULL AND NOT is_forgotten AND done_at < $2 AND NOT EXISTS (
    SELECT 1 FROM fiducial.gateway_event AS e WHERE e.gateway = $1 AND e.instance = i.id
  ) ORDER BY done_at, id LIMIT $3`
const FORGOTTEN = `
  WITH known AS (
    UPDATE fiducial.gateway_instance SET is_forgotten = true
    WHERE gateway = $1 AND done_at IS NOT NULL AND id IN (SELECT json_array_elements_text($2)) RETURNING id
  ) DELETE FROM fiducial.gateway_key WHERE gateway = $1 AND instance IN (SELECT id FROM known)`
const LOGGED = `
  DELETE FROM fiducial.gateway_event
  WHERE gateway = $1 AND number IN (SELECT json_array_elements_text($2)::bigint)`
const PURGE = `
  WITH old AS MATERIALIZED (
    SELECT id, uid, sealed FROM fiducial.gateway_instance WHERE gateway = $1 AND is_forgotten AND done_at < $2
    ORDER BY done_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
  ), kept AS (
    INSERT INTO fiducial.gateway_old_seal
    SELECT $1, uid, sealed FROM old WHERE uid IS NOT NULL AND sealed IS NOT NULL ON CONFLICT DO NOTHING
  ), copies AS (
    DELETE FROM fiducial.gateway_delivery WHERE gateway = $1 AND instance IN (SELECT id FROM old)
  ), gone AS (
    DELETE FROM fiducial.gateway_instance WHERE gateway = $1 AND id IN (SELECT id FROM old) RETURNING id
  ) SELECT count(*) AS count FROM gone`
const ALL_DELIVERIES = `
  SELECT * FROM fiducial.gateway_delivery
  WHERE gateway = $1 AND instance IN (SELECT json_array_elements_text($2)) ORDER BY number`
/** Those that have an owner are ready when they are due. */
const ABANDON = `
  WITH freed AS (
    UPDATE fiducial.gateway_instance SET owner = NULL, ready_at = 0 WHERE gateway = $1 AND owner IS NOT NULL
  ) SELECT fiducial.gateway_ready($1, coalesce(array_agg(number), '{}'), 'waiting', NULL, NULL)
  FROM fiducial.gateway_delivery WHERE gateway = $1 AND owner IS NOT NULL AND state = 'waiting'`
const GIVE_BACK = `SELECT fiducial.gateway_ready($1, ARRAY(SELECT json_array_elements_text($2)::bigint), 'waiting', $3, NULL)`
const RESEND = `
  SELECT * FROM fiducial.gateway_resend($1, ARRAY(SELECT json_array_elements_text($2)::bigint), $3, $4, $5)`
const REVIVE = (condition: string): string => `
  SELECT fiducial.gateway_ready($1, ARRAY(
    SELECT number FROM fiducial.gateway_delivery WHERE gateway = $1 AND state = 'dead' AND ${condition} = $2
  ), 'dead', NULL, $3) AS changed`

const SENT_TOGETHER = 200

interface SentItem {
  readonly number: number
  readonly holder: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly events: readonly string[]
}

export class PostgresInstances implements InstanceStore {
  readonly #database: PostgresDatabase
  readonly #gateway: number
  /** Copies of one order are told of one after the other: together, they do not wait for each other in the database. */
  readonly #sending = new Gather<SentItem, boolean>((items) => this.#sent(items), SENT_TOGETHER)
  #isClosed = false

  private constructor(database: PostgresDatabase, gateway: number) {
    this.#database = database
    this.#gateway = gateway
  }

  /**
   * What the gateways of a name keep together. The database stays open when it is closed.
   * @throws {StoreError} `service_unreachable`, `service_refused`, `spool_unwritable`
   */
  static async open(database: PostgresDatabase, name: string): Promise<PostgresInstances> {
    return new PostgresInstances(database, await gatewayId(database, name))
  }

  async accept(instance: ReceivedInstance, events: readonly PendingEvent[]): Promise<void> {
    const made = await this.#write('accept', ACCEPT, [
      instance.id,
      instance.spoolKey,
      instance.lengthBytes,
      instance.sha256,
      JSON.stringify(instance.origin),
      instance.origin.callingAet,
      instance.receivedAt.getTime(),
      instance.sopClassUid,
      instance.sopInstanceUid,
      instance.studyInstanceUid,
      instance.transferSyntaxUid,
      instance.orderKey,
      newsOf(events),
    ])
    if (made.length === 0) throw instanceMoved('an instance has this id')
  }

  async withdraw(id: string): Promise<void> {
    const [row] = await this.#write('withdraw', WITHDRAW, [id])
    if (row !== undefined && number(row.gone) === 0) throw instanceMoved('the instance is judged')
  }

  async claimReceived({ owner, now, leaseMs, limit }: Lease): Promise<readonly StoredInstance[]> {
    const values = [owner, now.getTime() + leaseMs, now.getTime(), limit]
    const rows = await this.#write('claim_received', CLAIM_RECEIVED, values)
    return rows.map((row) => readInstance(row, [])).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  async findEarlier(sopInstanceUid: string, id: string): Promise<readonly EarlierInstance[]> {
    return (await this.#read('earlier', EARLIER, [sopInstanceUid, id])).map(readEarlier)
  }

  async judge(id: string, owner: string, judged: Judged, at: Date): Promise<void> {
    checkJudged(judged)
    const { state, verdict, description, deliveries } = judged
    const fields = {
      state: state === 'forwarding' && deliveries.length === 0 ? 'done' : state,
      route: judged.route,
      reasons: JSON.stringify(judged.reasons),
      verdict_word: verdict?.verdict ?? null,
      verdict: encodeJson(verdict),
      description: encodeDescription(description),
      sealed: encodeJson(judged.sealed),
      other_keys: JSON.stringify(judged.otherKeys),
      uid: description?.instance.sopInstanceUid ?? null,
      study_uid: description?.instance.studyInstanceUid ?? null,
    }
    const copies = deliveries.map((delivery) => ({ ...delivery, sha256: encodeHex(delivery.sha256) }))
    const [row] = await this.#write('judge', 'SELECT fiducial.gateway_judge($1, $2, $3, $4, $5, $6, $7, $8) AS done', [
      id,
      owner,
      at.getTime(),
      plainJson(fields),
      plainJson(keysOfJudged(judged)),
      plainJson(copies),
      newsOf(judged.events),
    ])
    if (row?.done !== true) throw instanceMoved('it is judged, or held by others')
  }

  async postpone(id: string, owner: string, notBefore: Date, counts: boolean): Promise<void> {
    const changed = await this.#write('postpone', POSTPONE, [id, owner, notBefore.getTime(), counts ? 0 : 1])
    if (changed.length === 0) throw instanceMoved('it is judged, or held by others')
  }

  async abandonClaims(): Promise<void> {
    await this.#write('abandon', ABANDON, [])
  }

  async claimDeliveries(destination: string, lease: Lease): Promise<readonly StoredDelivery[]> {
    const { owner, now, leaseMs, limit } = lease
    const values = [destination, owner, now.getTime(), now.getTime() + leaseMs, limit]
    const text = 'SELECT * FROM fiducial.gateway_claim($1, $2, $3, $4, $5, $6)'
    return (await this.#write('claim', text, values)).map(readDelivery)
  }

  async waitingDestinations(): Promise<readonly string[]> {
    return (await this.#read('destinations', DESTINATIONS, [])).map(({ name }) => String(name))
  }

  async sent(deliveryId: string, owner: string, at: Date, events: readonly PendingEvent[]): Promise<void> {
    const item = {
      number: numberOf(deliveryId),
      holder: owner,
      at: at.getTime(),
      events: events.map(({ news }) => news),
    }
    if (!(await this.#sending.add(deliveryId, item))) throw instanceMoved('it is sent, or held by others')
  }

  async failed(deliveryId: string, owner: string, code: string, dueAt: Date | null): Promise<void> {
    const values = [numberOf(deliveryId), owner, code, dueAt?.getTime() ?? null]
    const [row] = await this.#write('failed', 'SELECT fiducial.gateway_failed($1, $2, $3, $4, $5) AS done', values)
    if (row?.done !== true) throw instanceMoved('it is sent, or held by others')
  }

  async giveBack(deliveryIds: readonly string[], owner: string): Promise<void> {
    await this.#write('give_back', GIVE_BACK, [JSON.stringify(deliveryIds.map(numberOf)), owner])
  }

  async committed(deliveryIds: readonly string[], at: Date): Promise<void> {
    const text = `UPDATE fiducial.gateway_delivery SET committed_at = $3
      WHERE gateway = $1 AND number IN (SELECT json_array_elements_text($2)::bigint) AND committed_at IS NULL`
    await this.#write('committed', text, [JSON.stringify(deliveryIds.map(numberOf)), at.getTime()])
  }

  async resend(deliveryIds: readonly string[], { at, code, waitsMs }: Loss): Promise<readonly LostDelivery[]> {
    const values = [JSON.stringify(deliveryIds.map(numberOf)), code, at.getTime(), JSON.stringify(waitsMs)]
    const rows = await this.#write('resend', RESEND, values)
    return rows.map((row) => ({
      id: String(row.number),
      instanceId: String(row.instance),
      isDead: row.is_dead === true,
    }))
  }

  async revive(which: { readonly instanceId: string } | { readonly destination: string }, at: Date): Promise<number> {
    const [name, value] =
      'instanceId' in which ? (['instance', which.instanceId] as const) : (['destination', which.destination] as const)
    const [row] = await this.#write(`revive_${name}`, REVIVE(name), [value, at.getTime()])
    return number(row?.changed)
  }

  async askRelease(id: string, by: Party): Promise<void> {
    const text = `WITH asked AS (
        UPDATE fiducial.gateway_instance SET asked_by = $3 WHERE gateway = $1 AND id = $2 AND state = 'quarantined'
        RETURNING id
      ) SELECT count(*) AS known, (SELECT count(*) FROM asked) AS asked
      FROM fiducial.gateway_instance WHERE gateway = $1 AND id = $2`
    const [row] = await this.#write('ask_release', text, [id, JSON.stringify(by)])
    if (number(row?.known) === 0) throw instanceMissing()
    if (number(row?.asked) === 0) throw instanceMoved('it is not in quarantine')
  }

  async release(id: string, confirmedBy: Party, at: Date, events: readonly PendingEvent[]): Promise<void> {
    const values = [id, confirmedBy.id, at.getTime(), newsOf(events)]
    const text = 'SELECT fiducial.gateway_release($1, $2, $3, $4, $5) AS outcome'
    checkOutcome((await this.#write('release', text, values))[0])
  }

  async reexamine(id: string): Promise<void> {
    await this.#takeOut(id, 'received', null, [])
  }

  async reject(id: string, at: Date, events: readonly PendingEvent[]): Promise<void> {
    await this.#takeOut(id, 'rejected', at, events)
  }

  async get(id: string): Promise<StoredInstance | undefined> {
    const text = 'SELECT * FROM fiducial.gateway_instance WHERE gateway = $1 AND id = $2'
    return (await this.#whole(await this.#read('get', text, [id])))[0]
  }

  async list(filter: InstanceFilter): Promise<readonly StoredInstance[]> {
    checkFilter(filter)
    const { name, text, values } = listStatement(filter)
    return await this.#whole(await this.#read(name, text, values))
  }

  async counts(): Promise<InstanceCounts> {
    const [rows, open] = await Promise.all([
      this.#write('counts', 'SELECT * FROM fiducial.gateway_counts($1)', []),
      this.#read('destination counts', DESTINATION_COUNTS, []),
    ])
    const found = new Map(rows.map(({ kind, name, count }) => [`${kind} ${name}`, count]))
    const of = (kind: string, name: string): number => number(found.get(`${kind} ${name}`) ?? 0)
    const record = <Name extends string>(kind: string, names: readonly Name[]): Record<Name, number> =>
      Object.fromEntries(names.map((name) => [name, of(kind, name)])) as Record<Name, number>
    return {
      states: record('state', INSTANCE_STATES),
      deliveries: record('delivery', DELIVERY_STATES),
      verdicts: record('verdict', [...VERDICTS, 'none'] as const),
      pendingEvents: of('event', 'pending'),
      destinations: countDestinations(open),
      oldestReceivedAt: dateOrNull(found.get('at received')),
      oldestDueAt: dateOrNull(found.get('at due')),
    }
  }

  async pendingEvents(
    limit: number,
  ): Promise<readonly (PendingEvent & { readonly id: string; readonly instanceId: string })[]> {
    const text = `SELECT number AS id, instance, news FROM fiducial.gateway_event
      WHERE gateway = $1 ORDER BY number LIMIT $2`
    const rows = await this.#read('pending', text, [limit])
    return rows.map(({ id, instance, news }) => ({
      id: String(id),
      instanceId: String(instance),
      news: String(news),
    }))
  }

  async logged(events: readonly { readonly id: string }[]): Promise<void> {
    await this.#write('logged', LOGGED, [JSON.stringify(events.map(({ id }) => numberOf(id)))])
  }

  async addEvents(events: readonly PendingEvent[]): Promise<void> {
    await this.#write('add_events', `SELECT fiducial.gateway_add_events($1, '', $2)`, [newsOf(events)])
  }

  async expired(
    before: Date,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly keys: readonly string[] }[]> {
    const rows = await this.#read('expired', EXPIRED, [before.getTime(), limit])
    return rows.map(({ id, keys }) => ({ id: String(id), keys: JSON.parse(String(keys)) as string[] }))
  }

  async forgotten(ids: readonly string[]): Promise<void> {
    await this.#write('forgotten', FORGOTTEN, [plainJson(ids)])
  }

  async purge(before: Date, limit: number): Promise<number> {
    const [row] = await this.#write('purge', PURGE, [before.getTime(), limit])
    return number(row?.count)
  }

  async knowsKey(key: string): Promise<boolean> {
    const text = 'SELECT 1 AS one FROM fiducial.gateway_key WHERE gateway = $1 AND key = $2'
    return (await this.#read('knows_key', text, [key])).length > 0
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  async #sent(items: readonly SentItem[]): Promise<readonly boolean[]> {
    const text = 'SELECT fiducial.gateway_sent($1, $2) AS number'
    const rows = await this.#write('sent', text, [plainJson(items)])
    const changed = new Set(rows.map((row) => number(row.number)))
    return items.map((item) => changed.has(item.number))
  }

  async #takeOut(
    id: string,
    state: 'received' | 'rejected',
    at: Date | null,
    events: readonly PendingEvent[],
  ): Promise<void> {
    const text = 'SELECT fiducial.gateway_take_out($1, $2, $3, $4, $5) AS outcome'
    const values = [id, state, at?.getTime() ?? null, newsOf(events)]
    checkOutcome((await this.#write('take_out', text, values))[0])
  }

  async #whole(rows: readonly RecordRow[]): Promise<readonly StoredInstance[]> {
    const ids = rows.filter(({ state }) => state !== 'received').map(({ id }) => id)
    const all = ids.length === 0 ? [] : await this.#read('deliveries', ALL_DELIVERIES, [plainJson(ids)])
    const deliveries = Map.groupBy(all.map(readDelivery), ({ instanceId }) => instanceId)
    return rows.map((row) => readInstance(row, deliveries.get(String(row.id)) ?? []))
  }

  /** @param values  of $2 and following; $1 is the number of the gateway */
  async #read(name: string, text: string, values: readonly Parameter[]): Promise<readonly RecordRow[]> {
    this.#checkOpen()
    const statement = { name: `gateway_${name}`, text, values: [this.#gateway, ...values.map(plainParameter)] }
    return await inOurWords(() => this.#database.read<RecordRow>(statement))
  }

  async #write(name: string, text: string, values: readonly Parameter[]): Promise<readonly RecordRow[]> {
    this.#checkOpen()
    const statement = { name: `gateway_${name}`, text, values: [this.#gateway, ...values.map(plainParameter)] }
    return await inOurWords(() => this.#database.write<RecordRow>(statement))
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreError('spool_unwritable', 'the record of the gateway is closed')
  }
}

function checkOutcome(row: RecordRow | undefined): void {
  if (row?.outcome === 'done') return
  if (row?.outcome === 'instance_missing') throw instanceMissing()
  if (row?.outcome === 'approval_missing') throw approvalMissing()
  throw instanceMoved('it is not in quarantine')
}

const newsOf = (events: readonly PendingEvent[]): string => plainJson(events.map(({ news }) => news))

/** Ids of deliveries and events are the numbers of their rows; what is no number names none. */
const numberOf = (id: string): number => (/^\d{1,15}$/.test(id) ? Number(id) : -1)
