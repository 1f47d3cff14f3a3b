import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { storeError } from '../../testing/log-contracts/harness.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { unprivileged } from '../../testing/unprivileged.ts'
import { FileCheckpointCell } from './file-checkpoint-cell.ts'
import { FileObjects } from './file-objects.ts'

const bytes = Uint8Array.of(1, 2, 3)

describe('FileObjects', () => {
  it('removes what a process left that died long ago, and nothing else', async (t) => {
    const folder = temporaryFolder(t)
    const objects = new FileObjects(folder)
    await objects.clean()
    await objects.putOnce('tile/0/000', bytes)
    for (const name of ['old', 'new']) writeFileSync(join(folder, '.tmp', name), name)
    const yesterday = new Date(Date.now() - 86_400_000)
    for (const path of ['.tmp/old', 'tile/0/000']) utimesSync(join(folder, path), yesterday, yesterday)
    await objects.clean()
    assert.deepEqual(readdirSync(join(folder, '.tmp')), ['new'])
    assert.ok(existsSync(join(folder, 'tile/0/000')))
  })

  it('writes nothing of a call with a wrong path', async (t) => {
    const folder = join(temporaryFolder(t), 'log')
    const objects = new FileObjects(folder)
    const paths = ['tile/0/000', '../outside', 'tile/0/001']
    await assert.rejects(objects.putAll(paths.map((path) => ({ path, bytes }))), RangeError)
    assert.ok(!existsSync(folder))
  })

  it('says that it cannot write where a file stands in the way of a folder', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'tile'), 'a file')
    const objects = new FileObjects(folder)
    await assert.rejects(objects.putOnce('tile/0/000', bytes), storeError('log_unwritable'))
    assert.equal(await objects.get('tile/0/000'), undefined)
  })

  it('never takes a folder for an object', async (t) => {
    const folder = temporaryFolder(t)
    const objects = new FileObjects(folder)
    mkdirSync(join(folder, 'tile/0/000'), { recursive: true })
    assert.equal(await objects.get('tile/0/000'), undefined)
    await assert.rejects(objects.putOnce('tile/0/000', bytes), storeError('object_conflict', 'log_unwritable'))
  })

  it('stores the others when one of several cannot be stored', async (t) => {
    const folder = temporaryFolder(t)
    const objects = new FileObjects(folder)
    await objects.putOnce('tile/0/001', Uint8Array.of(9))
    const all = ['000', '001', '002'].map((name) => ({ path: `tile/0/${name}`, bytes }))
    await assert.rejects(objects.putAll(all), storeError('object_conflict'))
    for (const name of ['000', '002']) assert.deepEqual([...readFileSync(join(folder, 'tile/0', name))], [1, 2, 3])
    assert.deepEqual(readdirSync(join(folder, '.tmp')), [])
  })

  it('says that it cannot write, and leaves nothing, in a folder without permission', async (t) => {
    const folder = temporaryFolder(t)
    const objects = new FileObjects(folder)
    await objects.putOnce('tile/0/000', bytes)
    chmodSync(join(folder, 'tile/0'), 0o500)
    chmodSync(join(folder, '.tmp'), 0o777)
    await unprivileged(join(folder, 'tile/0'), async () => {
      await assert.rejects(objects.putOnce('tile/0/001', bytes), storeError('log_unwritable'))
    })
    assert.deepEqual(readdirSync(join(folder, 'tile/0')), ['000'])
    assert.deepEqual(readdirSync(join(folder, '.tmp')), [])
  })
})

describe('FileCheckpointCell', () => {
  it('says that it cannot write where a folder has its name', async (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'checkpoint'))
    const cell = new FileCheckpointCell(join(folder, 'checkpoint'), join(folder, 'lock'))
    await assert.rejects(cell.read(), storeError('log_unwritable'))
    await assert.rejects(cell.compareAndSwap(undefined, 'a'), storeError('log_unwritable'))
    assert.deepEqual(readdirSync(join(folder, '.tmp')), [])
    await cell.close()
  })

  it('works on after it was closed', async (t) => {
    const folder = temporaryFolder(t)
    const cell = new FileCheckpointCell(join(folder, 'checkpoint'), join(folder, 'lock'))
    await cell.close()
    await cell.compareAndSwap(undefined, 'a')
    await cell.close()
    await cell.compareAndSwap('a', 'b')
    assert.equal(readFileSync(join(folder, 'checkpoint'), 'utf8'), 'b')
    await cell.close()
  })
})
