/** Orders on PostgreSQL: what one gateway observed of an order, all of a group know. */
import { keysOf, type ObservedOrder } from '@fiducial/core/domain/gateway/orders.ts'
import { ORDERS_FOUND, type OrderStore } from '../../../services/gateway/ports.ts'
import type { Parameter, PostgresDatabase } from '../../log/postgres/database.ts'
import { gatewayId, inOurWords } from './gateway-id.ts'
import { plainJson, plainParameter } from './plain-text.ts'

const FIND = `
  SELECT id, kind, seen, step FROM fiducial.gateway_order WHERE gateway = $1 AND id IN (
    SELECT id FROM fiducial.gateway_order_key WHERE gateway = $1 AND kind = 'study' AND key = $2
    UNION SELECT id FROM fiducial.gateway_order_key WHERE gateway = $1 AND kind = 'accession' AND key = $3
  ) ORDER BY seen DESC LIMIT ${ORDERS_FOUND}`
const GET = 'SELECT id, kind, seen, step FROM fiducial.gateway_order WHERE gateway = $1 AND id = $2'
const PUT = 'SELECT fiducial.gateway_put_order($1, $2, $3, $4, $5, $6)'
const FORGET = `
  WITH gone AS (
    DELETE FROM fiducial.gateway_order WHERE gateway = $1 AND seen < $2 RETURNING id
  ), keys AS (
    DELETE FROM fiducial.gateway_order_key WHERE gateway = $1 AND id IN (SELECT id FROM gone)
  ) SELECT count(*) AS count FROM gone`

interface OrderRow {
  readonly id: string
  readonly kind: string
  readonly seen: string
  readonly step: string
}

export class PostgresOrders implements OrderStore {
  readonly #database: PostgresDatabase
  readonly #gateway: number

  private constructor(database: PostgresDatabase, gateway: number) {
    this.#database = database
    this.#gateway = gateway
  }

  /** Those of a group of gateways. The database stays open when it is closed. @throws {StoreError} */
  static async open(database: PostgresDatabase, name: string): Promise<PostgresOrders> {
    return new PostgresOrders(database, await gatewayId(database, name))
  }

  async put(order: ObservedOrder): Promise<void> {
    const { id, kind, seenAt, step } = order
    const { studies, accessionNumbers } = keysOf(order)
    const keys = [...studies.map((key) => ['study', key]), ...accessionNumbers.map((key) => ['accession', key])]
    await this.#write('put', PUT, [id, kind, seenAt.getTime(), JSON.stringify(step), plainJson(keys)])
  }

  async get(id: string): Promise<ObservedOrder | undefined> {
    return (await this.#read('get', GET, [id]))[0]
  }

  find({ studyInstanceUid, accessionNumber }: Parameters<OrderStore['find']>[0]): Promise<readonly ObservedOrder[]> {
    return this.#read('find', FIND, [studyInstanceUid, accessionNumber])
  }

  async forget(before: Date): Promise<number> {
    const [row] = await this.#write<{ readonly count: string }>('forget', FORGET, [before.getTime()])
    return Number(row?.count ?? 0)
  }

  async close(): Promise<void> {}

  async #read(name: string, text: string, values: readonly Parameter[]): Promise<readonly ObservedOrder[]> {
    const statement = { name: `gateway_order_${name}`, text, values: [this.#gateway, ...values.map(plainParameter)] }
    const rows = await inOurWords(() => this.#database.read<OrderRow>(statement))
    return rows.map(
      ({ id, kind, seen, step }) =>
        ({ id, kind, seenAt: new Date(Number(seen)), step: JSON.parse(step) }) as ObservedOrder,
    )
  }

  #write<Row extends object>(name: string, text: string, values: readonly Parameter[]): Promise<readonly Row[]> {
    const statement = { name: `gateway_order_${name}`, text, values: [this.#gateway, ...values.map(plainParameter)] }
    return inOurWords(() => this.#database.write<Row>(statement))
  }
}
