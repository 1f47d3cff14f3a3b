import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import type { SightingStore, WitnessedCheckpoint, WitnessStore } from '../../services/log/ports.ts'
import { repositoryRoot, run, temporaryFolder } from '../../testing/peers.ts'
import { createMemorySightingStore, createMemoryWitnessStore } from './memory-witness-store.ts'
import { openSightingStore } from './sighting-store.ts'
import { openWitnessStore } from './witness-store.ts'

const storeError = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

const checkpoint = (size: bigint, mark = 1): WitnessedCheckpoint => ({
  size,
  root: new Uint8Array(32).fill(mark),
  timestamp: 1_800_000_000n,
  note: `example.org/log\n${size}\n${mark}\n`,
})

const evidence = (id: string, origin = 'a') => ({ origin, id, document: new Uint8Array([1, 2, 3]) })

const LARGEST = 2n ** 63n - 1n

function inFolder(t: TestContext): WitnessStore {
  const store = openWitnessStore(join(temporaryFolder(t), 'witness.db'), { mayCreate: true })
  t.after(() => store.close())
  return store
}

for (const [name, fresh] of [
  ['in memory', createMemoryWitnessStore],
  ['in SQLite', inFolder],
] as const) {
  describe(`A witness store ${name}`, () => {
    it('knows nothing of a log that was never cosigned', async (t) => {
      assert.equal(await fresh(t).read('a'), undefined)
    })

    it('gives back what was put in, up to the largest size there is', async (t) => {
      const store = fresh(t)
      assert.equal(await store.replace('a', undefined, checkpoint(LARGEST)), true)
      assert.deepEqual(await store.read('a'), checkpoint(LARGEST))
    })

    it('keeps logs apart', async (t) => {
      const store = fresh(t)
      await store.replace('a', undefined, checkpoint(1n))
      await store.replace('b', undefined, checkpoint(2n))
      assert.equal((await store.read('a'))?.size, 1n)
      assert.equal((await store.read('b'))?.size, 2n)
    })

    it('refuses a first checkpoint where there is one', async (t) => {
      const store = fresh(t)
      await store.replace('a', undefined, checkpoint(5n))
      assert.equal(await store.replace('a', undefined, checkpoint(6n)), false)
      assert.deepEqual(await store.read('a'), checkpoint(5n))
    })

    it('refuses a change of what is no longer current', async (t) => {
      const store = fresh(t)
      await store.replace('a', undefined, checkpoint(5n))
      await store.replace('a', checkpoint(5n), checkpoint(7n))
      assert.equal(await store.replace('a', checkpoint(5n), checkpoint(6n)), false)
      assert.equal(await store.replace('a', checkpoint(7n, 2), checkpoint(8n)), false)
      assert.deepEqual(await store.read('a'), checkpoint(7n))
    })

    it('refuses a change of a log that it does not know', async (t) => {
      const store = fresh(t)
      assert.equal(await store.replace('a', checkpoint(1n), checkpoint(2n)), false)
      assert.equal(await store.read('a'), undefined)
    })

    it('lets one of many with the same expectation win', async (t) => {
      const store = fresh(t)
      await store.replace('a', undefined, checkpoint(1n))
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.replace('a', checkpoint(1n), checkpoint(2n, i))),
      )
      assert.equal(results.filter(Boolean).length, 1)
    })

    it('keeps the same evidence once, and no more than the limit of each log', async (t) => {
      const store = fresh(t)
      assert.equal(await store.keep(evidence('1'), 2), true)
      assert.equal(await store.keep(evidence('1'), 2), false)
      assert.equal(await store.keep(evidence('2'), 2), true)
      assert.equal(await store.keep(evidence('3'), 2), false)
      assert.equal(await store.keep(evidence('4', 'b'), 2), true)
      assert.deepEqual(await store.evidence('a'), [evidence('1'), evidence('2')])
      assert.deepEqual(await store.evidence('c'), [])
    })
  })
}

describe('openWitnessStore', () => {
  it('does not begin anew where the store of a witness is missing', (t) => {
    assert.throws(() => openWitnessStore(join(temporaryFolder(t), 'gone.db')), storeError('log_missing'))
  })

  it('remembers when it is opened again', async (t) => {
    const path = join(temporaryFolder(t), 'witness.db')
    const first = openWitnessStore(path, { mayCreate: true })
    await first.replace('a', undefined, checkpoint(9n))
    await first.keep(evidence('1'), 10)
    await first.close()
    const second = openWitnessStore(path)
    assert.deepEqual(await second.read('a'), checkpoint(9n))
    assert.deepEqual(await second.evidence('a'), [evidence('1')])
    await second.close()
  })

  it('remembers what a process had been promised before it was killed', async (t) => {
    const path = join(temporaryFolder(t), 'witness.db')
    const module = join(repositoryRoot, 'packages/node/src/storage/log/witness-store.ts')
    const program = `
      const { openWitnessStore } = await import(${JSON.stringify(module)})
      const store = openWitnessStore(${JSON.stringify(path)}, { mayCreate: true })
      await store.replace('a', undefined, { size: 3n, root: new Uint8Array(32), timestamp: 1n, note: 'n' })
      process.kill(process.pid, 'SIGKILL')`
    const { signal } = await run(process.execPath, ['--input-type=module', '-e', program])
    assert.equal(signal, 'SIGKILL')
    const store = openWitnessStore(path)
    t.after(() => store.close())
    assert.equal((await store.read('a'))?.size, 3n)
  })

  it('lets one of two connections win', async (t) => {
    const path = join(temporaryFolder(t), 'witness.db')
    const stores = [openWitnessStore(path, { mayCreate: true }), openWitnessStore(path)]
    t.after(() => Promise.all(stores.map((store) => store.close())))
    const results = await Promise.all(stores.map((store, i) => store.replace('a', undefined, checkpoint(1n, i))))
    assert.deepEqual(results.sort(), [false, true])
  })

  it('refuses a file that is none of its own', async (t) => {
    const folder = temporaryFolder(t)
    await openSightingStore(join(folder, 'sightings.db')).close()
    assert.throws(() => openWitnessStore(join(folder, 'sightings.db')), storeError('log_corrupted'))
    writeFileSync(join(folder, 'text.db'), 'no database at all, and long enough to have a header'.repeat(100))
    assert.throws(() => openWitnessStore(join(folder, 'text.db')), storeError('log_corrupted'))
    writeFileSync(join(folder, 'empty.db'), '')
    assert.throws(() => openWitnessStore(join(folder, 'empty.db'), { mayCreate: true }), storeError('log_corrupted'))
    assert.throws(() => openWitnessStore(folder), storeError('log_unwritable'))
  })

  it('refuses pages that were overwritten', async (t) => {
    const path = join(temporaryFolder(t), 'witness.db')
    const store = openWitnessStore(path, { mayCreate: true })
    await store.replace('a', undefined, checkpoint(9n))
    await store.close()
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0xff, 4096))
    const damaged = openWitnessStore(path)
    t.after(() => damaged.close())
    await assert.rejects(damaged.read('a'), storeError('log_corrupted'))
  })

  it('says that it cannot write once it is closed', async (t) => {
    const store = openWitnessStore(join(temporaryFolder(t), 'witness.db'), { mayCreate: true })
    await store.close()
    await assert.rejects(store.replace('a', undefined, checkpoint(1n)), storeError('log_unwritable'))
  })
})

for (const [name, fresh] of [
  ['in memory', () => createMemorySightingStore()],
  ['in SQLite', (t: TestContext): SightingStore => openSightingStore(join(temporaryFolder(t), 'sightings.db'))],
] as const) {
  describe(`A sighting store ${name}`, () => {
    it('keeps the newest note of each source', async (t) => {
      const store = fresh(t)
      t.after(() => store.close())
      assert.equal(await store.read('https://one.example'), undefined)
      await store.write('https://one.example', 'first')
      await store.write('https://one.example', 'second')
      await store.write('https://two.example', 'other')
      assert.equal(await store.read('https://one.example'), 'second')
      assert.equal(await store.read('https://two.example'), 'other')
    })
  })
}

describe('openSightingStore', () => {
  it('remembers when it is opened again, and refuses the store of a witness', async (t) => {
    const folder = temporaryFolder(t)
    const first = openSightingStore(join(folder, 'sightings.db'))
    await first.write('s', 'note')
    await first.close()
    const second = openSightingStore(join(folder, 'sightings.db'))
    assert.equal(await second.read('s'), 'note')
    await second.close()
    await openWitnessStore(join(folder, 'witness.db'), { mayCreate: true }).close()
    assert.throws(() => openSightingStore(join(folder, 'witness.db')), storeError('log_corrupted'))
  })
})
