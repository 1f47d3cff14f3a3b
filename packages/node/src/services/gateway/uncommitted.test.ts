import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { InstanceFilter, StoredInstance } from './ports.ts'
import { uncommittedDeliveries } from './uncommitted.ts'

it('finds deliveries that a destination has not committed to, over many pages', async () => {
  const all = Array.from({ length: 1200 }, (_, i) => {
    const delivery = { destination: i % 3 === 0 ? 'other' : 'pacs', state: i % 5 === 0 ? 'waiting' : 'sent' }
    const committedAt = i % 7 === 0 ? new Date(0) : null
    return { id: String(i).padStart(26, '0'), deliveries: [{ ...delivery, id: String(i), committedAt }] }
  })
  const asked: InstanceFilter[] = []
  const store = {
    list: async (filter: InstanceFilter) => {
      asked.push(filter)
      return all
        .filter(({ id }) => id > (filter.after ?? ''))
        .slice(0, filter.limit) as unknown as readonly StoredInstance[]
    },
  }
  const pages = await Array.fromAsync(uncommittedDeliveries(store, 'pacs', new Date(0)))
  const wanted = all
    .filter((_, i) => i % 3 !== 0 && i % 5 !== 0 && i % 7 !== 0)
    .map(({ deliveries }) => deliveries[0]?.id)
  assert.deepEqual(
    pages.flat().map(({ id }) => id),
    wanted,
  )
  assert.equal(asked.length, 3)
  assert.ok(asked.every(({ destination }) => destination === 'pacs'))
})
