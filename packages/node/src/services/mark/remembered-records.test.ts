import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { MarkRecords } from './ports.ts'
import { rememberRecords } from './remembered-records.ts'

/** Records of which only the beginnings are asked for. */
function counted(heads: () => Iterable<Uint8Array>): { readonly records: MarkRecords; readonly passes: () => number } {
  let passes = 0
  const records: MarkRecords = {
    get: async (recordId) => recordId,
    put: async () => undefined,
    async *heads() {
      passes++
      yield* heads()
    },
  }
  return { records, passes: () => passes }
}

const all = (records: MarkRecords): Promise<Uint8Array[]> => Array.fromAsync(records.heads())

describe('rememberRecords', () => {
  it('lists the beginnings once for many images, and again after a while', async () => {
    let at = 0
    const { records, passes } = counted(() => [Uint8Array.of(1), Uint8Array.of(2)])
    const remembered = rememberRecords(records, () => new Date(at))
    assert.deepEqual(await all(remembered), [Uint8Array.of(1), Uint8Array.of(2)])
    await all(remembered)
    assert.equal(passes(), 1)
    at = 10_000
    await all(remembered)
    assert.equal(passes(), 2)
  })

  it('keeps the newest of very many', async () => {
    const { records } = counted(() => Array.from({ length: 5000 }, (_, i) => Uint8Array.of(i & 255)))
    assert.equal((await all(rememberRecords(records, () => new Date(0)))).length, 4096)
  })

  it('asks again after a failure, and for each record itself', async () => {
    let isBroken = true
    const { records } = counted(() => {
      if (isBroken) throw new StoreError('input_unreadable', 'a mark record cannot be read')
      return [Uint8Array.of(1)]
    })
    const remembered = rememberRecords(records, () => new Date(0))
    await assert.rejects(all(remembered), (error) => error instanceof StoreError && error.code === 'input_unreadable')
    isBroken = false
    assert.equal((await all(remembered)).length, 1)
    assert.deepEqual(await remembered.get(Uint8Array.of(7)), Uint8Array.of(7))
  })
})
