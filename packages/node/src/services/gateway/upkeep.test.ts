import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryInstances } from '../../storage/gateway/memory-instances.ts'
import { MemorySpool } from '../../storage/gateway/memory-spool.ts'
import { idOf, judged, lease, minute, received } from '../../testing/gateway-contracts/made-up.ts'
import { collect } from '../../testing/log-contracts/harness.ts'
import { Expiry } from './upkeep.ts'

const DAY_MINUTES = 24 * 60

describe('what a gateway keeps of an instance that is done', () => {
  it('is file and record for a day, the record for some months, and then nothing', async (t) => {
    const store = new MemoryInstances()
    const spool = new MemorySpool()
    t.after(() => spool.close())
    const writer = spool.create()
    const bytes = await writer.commit()
    await store.accept(received(1, { spoolKey: writer.key, ...bytes }), [])
    await store.claimReceived(lease(0))
    await store.judge(idOf(1), 'gateway-1', judged({ state: 'done' }), minute(0))
    const kept = async (days: number) => {
      const now = (): Date => minute(days * DAY_MINUTES + 1)
      await new Expiry({ store, spool, now, observe: () => undefined }).work()
      return { files: (await collect(spool.list())).length, records: (await store.list({ limit: 10 })).length }
    }
    assert.deepEqual(await kept(0), { files: 1, records: 1 })
    assert.deepEqual(await kept(1), { files: 0, records: 1 })
    assert.deepEqual(await kept(89), { files: 0, records: 1 })
    assert.deepEqual(await kept(90), { files: 0, records: 0 })
  })
})
