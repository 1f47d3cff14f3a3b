import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { tilePath, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import { ToyLog } from '@fiducial/core/testing/toy-log.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { addressOfFolder, openMonitor } from './monitor.ts'

const log = new ToyLog(600)
const fork = log.fork(300)

/** Writes what a log publishes at a size. */
async function publish(folder: string, from: ToyLog, size: number): Promise<void> {
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / 256)) {
    for (let index = 0n; index * 256n < BigInt(count); index++) {
      const tile = { level, index, width: tileWidth(level, index, BigInt(size)) }
      const path = join(folder, tilePath(tile))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, await from.readTile(tile))
    }
  }
  writeFileSync(join(folder, 'checkpoint'), await from.checkpoint(size))
}

function setUp(t: TestContext) {
  const root = temporaryFolder(t)
  const folder = join(root, 'monitor')
  const place = (name: string) => join(root, name)
  const look = async (...names: readonly string[]) => {
    const sources = names.map((name) => ({ kind: 'mirror' as const, url: addressOfFolder(place(name)) ?? '' }))
    await using monitor = await openMonitor({ origin: log.origin, keys: log.keys, sources, folder })
    const { verdict, sources: reports, evidence } = await monitor.look()
    return { verdict, states: reports.map(({ state }) => state), evidence }
  }
  return { place, look, folder }
}

describe('A monitor on this machine', () => {
  it('compares folders, whatever their names', async (t) => {
    const { place, look } = setUp(t)
    const names = ['one', 'an other #2 %20 ä?']
    for (const [i, name] of names.entries()) await publish(place(name), log, 400 + i * 100)
    assert.deepEqual((await look(...names)).states, ['behind', 'consistent'])
  })

  it('sees a folder that was put back to an older state, also after a restart of its own', async (t) => {
    const { place, look } = setUp(t)
    await publish(place('one'), log, 400)
    cpSync(place('one'), place('backup'), { recursive: true })
    await publish(place('one'), log, 500)
    assert.equal((await look('one')).verdict, 'consistent')
    rmSync(place('one'), { recursive: true })
    cpSync(place('backup'), place('one'), { recursive: true })
    assert.equal((await look('one')).verdict, 'rollback')
  })

  it('sees a folder that was given another history', async (t) => {
    const { place, look } = setUp(t)
    await publish(place('one'), log, 400)
    assert.equal((await look('one')).verdict, 'consistent')
    rmSync(place('one'), { recursive: true })
    await publish(place('one'), fork, 500)
    const { verdict, evidence } = await look('one')
    assert.equal(verdict, 'split_view')
    assert.equal(evidence.length, 1)
  })

  it('takes a folder without checkpoint or tiles for what it is', async (t) => {
    const { place, look } = setUp(t)
    mkdirSync(place('empty'))
    assert.equal((await look('empty')).verdict, 'unreachable')
    await publish(place('bare'), log, 400)
    rmSync(join(place('bare'), 'tile'), { recursive: true })
    assert.equal((await look('bare')).verdict, 'unreachable')
    mkdirSync(join(place('odd'), 'checkpoint'), { recursive: true })
    assert.equal((await look('odd')).verdict, 'unreachable')
    writeFileSync(join(place('empty'), 'checkpoint'), '')
    assert.equal((await look('empty')).verdict, 'unreachable')
    writeFileSync(join(place('empty'), 'checkpoint'), 'no note')
    assert.equal((await look('empty')).verdict, 'signature_wrong')
  })

  it('remembers each log for itself', async (t) => {
    const { place, look, folder } = setUp(t)
    const other = new ToyLog(50, { origin: 'elsewhere.example/log' })
    await publish(place('one'), log, 400)
    assert.equal((await look('one')).verdict, 'consistent')
    await publish(place('one'), other, 50)
    const sources = [{ kind: 'mirror' as const, url: addressOfFolder(place('one')) ?? '' }]
    await using monitor = await openMonitor({ origin: other.origin, keys: other.keys, sources, folder })
    assert.equal((await monitor.look()).verdict, 'consistent')
  })

  it('says so where its memory cannot be kept', async (t) => {
    const { place } = setUp(t)
    writeFileSync(place('file'), '')
    const sources = [{ kind: 'mirror' as const, url: 'http://127.0.0.1:1' }]
    const order = { origin: log.origin, keys: log.keys, sources }
    await assert.rejects(openMonitor({ ...order, folder: join(place('file'), 'monitor') }), { code: 'log_unwritable' })
  })
})

describe('The address of a folder', () => {
  it('is that of the place where it lies', (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'real'))
    symlinkSync(join(folder, 'real'), join(folder, 'link'))
    const address = addressOfFolder(join(folder, 'real'))
    assert.match(address ?? '', /^file:\/\/\/.*\/real$/)
    assert.equal(addressOfFolder(join(folder, 'link')), address)
    assert.equal(addressOfFolder(`${join(folder, 'real')}/`), address)
  })

  it('is missing for what is no folder', (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'file'), '')
    assert.equal(addressOfFolder(join(folder, 'file')), undefined)
    assert.equal(addressOfFolder(join(folder, 'none')), undefined)
  })
})
