/** Instance queries: what can be asked of the database of the gateway. */
import type { InstanceVerdict } from '@fiducial/core/domain/gateway/instance.ts'
import { INSTANCE_STATES } from '@fiducial/core/domain/gateway/instance.ts'
import {
  DELIVERY_STATES,
  type EarlierInstance,
  type InstanceCounts,
  type InstanceFilter,
  type PendingEvent,
  type StoredDelivery,
  type StoredInstance,
} from '../../services/gateway/ports.ts'
import { dateOrNull, number, type RecordRow, readDelivery, readEarlier, readInstance } from './instance-record.ts'
import { checkFilter, countDestinations, EARLIER_LIMIT, VERDICTS } from './instance-rules.ts'
import type { InstanceStatements } from './instance-statements.ts'

/** Goes from one destination to the next without looking at what waits for each. */
const DESTINATIONS = `
  WITH RECURSIVE known (name) AS (
    SELECT min(destination) FROM lane
    UNION ALL
    SELECT (SELECT min(destination) FROM lane WHERE destination > name) FROM known WHERE name IS NOT NULL
  ) SELECT name FROM known WHERE name IS NOT NULL`

/** Each of the two goes along an index of its own. */
const DESTINATION_COUNTS = `
  SELECT destination, 'waiting' AS state, count(*) AS count FROM delivery
    WHERE state = 'waiting' GROUP BY destination
  UNION ALL
  SELECT destination, 'dead', count(*) FROM delivery WHERE state = 'dead' GROUP BY destination`

type Condition = readonly [sql: string, value: string | number]

export class InstanceQueries {
  readonly #statements: InstanceStatements

  constructor(statements: InstanceStatements) {
    this.#statements = statements
  }

  get(id: string): StoredInstance | undefined {
    return this.whole(this.#statements.all('SELECT * FROM instance WHERE id = ?', id))[0]
  }

  /** Instances of rows, with their deliveries. */
  whole(rows: readonly RecordRow[]): StoredInstance[] {
    const deliveries = new Map<string, StoredDelivery[]>()
    const judged = rows.filter(({ state }) => state !== 'received').map(({ id }) => id)
    if (judged.length > 0) {
      const sql = 'SELECT * FROM delivery WHERE instance IN (SELECT value FROM json_each(?)) ORDER BY number'
      for (const delivery of this.#statements.all(sql, JSON.stringify(judged)).map(readDelivery)) {
        const others = deliveries.get(delivery.instanceId)
        if (others === undefined) deliveries.set(delivery.instanceId, [delivery])
        else others.push(delivery)
      }
    }
    return rows.map((row) => readInstance(row, deliveries.get(String(row.id)) ?? []))
  }

  findEarlier(sopInstanceUid: string, id: string): readonly EarlierInstance[] {
    const sql = `SELECT id, sha256, state, description, received_at FROM instance
      WHERE uid = ? AND (id < ? OR (id > ? AND state <> 'received')) ORDER BY id LIMIT ${EARLIER_LIMIT}`
    return this.#statements.all(sql, sopInstanceUid, id, id).map(readEarlier)
  }

  waitingDestinations(): readonly string[] {
    return this.#statements.all(DESTINATIONS).map(({ name }) => String(name))
  }

  list(filter: InstanceFilter): readonly StoredInstance[] {
    checkFilter(filter)
    const { states, limit, order, studyInstanceUid, sopInstanceUid } = filter
    // One state at a time: each goes along its index, in order. A UID leaves so few that no other index may be taken.
    const isNarrow = studyInstanceUid !== undefined || sopInstanceUid !== undefined
    const condition = isNarrow ? '+state = ?' : 'state = ?'
    const alternatives: (readonly Condition[])[] =
      states === undefined ? [[]] : [...new Set(states)].map((state) => [[condition, state]])
    const rows = alternatives.flatMap((conditions) => this.#list(filter, conditions))
    const sign = order === 'newest_first' ? -1 : 1
    rows.sort((a, b) => (String(a.id) < String(b.id) ? -sign : sign))
    return this.whole(rows.slice(0, limit))
  }

  counts(): InstanceCounts {
    const rows = this.#statements.all('SELECT kind, name, count FROM tally')
    const tally = new Map(rows.map(({ kind, name, count }) => [`${kind} ${name}`, number(count)]))
    const of = (kind: string, name: string): number => tally.get(`${kind} ${name}`) ?? 0
    const received = "SELECT received_at AS at FROM instance WHERE state = 'received' ORDER BY id LIMIT 1"
    const due = "SELECT min(due_at) AS at FROM delivery WHERE state = 'waiting'"
    return {
      states: record(INSTANCE_STATES, (name) => of('state', name)),
      deliveries: record(DELIVERY_STATES, (name) => of('delivery', name)),
      verdicts: record<InstanceVerdict['verdict'] | 'none'>([...VERDICTS, 'none'], (name) => of('verdict', name)),
      pendingEvents: of('event', 'pending'),
      destinations: countDestinations(this.#statements.all(DESTINATION_COUNTS)),
      oldestReceivedAt: dateOrNull(this.#statements.first(received)?.at),
      oldestDueAt: dateOrNull(this.#statements.first(due)?.at),
    }
  }

  pendingEvents(limit: number): readonly (PendingEvent & { readonly id: string; readonly instanceId: string })[] {
    const sql = 'SELECT number, instance, news FROM event ORDER BY number LIMIT ?'
    return this.#statements
      .all(sql, limit)
      .map(({ number: id, instance, news }) => ({ id: String(id), instanceId: String(instance), news: String(news) }))
  }

  expired(before: Date, limit: number): readonly { readonly id: string; readonly keys: readonly string[] }[] {
    const rows = this.#statements.all(
      `SELECT id FROM instance WHERE done_at < ? AND done_at IS NOT NULL AND is_forgotten = 0 AND NOT EXISTS (
         SELECT 1 FROM event WHERE event.instance = instance.id
       ) ORDER BY done_at, id LIMIT ?`,
      before.getTime(),
      limit,
    )
    return rows.map(({ id }) => {
      const keys = this.#statements.all('SELECT key FROM spool_key WHERE instance = ?', String(id))
      return { id: String(id), keys: keys.map(({ key }) => String(key)) }
    })
  }

  knowsKey(key: string): boolean {
    return this.#statements.first('SELECT 1 FROM spool_key WHERE key = ?', key) !== undefined
  }

  #list(filter: InstanceFilter, first: readonly Condition[]): readonly RecordRow[] {
    const isNewestFirst = filter.order === 'newest_first'
    const { hasDead, limit } = filter
    const conditions = [...first, ...conditionsOf(filter, isNewestFirst)]
    const dead = "id IN (SELECT instance FROM delivery WHERE state = 'dead')"
    const parts = conditions.map(([sql]) => sql)
    if (hasDead !== undefined) parts.push(hasDead ? dead : `NOT (${dead})`)
    const where = parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`
    const sql = `SELECT * FROM instance ${where} ORDER BY id ${isNewestFirst ? 'DESC' : 'ASC'} LIMIT ?`
    return this.#statements.all(sql, ...conditions.map(([, value]) => value), limit)
  }
}

function conditionsOf(filter: InstanceFilter, isNewestFirst: boolean): readonly Condition[] {
  const { verdicts, studyInstanceUid, sopInstanceUid, callingAet, destination, since, until, after } = filter
  const found: (Condition | undefined)[] = [
    verdicts && ['verdict_word IN (SELECT value FROM json_each(?))', JSON.stringify(verdicts)],
    when(studyInstanceUid, 'study_uid = ?'),
    when(sopInstanceUid, 'uid = ?'),
    when(callingAet, 'calling_aet = ?'),
    when(
      destination,
      'EXISTS (SELECT 1 FROM delivery WHERE delivery.instance = instance.id AND delivery.destination = ?)',
    ),
    when(since?.getTime(), 'received_at >= ?'),
    when(until?.getTime(), 'received_at < ?'),
    when(after, isNewestFirst ? 'id < ?' : 'id > ?'),
  ]
  return found.filter((condition) => condition !== undefined)
}

const when = (value: string | number | undefined, sql: string): Condition | undefined =>
  value === undefined ? undefined : [sql, value]

function record<Name extends string>(names: readonly Name[], of: (name: Name) => number): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, number>
}
