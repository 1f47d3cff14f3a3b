import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { type OpenedLog, ReopeningLog } from './reopening-log.ts'

/** A log that ends itself while the disk is full, and stays ended. */
function createDisk() {
  const disk = { isFull: false, entries: [] as string[], opened: 0, disposed: 0 }
  const open = async (): Promise<OpenedLog> => {
    if (disk.isFull) throw new StoreError('log_unwritable', 'the disk is full')
    disk.opened++
    let hasEnded = false
    return {
      events: {
        async record(news) {
          if (hasEnded) throw new StoreError('log_stopped', 'it has ended')
          hasEnded = disk.isFull
          if (hasEnded) throw new StoreError('log_unwritable', 'the disk is full')
          return BigInt(disk.entries.push(news) - 1)
        },
        async settle() {
          if (hasEnded) throw new StoreError('log_stopped', 'it has ended')
        },
      },
      async [Symbol.asyncDispose]() {
        disk.disposed++
      },
    }
  }
  return { disk, open }
}

describe('a log that is opened again', () => {
  it('takes events again once there is room, after it has ended itself', async () => {
    const { disk, open } = createDisk()
    const log = new ReopeningLog(await open(), open)
    assert.equal(await log.record('a'), 0n)
    disk.isFull = true
    const failed = await Promise.allSettled(['b', 'c'].map((news) => log.record(news)))
    assert.deepEqual(new Set(failed.map(({ status }) => status)), new Set(['rejected']))
    await assert.rejects(log.record('d'), { code: 'log_unwritable' })
    assert.deepEqual([disk.opened, disk.disposed], [1, 1])
    disk.isFull = false
    const placed = await Promise.all(['b', 'c', 'd'].map((news) => log.record(news)))
    assert.deepEqual(placed, [1n, 2n, 3n])
    await log.settle()
    assert.deepEqual([disk.opened, disk.disposed], [2, 1])
    await log.close()
    assert.equal(disk.disposed, 2)
  })

  it('keeps a log that refuses one event, and is not over', async () => {
    const { disk, open } = createDisk()
    const first = await open()
    const busy: OpenedLog = {
      ...first,
      events: { ...first.events, record: () => Promise.reject(new StoreError('log_overloaded', 'later')) },
    }
    const log = new ReopeningLog(busy, open)
    await assert.rejects(log.record('a'), { code: 'log_overloaded' })
    assert.deepEqual([disk.opened, disk.disposed], [1, 0])
  })
})
