import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryInstances } from '../../storage/gateway/memory-instances.ts'
import { MemorySpool } from '../../storage/gateway/memory-spool.ts'
import { copyTo, judged, lease, minute } from '../../testing/gateway-contracts/made-up.ts'
import { Expiry, recover } from './upkeep.ts'

const received = (id: string, spoolKey: string) => ({
  id,
  spoolKey,
  lengthBytes: 1,
  sha256: new Uint8Array(32),
  origin: { protocol: 'file', callingAet: null, calledAet: null, address: null, peer: null } as const,
  receivedAt: new Date(),
  sopClassUid: null,
  sopInstanceUid: null,
  studyInstanceUid: null,
  transferSyntaxUid: null,
  orderKey: id,
})

async function fill(spool: MemorySpool, count: number): Promise<readonly string[]> {
  const keys: string[] = []
  for (let i = 0; i < count; i++) {
    const writer = spool.create()
    writer.write(Uint8Array.of(1))
    await writer.commit()
    keys.push(writer.key)
  }
  return keys
}

describe('recovering', () => {
  it('removes files without a record and what was never finished, and keeps all others', async () => {
    const [store, spool] = [new MemoryInstances(), new MemorySpool()]
    const keys = await fill(spool, 700)
    const kept = keys.filter((_, i) => i % 7 === 0)
    for (const [i, key] of kept.entries()) await store.accept(received(String(i).padStart(26, '0'), key), [])
    spool.create()
    const now = () => new Date()
    assert.deepEqual(await recover({ store, spool, now }, true), { unfinished: 1, orphans: 600 })
    assert.deepEqual((await Array.fromAsync(spool.list())).toSorted(), kept.toSorted())
  })

  it('leaves young files alone where other processes may be about to record them', async () => {
    const [store, spool] = [new MemoryInstances(), new MemorySpool()]
    await fill(spool, 3)
    const later = new Date(Date.now() + 7_200_000)
    assert.deepEqual(await recover({ store, spool, now: () => new Date() }, false), { unfinished: 0, orphans: 0 })
    assert.deepEqual(await recover({ store, spool, now: () => later }, false), { unfinished: 0, orphans: 3 })
  })

  it('ends the leases of the dead where no other process is there', async () => {
    const [store, spool] = [new MemoryInstances(), new MemorySpool()]
    const [key = ''] = await fill(spool, 1)
    await store.accept(received('0'.repeat(26), key), [])
    const lease = { now: new Date(), leaseMs: 3_600_000, limit: 1 }
    assert.equal((await store.claimReceived({ ...lease, owner: 'dead' })).length, 1)
    assert.equal((await store.claimReceived({ ...lease, owner: 'next' })).length, 0)
    await recover({ store, spool, now: () => new Date() }, true)
    assert.equal((await store.claimReceived({ ...lease, owner: 'next' })).length, 1)
  })
})

describe('files of images that were sent', () => {
  it('stay where the destination turns out to have lost them as they are about to go', async () => {
    const [store, spool] = [new MemoryInstances(), new MemorySpool()]
    const [key = ''] = await fill(spool, 1)
    const id = '0'.repeat(26)
    await store.accept(received(id, key), [])
    await store.claimReceived(lease(1))
    const deliveries = [{ ...copyTo('PACS', 1), spoolKey: key }]
    await store.judge(id, 'gateway-1', judged({ deliveries }), minute(1))
    const [copy] = await store.claimDeliveries('PACS', lease(2))
    const ids = [copy?.id ?? '']
    await store.sent(ids[0] ?? '', 'gateway-1', minute(2), [])
    const expired = store.expired.bind(store)
    store.expired = async (...args) => {
      const due = await expired(...args)
      await store.resend(ids, { at: minute(3), code: 'copy_lost', waitsMs: [0] })
      return due
    }
    const committing = (): ReadonlySet<string> => new Set(['PACS'])
    await new Expiry({ store, spool, committing, now: () => minute(60 * 24 * 30), observe: () => undefined }).work()
    assert.deepEqual(await Array.fromAsync(spool.list()), [key])
    assert.equal((await store.claimDeliveries('PACS', lease(4))).length, 1)
  })
})
