import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Spool } from '../../services/gateway/ports.ts'
import { fastFolder, sizeOf } from '../../testing/fast-folder.ts'
import { spoolContract } from '../../testing/gateway-contracts/spool-contract.ts'
import { collect, storeError } from '../../testing/log-contracts/harness.ts'
import { FaultPlan, faultFiles } from '../../testing/log-faults.ts'
import { FileSpool, type FileSpoolOptions } from './file-spool.ts'
import { MemorySpool } from './memory-spool.ts'
import { spoolFiles } from './spool-files.ts'
import { folderOfKey, makeSpoolKey } from './spool-key.ts'

spoolContract('memory', {
  fresh: async (t) => closing(new MemorySpool(), t),
  reopen: async (spool) => spool,
  small: async (_, capacityBytes) => new MemorySpool({ capacityBytes }),
})

function closing<S extends Spool>(spool: S, t: { after(step: () => Promise<void>): void }): S {
  t.after(() => spool.close())
  return spool
}

const folders = new WeakMap<Spool, string>()
async function open(folder: string, options: FileSpoolOptions = { reserveBytes: 0 }): Promise<FileSpool> {
  const spool = await FileSpool.open(folder, options)
  folders.set(spool, folder)
  return spool
}
const fresh = (options?: FileSpoolOptions): Promise<FileSpool> => open(join(fastFolder(), 'spool'), options)

spoolContract('files', {
  fresh: () => fresh(),
  reopen: (spool) => open(folders.get(spool) ?? ''),
  small: async (_, roomBytes) => {
    const folder = join(fastFolder(), 'spool')
    return await open(folder, { reserveBytes: 5_000, freeBytes: () => 5_000 + roomBytes - sizeOf(folder) })
  },
})

describe('a spool in files', () => {
  it('is for its owner alone', async () => {
    const spool = await fresh()
    const folder = folders.get(spool) ?? ''
    const writer = spool.create()
    writer.write(new Uint8Array(300_000))
    const mode = (path: string): number => statSync(path).mode & 0o777
    const shard = join(folder, folderOfKey(writer.key))
    assert.deepEqual([mode(folder), mode(shard), mode(join(shard, `${writer.key}.part`))], [0o700, 0o700, 0o600])
    await writer.commit()
    assert.equal(mode(join(shard, writer.key)), 0o600)
  })

  it('lies flat: what stands beside its files is passed over', async () => {
    const spool = await fresh()
    const folder = folders.get(spool) ?? ''
    writeFileSync(join(folder, 'notes.txt'), '')
    mkdirSync(join(folder, 'lost+found'))
    const writer = spool.create()
    await writer.commit()
    writeFileSync(join(folder, folderOfKey(writer.key), 'x'), '')
    assert.deepEqual(await collect(spool.list()), [writer.key])
    assert.equal(await spool.sweep(), 0)
    assert.ok(existsSync(join(folder, 'notes.txt')))
  })

  it('takes a folder away with its last file, once no new ones come into it', async () => {
    const spool = await fresh()
    const folder = folders.get(spool) ?? ''
    const [old, older] = [new Date(Date.now() - 600_000), new Date(0)].map(makeSpoolKey) as [string, string]
    for (const key of [old, older, older.replace(/.$/, '0')]) {
      mkdirSync(join(folder, folderOfKey(key)), { recursive: true })
      writeFileSync(join(folder, folderOfKey(key), key), 'x')
    }
    await spool.remove(old)
    await spool.remove(older.endsWith('0') ? makeSpoolKey(new Date(0)) : older)
    assert.deepEqual(readdirSync(folder), [folderOfKey(older)])
    const now = spool.create()
    await now.commit()
    await spool.remove(now.key)
    assert.ok(existsSync(join(folder, folderOfKey(now.key))), 'the present one stays')
    assert.equal(await spool.sweep(), 0)
    assert.deepEqual(readdirSync(folder), [folderOfKey(older)])
    const again = spool.create()
    again.write(new Uint8Array(10))
    await again.commit()
    assert.ok(existsSync(await spool.pathOf(again.key)))
  })

  it('flushes a folder once for all that commit while another flush runs', async () => {
    const spool = await fresh()
    const plan = new FaultPlan()
    const restore = faultFiles(spoolFiles, plan)
    try {
      const writers = Array.from({ length: 20 }, () => spool.create())
      await Promise.all(writers.map((writer) => writer.commit()))
    } finally {
      restore()
    }
    const count = (name: string): number => plan.steps.filter((step) => step === `files.${name}`).length
    assert.equal(count('fdatasync'), 20)
    assert.ok(count('fsync') <= 6, `${count('fsync')} flushes of folders`)
  })

  it('keeps all it said it has, and nothing else, whichever step fails', async () => {
    const run = async (spool: Spool): Promise<string[]> => {
      const kept: string[] = []
      for (const sizes of [[10], [100_000, 5, 300_000], [20, 30]]) {
        const writer = spool.create()
        try {
          for (const size of sizes) writer.write(new Uint8Array(size))
          await writer.commit()
          kept.push(writer.key)
        } catch (cause) {
          storeError('spool_unwritable')(cause)
          await writer.abort().catch(storeError('spool_unwritable'))
        }
      }
      return kept
    }
    const counting = new FaultPlan()
    const undo = faultFiles(spoolFiles, counting)
    await fresh().then(run).finally(undo)
    const steps = counting.steps.length
    assert.ok(steps > 20, `${steps} steps`)
    for (let step = 1; step < steps; step++) {
      for (const moment of ['before', 'after'] as const) {
        for (const isFinal of [true, false]) {
          const spool = await fresh()
          const restore = faultFiles(spoolFiles, new FaultPlan({ step, moment, isFinal }))
          const kept = await run(spool).finally(restore)
          // As after a restart.
          const later = await open(folders.get(spool) ?? '')
          await later.sweep()
          const listed = await collect(later.list())
          for (const key of kept) assert.ok(listed.includes(key), `${step} ${moment}: what was committed is there`)
          // What nobody was told of may be there where removing it failed, too: no record names it.
          if (!isFinal) assert.ok(listed.length <= kept.length + 1)
        }
      }
    }
  })

  it('goes on where the system takes fewer bytes than it is offered', async () => {
    const { writeSync, writevSync } = spoolFiles
    const spool = await fresh()
    const bytes = Uint8Array.from({ length: 400_000 }, (_, i) => (i * 7) & 0xff)
    const writer = spool.create()
    try {
      spoolFiles.writeSync = ((file: number, piece: Uint8Array, at: number, length: number) =>
        writeSync(file, piece, at, Math.min(length, 1_000))) as typeof writeSync
      spoolFiles.writevSync = ((file: number, [first]: readonly Uint8Array[]) =>
        writevSync(file, [(first as Uint8Array).subarray(0, 700)])) as typeof writevSync
      for (const [from, to] of [
        [0, 900],
        [900, 200_000],
        [200_000, 200_001],
        [200_001, 400_000],
      ]) {
        writer.write(bytes.subarray(from, to))
      }
      await writer.commit()
    } finally {
      Object.assign(spoolFiles, { writeSync, writevSync })
    }
    await using file = await spool.open(writer.key)
    assert.deepEqual(Buffer.from(file.view(0, file.length)), Buffer.from(bytes))
  })

  it('tells a full disk from one that fails', async () => {
    for (const [code, expected] of [
      ['ENOSPC', 'spool_full'],
      ['EDQUOT', 'spool_full'],
      ['EIO', 'spool_unwritable'],
    ] as const) {
      const { writeSync } = spoolFiles
      const writer = (await fresh()).create()
      try {
        spoolFiles.writeSync = () => {
          throw Object.assign(new Error(code), { code })
        }
        assert.throws(() => writer.write(new Uint8Array(100_000)), storeError(expected))
        // Nothing but the end may follow.
        assert.throws(() => writer.write(new Uint8Array(1)), storeError(expected))
        await assert.rejects(writer.commit(), storeError(expected))
      } finally {
        Object.assign(spoolFiles, { writeSync })
      }
      await writer.abort()
    }
  })

  it('says where it cannot be', async () => {
    const folder = fastFolder()
    writeFileSync(join(folder, 'file'), '')
    await assert.rejects(FileSpool.open(join(folder, 'file', 'spool')), storeError('spool_unwritable'))
  })
})
