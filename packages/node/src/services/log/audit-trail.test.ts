import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { MemorySite, makeToySeal } from '../../testing/memory-site.ts'
import { type AuditCursor, type AuditNews, AuditTrail } from './audit-trail.ts'

const never = new AbortController().signal

class MemoryCursor implements AuditCursor {
  next = 0n
  async read(): Promise<bigint> {
    return this.next
  }
  async write(next: bigint): Promise<void> {
    this.next = next
  }
}

/** A site whose log holds a seal and events about keys, and a repository that can be made to fail. */
async function openStage(events = 3) {
  const site = new MemorySite()
  await site.fill(async ({ recorder }) => {
    await recorder.recordSeal(await makeToySeal({ uid: '1.2.3' }))
    for (let i = 0; i < events; i++) {
      await recorder.record({
        type: 'key-enrolled',
        instance: null,
        digests: null,
        at: new Date(Date.UTC(2026, 2, 3, 10, 15, i % 60, Math.floor(i / 60))),
        details: {
          holder: { id: `device-${i}`, name: `Room ${i}` },
          role: 'device',
          certificates: [new Uint8Array(32)],
          reason: 'new',
        },
      })
    }
  })
  const told: AuditNews[] = []
  const stage = { isAway: false, told, cursor: new MemoryCursor(), site }
  const trail = new AuditTrail({
    crypto: nativeCrypto,
    view: () => site.view(),
    records: () => site.ports.records,
    cursor: stage.cursor,
    sink: {
      async deliver(news) {
        if (stage.isAway) throw new StoreError('service_unreachable', 'away')
        told.push(...news)
      },
      async close() {},
    },
  })
  return { ...stage, trail, setAway: (isAway: boolean) => Object.assign(stage, { isAway }) }
}

describe('audit trail', () => {
  it('tells of each entry once and in order, and goes on where it stood', async () => {
    const { trail, told, cursor, site } = await openStage()
    const first = await trail.tell(never)
    assert.equal(first.told, told.length)
    assert.equal(first.waiting, 0n)
    assert.deepEqual(
      told.map(({ place }) => place.index),
      [...told.keys()].map(BigInt),
    )
    assert.equal(told[0]?.event.type, 'acquired')
    assert.equal((await trail.tell(never)).told, 0)
    const before = cursor.next
    await site.fill(async ({ recorder }) => recorder.recordSeal(await makeToySeal({ uid: '1.2.4' })))
    await trail.tell(never)
    assert.equal(told.at(-1)?.place.index, before)
  })

  it('leaves nothing out while the repository is away', async () => {
    const { trail, told, setAway, cursor } = await openStage(300)
    setAway(true)
    await assert.rejects(trail.tell(never), { code: 'service_unreachable' })
    assert.equal(cursor.next, 0n)
    setAway(false)
    const { next } = await trail.tell(never)
    assert.equal(BigInt(told.length), next)
    assert.equal(new Set(told.map(({ place }) => place.index)).size, told.length)
  })

  it('passes over entries whose statement was erased', async () => {
    const { trail, told, site } = await openStage()
    const by = { erasedBy: { id: 'p', name: 'P' }, legalBasis: 'GDPR article 17' }
    await site.fill((open) => open.erase(1n, by))
    const { passedOver } = await trail.tell(never)
    assert.equal(passedOver, 1)
    assert.ok(told.every(({ place }) => place.index !== 1n))
  })

  it('tells nothing of a log that has published nothing', async () => {
    const { trail: _trail, cursor } = await openStage(0)
    const empty = new AuditTrail({
      crypto: nativeCrypto,
      view: async () => undefined,
      records: () => undefined,
      cursor,
      sink: { deliver: () => assert.fail('nothing to tell'), close: async () => undefined },
    })
    assert.deepEqual(await empty.tell(never), { told: 0, passedOver: 0, next: 0n, waiting: 0n })
  })
})
