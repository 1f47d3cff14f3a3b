/** What gateways keep in PostgreSQL: the contract of the port, on a real server. */
import { describe } from 'node:test'
import type { InstanceStore } from '../services/gateway/ports.ts'
import { PostgresInstances } from '../storage/gateway/postgres/instances.ts'
import { PostgresDatabase } from '../storage/log/postgres/database.ts'
import { instanceStoreContract } from '../testing/gateway-contracts/instance-store-contract.ts'
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
  instanceStoreContract('PostgreSQL', {
    fresh: (t) => open(`hospital.example/${++gateways}`, t),
    reopen: (store, t) => open(names.get(store) as string, t),
  })
})
