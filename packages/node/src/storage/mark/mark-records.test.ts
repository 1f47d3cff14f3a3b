import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { formatMarkRecord } from '@fiducial/core/domain/mark/record.ts'
import { StoreError } from '@fiducial/core/errors.ts'
import { testMarkRecords, toyRecord } from '../../testing/mark-contracts/mark-records-contract.ts'
import { memoryMarkRecords } from '../../testing/memory-mark-records.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { openMarkRecords } from './mark-records.ts'

describe('mark records in a folder', () => {
  testMarkRecords((t) => {
    const folder = join(temporaryFolder(t), 'marks')
    return { open: () => openMarkRecords(folder) }
  })

  it('are files that only their owner reads', async (t) => {
    const folder = join(temporaryFolder(t), 'marks')
    const record = toyRecord(1)
    await openMarkRecords(folder).put(record.recordId, formatMarkRecord(record))
    assert.deepEqual(readdirSync(folder), ['0101010101010101.fmr'])
    if (process.platform !== 'win32') assert.equal(statSync(join(folder, '0101010101010101.fmr')).mode & 0o777, 0o600)
  })

  it('cannot be stored where a file stands in the place of the folder', async (t) => {
    const path = join(temporaryFolder(t), 'marks')
    writeFileSync(path, '')
    const record = toyRecord(1)
    await assert.rejects(
      openMarkRecords(path).put(record.recordId, formatMarkRecord(record)),
      (error) => error instanceof StoreError && error.code === 'output_unwritable',
    )
  })
})

describe('mark records in memory', () => {
  testMarkRecords(() => {
    const records = memoryMarkRecords()
    return { open: () => records }
  })
})
