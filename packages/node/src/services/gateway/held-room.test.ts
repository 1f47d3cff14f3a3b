import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HeldRoom } from './held-room.ts'
import type { InstanceFilter, StoredInstance } from './ports.ts'

function open(isAlone = true) {
  let heldBytes = 0
  const hold = (bytes: number): void => {
    heldBytes += bytes
  }
  const room = new HeldRoom({ hold }, isAlone)
  return { room, held: () => heldBytes }
}

describe('room that is held for copies', () => {
  it('is held until its instance is judged', () => {
    const { room, held } = open()
    room.hold('a', 100)
    room.hold('b', 30)
    room.hold('b', 20)
    assert.equal(held(), 120)
    room.release('a')
    room.release('a')
    room.release('of somebody else')
    assert.equal(held(), 20)
  })

  it('is held by nobody for what others may judge', () => {
    const { room, held } = open(false)
    room.hold('a', 100)
    assert.equal(held(), 0)
    room.release('a')
    assert.equal(held(), 0)
  })

  it('is held again for what an earlier process has left', async () => {
    const { room, held } = open()
    const left = Array.from({ length: 2_500 }, (_, i) => ({ id: String(i).padStart(5, '0'), lengthBytes: 2 }))
    const filters: InstanceFilter[] = []
    await room.restore({
      list: async (filter) => {
        filters.push(filter)
        const { after = '' } = filter
        return left.filter(({ id }) => id > after).slice(0, filter.limit) as unknown as readonly StoredInstance[]
      },
    })
    assert.equal(held(), 5_000)
    assert.deepEqual(
      filters.map(({ states, after }) => [states, after]),
      [
        [['received'], undefined],
        [['received'], '00999'],
        [['received'], '01999'],
      ],
    )
    room.release('02499')
    assert.equal(held(), 4_998)
  })
})
