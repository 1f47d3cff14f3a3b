import { join } from 'node:path'
import type { InstanceStore } from '../../services/gateway/ports.ts'
import { fastFolder } from '../../testing/fast-folder.ts'
import { instanceStoreContract } from '../../testing/gateway-contracts/instance-store-contract.ts'
import type { Owner } from '../../testing/log-contracts/harness.ts'
import { MemoryInstances } from './memory-instances.ts'
import { SqliteInstances } from './sqlite-instances.ts'

instanceStoreContract('memory', {
  fresh: async () => new MemoryInstances(),
  reopen: async (store) => store,
})

const paths = new WeakMap<InstanceStore, string>()
const open = async (path: string, t: Owner): Promise<InstanceStore> => {
  const store = await SqliteInstances.open(path)
  t.after(() => store.close())
  paths.set(store, path)
  return store
}
instanceStoreContract('SQLite', {
  fresh: (t) => open(join(fastFolder(), 'gateway.sqlite'), t),
  reopen: (store, t) => open(paths.get(store) ?? '', t),
})
