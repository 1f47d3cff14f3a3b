import assert from 'node:assert/strict'
import { it } from 'node:test'
import { commitmentsBy } from './decide-commitments.ts'
import type { InstanceFilter, StoredInstance } from './ports.ts'

it('decides on each reference by what is kept under its UID', async () => {
  const asked: InstanceFilter[] = []
  const store = {
    list: async (filter: InstanceFilter) => {
      asked.push(filter)
      const found = { sopClassUid: '1.2', state: 'done', deliveries: [{ state: 'sent', committedAt: null }] }
      return filter.sopInstanceUid === '1.2.3' ? [found as unknown as StoredInstance] : []
    },
  }
  const references = ['1.2.3', '1.2.4'].map((sopInstanceUid) => ({ sopClassUid: '1.2', sopInstanceUid }))
  assert.deepEqual(await commitmentsBy(store, 'delivered')(references), [
    { outcome: 'committed' },
    { outcome: 'failed', reason: 0x0112 },
  ])
  assert.deepEqual((await commitmentsBy(store, 'committed')(references))[0], { outcome: 'pending' })
  assert.ok(asked.every(({ limit }) => limit <= 1000))
})
