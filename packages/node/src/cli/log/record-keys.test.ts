import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { parseEventStatement } from '@fiducial/core/domain/log/event.ts'
import type { CustodyStatement } from '@fiducial/core/domain/log/event-details.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { toyCertificate } from '@fiducial/core/testing/toy-pki.ts'
import { MemorySite } from '../../testing/memory-site.ts'
import type { Holder } from '../ring.ts'
import { recordKeys } from './record-keys.ts'

const holder = (id: string, more: Partial<Holder> = {}): Holder => ({
  id,
  role: 'device',
  name: `Name of ${id}`,
  status: 'active',
  certificates: {
    dicom: toyCertificate({ name: `${id} dicom` }),
    statement: toyCertificate({ name: `${id} statement` }),
  },
  ...more,
})

async function eventsOf(site: MemorySite): Promise<readonly CustodyStatement[]> {
  const events: CustodyStatement[] = []
  for (let index = 0n; index < site.state.size; index++) {
    const payload = await site.ports.records.payload(index)
    assert.ok(payload instanceof Uint8Array)
    const event = parseEventStatement(payload)
    assert.ok(event.type !== 'acquired')
    events.push(event)
  }
  return events
}

describe('recordKeys', () => {
  it('says who is certified, by which certificates, and since when', async () => {
    const site = new MemorySite()
    const device = holder('room-2')
    await site.fill((open) => recordKeys(open, [device]))
    const [event, ...others] = await eventsOf(site)
    assert.deepEqual(others, [])
    assert.ok(event?.type === 'key-enrolled')
    assert.deepEqual(event.details, {
      holder: { id: 'room-2', name: 'Name of room-2' },
      role: 'device',
      reason: 'enrolled',
      certificates: Object.values(device.certificates).map(
        (certificate) =>
          new Uint8Array(
            createHash('sha256')
              .update(certificate?.bytes ?? new Uint8Array())
              .digest(),
          ),
      ),
    })
    assert.deepEqual(event.at, device.certificates.dicom?.notBefore)
    assert.deepEqual([event.instance, event.digests], [null, null])
  })

  it('says it once, however often it is told', async () => {
    const site = new MemorySite()
    for (let i = 0; i < 3; i++) await site.fill((open) => recordKeys(open, [holder('a'), holder('b')]))
    assert.equal((await eventsOf(site)).length, 2)
  })

  it('says who is certified no more, and why', async () => {
    const site = new MemorySite()
    const revocation = { revokedAt: new Date('2026-03-01T00:00:00Z'), reason: 'keyCompromise' } as const
    await site.fill((open) => recordKeys(open, [holder('a')]))
    await site.fill((open) => recordKeys(open, [holder('a', { status: 'revoked', revocation })]))
    const [enrolled, revoked, ...others] = await eventsOf(site)
    assert.deepEqual([enrolled?.type, others], ['key-enrolled', []])
    assert.ok(revoked?.type === 'key-revoked')
    assert.deepEqual([revoked.at, revoked.details.reason], [revocation.revokedAt, 'keyCompromise'])
  })

  it('passes over holders who are not certified', async () => {
    const site = new MemorySite()
    const bare = [
      holder('a', { role: 'uncertified' }),
      holder('b', { certificates: {} }),
      holder('c', { certificates: { dicom: undefined } }),
    ]
    await site.fill((open) => recordKeys(open, bare))
    assert.equal(site.state.size, 0n)
    await site.fill((open) => recordKeys(open, []))
    assert.equal(site.state.size, 0n)
  })

  it('records every role that a site certifies', async () => {
    const site = new MemorySite()
    const roles = ['device', 'person', 'log', 'timestamp'] as const
    await site.fill((open) =>
      recordKeys(
        open,
        roles.map((role) => holder(role, { role })),
      ),
    )
    assert.deepEqual(
      (await eventsOf(site))
        .map((event) => (event.type === 'key-enrolled' ? event.details.role : event.type))
        .toSorted(),
      roles.toSorted(),
    )
  })

  it('refuses a name that does not show what it says, and keeps it to itself', async () => {
    const site = new MemorySite()
    const odd = holder('a', { name: 'Secret\u202eName' })
    await site.fill(async (open) => {
      await assert.rejects(
        recordKeys(open, [odd]),
        (error) =>
          error instanceof FormatError && error.code === 'event_malformed' && !error.message.includes('Secret'),
      )
    })
    assert.equal(site.state.size, 0n)
  })
})
