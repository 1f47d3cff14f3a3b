/** Contract of every order store. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ObservedOrder, PerformedStep, ScheduledStep } from '@fiducial/core/domain/gateway/orders.ts'
import type { OrderStore } from '../../services/gateway/ports.ts'

const at = (minute: number): Date => new Date(Date.UTC(2026, 2, 3, 10, minute))

const STEP: ScheduledStep = {
  accessionNumber: 'ACC-1',
  requestedProcedureId: 'RP-5',
  scheduledProcedureStepId: 'SPS-7',
  studyInstanceUid: '1.2.3',
  stationAet: 'ROOM1',
  modality: 'DX',
  scheduledAt: '20260303',
}
const REPORT: PerformedStep = {
  sopInstanceUid: '1.2.9',
  state: 'completed',
  orders: [STEP, { ...STEP, accessionNumber: 'ACC-2' }],
  stationAet: 'ROOM1',
  stationName: null,
  modality: 'DX',
  operators: ['Roe^Richard'],
  startedAt: null,
  endedAt: null,
  seriesInstanceUids: ['1.2.3.4'],
}
const scheduled = (id: string, minute: number, given: Partial<ScheduledStep> = {}): ObservedOrder => ({
  kind: 'scheduled',
  id,
  seenAt: at(minute),
  step: { ...STEP, ...given },
})

/** @param fresh  an empty store, closed by whoever made it */
export function orderStoreContract(fresh: () => OrderStore | Promise<OrderStore>): void {
  it('finds what was put by study and by accession number, the latest first', async () => {
    const store = await fresh()
    const report: ObservedOrder = { kind: 'performed', id: '1.2.9', seenAt: at(2), step: REPORT }
    await store.put(scheduled('a', 1))
    await store.put(report)
    await store.put(scheduled('b', 3, { studyInstanceUid: '7.7', accessionNumber: 'ACC-9' }))
    const ids = async (studyInstanceUid: string | null, accessionNumber: string | null): Promise<string[]> =>
      (await store.find({ studyInstanceUid, accessionNumber })).map(({ id }) => id)
    assert.deepEqual(await ids('1.2.3', null), ['1.2.9', 'a'])
    assert.deepEqual(await ids(null, 'ACC-2'), ['1.2.9'])
    assert.deepEqual(await ids('7.7', 'ACC-1'), ['b', '1.2.9', 'a'])
    assert.deepEqual(await ids(null, null), [])
    assert.deepEqual(await ids('1.2', 'ACC'), [])
    assert.deepEqual(await store.get('1.2.9'), report)
    assert.equal(await store.get('1.2'), undefined)
  })

  it('lets what is seen again take the place of what was known, keys included', async () => {
    const store = await fresh()
    await store.put(scheduled('a', 1))
    await store.put(scheduled('a', 2, { accessionNumber: 'ACC-3' }))
    assert.deepEqual(await store.find({ studyInstanceUid: null, accessionNumber: 'ACC-1' }), [])
    assert.equal((await store.find({ studyInstanceUid: '1.2.3', accessionNumber: 'ACC-3' })).length, 1)
  })

  it('forgets what was seen last before a moment', async () => {
    const store = await fresh()
    await store.put(scheduled('a', 1))
    await store.put(scheduled('b', 2))
    assert.equal(await store.forget(at(2)), 1)
    assert.equal(await store.get('a'), undefined)
    assert.equal((await store.find({ studyInstanceUid: '1.2.3', accessionNumber: null })).length, 1)
    assert.equal(await store.forget(at(2)), 0)
  })

  it('gives no more than it promises', async () => {
    const store = await fresh()
    for (let i = 0; i < 120; i++) await store.put(scheduled(`order ${i}`, i))
    const found = await store.find({ studyInstanceUid: '1.2.3', accessionNumber: 'ACC-1' })
    assert.equal(found.length, 100)
    assert.equal(found[0]?.id, 'order 119')
  })
}
