import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { encodeElements, type NewElement } from '@fiducial/core/formats/dicom/encode.ts'
import { type DataSet, parseDataSet } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN, encodingOf } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { sq, text } from '@fiducial/core/formats/dicom/values.ts'
import { Orders } from '../../services/gateway/orders.ts'
import { orderStoreContract } from '../../testing/gateway-contracts/orders.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { MemoryOrders } from './memory-orders.ts'
import { SqliteOrders } from './sqlite-orders.ts'

describe('orders in memory', () => orderStoreContract(() => new MemoryOrders()))

describe('orders in SQLite', () => {
  const folder = temporaryFolder()
  const open: SqliteOrders[] = []
  let count = 0
  after(() => Promise.all(open.map((store) => store.close())))
  const fresh = (name = `${count++}.sqlite`): SqliteOrders => {
    const store = new SqliteOrders(join(folder, name))
    open.push(store)
    return store
  }
  orderStoreContract(fresh)

  it('keeps them over a restart, and gives the order of an image', async () => {
    const now = (): Date => new Date('2026-03-03T10:00:00Z')
    const first = fresh('again.sqlite')
    const made = (elements: readonly NewElement[]): DataSet =>
      parseDataSet(memorySource(encodeElements(elements, encodingOf(EXPLICIT_LITTLE_ENDIAN))), EXPLICIT_LITTLE_ENDIAN)
    const keys = [text(0x00080050, 'SH', 'ACC-1'), text(0x0020000d, 'UI', '1.2.3')]
    const orders = new Orders(first, now)
    await orders.scheduled(made(keys))
    await orders.scheduled(made([]))
    await orders.performed('1.2.9', made([text(0x00400241, 'AE', 'ROOM1'), sq(0x00400270, keys)]))
    await orders.performed('1.2.9', made([text(0x00400252, 'CS', 'COMPLETED')]))
    await first.close()
    const question = { studyInstanceUid: '1.2.3', seriesInstanceUid: null, accessionNumber: null, callingAet: null }
    const binding = await new Orders(fresh('again.sqlite'), now).bind(question)
    assert.equal(binding?.source, 'performed')
    assert.equal(binding?.state, 'completed')
    assert.equal(binding?.stationAet, 'ROOM1')
    assert.equal(binding?.accessionNumber, 'ACC-1')
    assert.equal(await new Orders(fresh('again.sqlite'), now).bind({ ...question, studyInstanceUid: '1.2' }), null)
  })
})
