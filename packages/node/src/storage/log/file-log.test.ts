import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { checkpointCellContract } from '../../testing/log-contracts/checkpoint-cell-contract.ts'
import { type Harness, harnessOver, makeBatch, storeError } from '../../testing/log-contracts/harness.ts'
import { immutableStoreContract } from '../../testing/log-contracts/immutable-store-contract.ts'
import { jobQueueContract } from '../../testing/log-contracts/job-queue-contract.ts'
import { mapStoreContract } from '../../testing/log-contracts/map-store-contract.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { type FileLog, isFileLog, openFileLog, privateFolder } from './file-log.ts'
import { openRecordReader } from './file-records.ts'

const harnessOf = <Store extends object>(choose: (log: FileLog) => Store): Harness<Store> =>
  harnessOver(
    (t) => join(temporaryFolder(t), 'log'),
    async (folder, t) => {
      const log = await openFileLog(folder)
      t.after(() => log.close())
      return choose(log)
    },
  )

immutableStoreContract(
  'files',
  harnessOf(({ objects }) => objects),
)
checkpointCellContract(
  'files, published',
  harnessOf(({ published }) => published),
)
checkpointCellContract(
  'files, head',
  harnessOf(({ head }) => head),
)
jobQueueContract(
  'SQLite',
  harnessOf(({ jobs }) => jobs),
)
mapStoreContract(
  'SQLite',
  harnessOf(({ map }) => map),
)

describe('openFileLog', () => {
  it('lays public parts out as C2SP tlog-tiles, and hides all others', async (t) => {
    const folder = join(temporaryFolder(t), 'a', 'log')
    assert.equal(isFileLog(folder), false)
    const log = await openFileLog(folder)
    t.after(() => log.close())
    const { fence } = await log.sequencer.claim()
    await log.sequencer.append(makeBatch(0, 2, { payload: Buffer.from('statement') }), fence)
    await log.objects.putOnce('tile/0/000.p/2', Uint8Array.of(1))
    await log.head.compareAndSwap(undefined, 'head\n')
    await log.published.compareAndSwap(undefined, 'checkpoint\n')
    assert.equal(readFileSync(join(folder, 'checkpoint'), 'utf8'), 'checkpoint\n')
    assert.deepEqual([...readFileSync(join(folder, 'tile/0/000.p/2'))], [1])
    assert.deepEqual(readdirSync(folder).sort(), ['.private', '.tmp', 'checkpoint', 'tile'])
    assert.equal(statSync(privateFolder(folder)).mode & 0o777, 0o700)
    assert.ok(isFileLog(folder))
  })

  it('leaves no temporary file behind', async (t) => {
    const folder = temporaryFolder(t)
    const log = await openFileLog(folder)
    t.after(() => log.close())
    await log.objects.putOnce('tile/0/000', Uint8Array.of(1))
    await log.objects.putOnce('tile/0/000', Uint8Array.of(1))
    await assert.rejects(log.objects.putOnce('tile/0/000', Uint8Array.of(2)), storeError('object_conflict'))
    await log.published.compareAndSwap(undefined, 'a')
    await assert.rejects(log.published.compareAndSwap(undefined, 'b'), storeError('checkpoint_moved'))
    assert.deepEqual(readdirSync(join(folder, '.tmp')), [])
  })

  it('admits one appender, and readers beside it', async (t) => {
    const folder = temporaryFolder(t)
    const one = await openFileLog(folder)
    const other = await openFileLog(folder)
    t.after(() => Promise.all([one.close(), other.close()]))
    const { fence } = await one.sequencer.claim()
    await assert.rejects(other.sequencer.claim(), storeError('log_locked'))
    await one.sequencer.append(makeBatch(0, 3, { payload: Buffer.from('statement') }), fence)
    await one.records.settle()
    const reader = await openRecordReader(privateFolder(folder))
    t.after(() => reader.close())
    assert.equal(await reader.settledSize(), 3n)
    assert.equal(String(await reader.payload(2n)), 'statement')
    await one.sequencer.append(makeBatch(3, 1), fence)
    await one.records.settle()
    assert.equal(await reader.settledSize(), 4n)
    assert.deepEqual(await reader.find({ term: { kind: 'instance', value: '1.2.3.3' }, limit: 1 }), [3n])
    const identities = [makeBatch(3, 1), makeBatch(4, 1)].map(({ entries }) => entries[0]?.identity as Uint8Array)
    assert.deepEqual(await reader.findIdentities(identities), [3n, undefined])
  })

  it('opens no records where there is no log', async (t) => {
    const folder = temporaryFolder(t)
    await assert.rejects(openRecordReader(folder), storeError('log_missing'))
    assert.ok(!existsSync(join(folder, 'index.sqlite')))
  })
})

describe('a folder of a log', () => {
  it('is cleared of what processes that died have left, in both of its parts', async (t) => {
    const folder = temporaryFolder(t)
    const places = [join(folder, '.tmp'), join(privateFolder(folder), '.tmp')]
    const [old, young] = [new Date(Date.now() - 7_200_000), new Date()]
    for (const place of places) {
      mkdirSync(place, { recursive: true })
      for (const [name, time] of [
        ['old.tmp', old],
        ['young.tmp', young],
      ] as const) {
        writeFileSync(join(place, name), 'x')
        utimesSync(join(place, name), time, time)
      }
    }
    await (await openFileLog(folder)).close()
    // The young ones may be those of a process that lives.
    for (const place of places) assert.deepEqual(readdirSync(place), ['young.tmp'])
  })

  it('is not opened in the place of a file, and everything is closed again where a part is damaged', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'file'), 'x')
    await assert.rejects(openFileLog(join(folder, 'file')), storeError('log_unwritable'))
    const log = join(folder, 'log')
    await (await openFileLog(log)).close()
    writeFileSync(join(privateFolder(log), 'map.sqlite'), 'no database'.repeat(100))
    await assert.rejects(openFileLog(log), storeError('log_corrupted'))
    // SQLite takes its own log away when the last connection is closed.
    assert.ok(!existsSync(join(privateFolder(log), 'jobs.sqlite-wal')))
  })
})
