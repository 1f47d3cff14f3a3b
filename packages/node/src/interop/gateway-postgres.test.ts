/** What gateways keep in PostgreSQL: the contracts of the ports, on a real server. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import pg from 'pg'
import type { InstanceStore } from '../services/gateway/ports.ts'
import { PostgresInstances } from '../storage/gateway/postgres/instances.ts'
import { PostgresOrders } from '../storage/gateway/postgres/orders.ts'
import { PostgresSealShelf } from '../storage/gateway/postgres/seal-shelf.ts'
import { PostgresDatabase } from '../storage/log/postgres/database.ts'
import { migrate, STEPS } from '../storage/log/postgres/schema.ts'
import { fastFolder } from '../testing/fast-folder.ts'
import { instanceStoreContract } from '../testing/gateway-contracts/instance-store-contract.ts'
import { orderStoreContract } from '../testing/gateway-contracts/orders.ts'
import type { Owner } from '../testing/log-contracts/harness.ts'
import { postgres, startPostgres } from '../testing/postgres.ts'

describe('PostgreSQL keeps the contract of instances', { skip: postgres.skip }, () => {
  const cluster = postgres.skip === false ? startPostgres() : undefined
  const names = new WeakMap<InstanceStore, string>()
  let gateways = 0

  const open = async (name: string, t: Owner): Promise<InstanceStore> => {
    const database = await PostgresDatabase.open({ url: (await cluster)?.url() ?? '' })
    t.after(() => database.close())
    const store = await PostgresInstances.open(database, name)
    names.set(store, name)
    return store
  }

  describe('orders on PostgreSQL', () => {
    const url = async (): Promise<string> => (await cluster)?.url() ?? ''
    const opened = new Map<string, Promise<PostgresDatabase>>()
    after(async () => {
      for (const database of opened.values()) await (await database).close()
    })
    let count = 0
    orderStoreContract(async () => {
      const database = await PostgresDatabase.open({ url: await url(), connections: 2 })
      const name = `orders ${count++}`
      opened.set(name, Promise.resolve(database))
      return await PostgresOrders.open(database, name)
    })
  })

  it('brings a database of custody logs up to date, with all that is in it', async (t) => {
    const url = (await cluster)?.url() ?? ''
    const operator = new pg.Client({ connectionString: url })
    await operator.connect()
    await operator.query('CREATE DATABASE older')
    await operator.end()
    const older = (await cluster)?.url('older') ?? ''
    const client = new pg.Client({ connectionString: older })
    await client.connect()
    t.after(() => client.end())
    assert.equal(await migrate(client, STEPS.slice(0, 1)), 1)
    await client.query("INSERT INTO fiducial.log (origin) VALUES ('hospital.example/log')")
    const database = await PostgresDatabase.open({ url: older })
    t.after(() => database.close())
    assert.equal(await database.logId('hospital.example/log'), 1)
    const { rows } = await client.query('SELECT version FROM fiducial.schema_version')
    assert.deepEqual(rows, [{ version: STEPS.length }])
    const store = await PostgresInstances.open(database, 'gateway')
    assert.equal((await store.counts()).states.received, 0)
  })

  it('keeps the first seal of an image, for all gateways of a group', async (t) => {
    const database = await PostgresDatabase.open({ url: (await cluster)?.url() ?? '' })
    t.after(() => database.close())
    const [one, other, stranger] = await Promise.all(
      ['seals', 'seals', 'others'].map((name) => PostgresSealShelf.open(database, name, fastFolder())),
    )
    const seal = Buffer.from('a seal')
    assert.equal(await other?.find('1.2.3'), undefined)
    assert.equal(await one?.put('1.2.3', seal), 'kept')
    assert.equal(await other?.put('1.2.3', seal), 'known')
    assert.equal(await other?.put('1.2.3', Buffer.from('another')), 'other')
    for (const shelf of [one, other]) {
      for (let round = 0; round < 2; round++) assert.deepEqual(readFileSync((await shelf?.find('1.2.3')) ?? ''), seal)
    }
    assert.equal(await stranger?.find('1.2.3'), undefined)
  })

  instanceStoreContract('PostgreSQL', {
    fresh: (t) => open(`hospital.example/${++gateways}`, t),
    reopen: (store, t) => open(names.get(store) as string, t),
  })
})
