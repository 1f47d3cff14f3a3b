import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryInstances } from '../../storage/gateway/memory-instances.ts'
import { MemorySpool } from '../../storage/gateway/memory-spool.ts'
import { recover } from './upkeep.ts'

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
