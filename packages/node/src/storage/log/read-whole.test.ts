import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { readWhole, readWholeNow } from './read-whole.ts'

const corrupted = (error: unknown): boolean => error instanceof StoreError && error.code === 'log_corrupted'

describe('readWhole', () => {
  const folder = temporaryFolder()
  const path = (name: string): string => join(folder, name)
  const ways = {
    later: readWhole,
    now: async (...given: Parameters<typeof readWholeNow>) => readWholeNow(...given),
  }

  for (const [name, read] of Object.entries(ways)) {
    describe(name, () => {
      it('reads a file up to its limit, and none over it', async () => {
        for (const length of [0, 1, 100_000]) {
          const bytes = new Uint8Array(length).fill(7)
          writeFileSync(path('file'), bytes)
          assert.deepEqual(Uint8Array.from((await read(path('file'), length)) ?? []), bytes)
          assert.deepEqual(Uint8Array.from((await read(path('file'), length + 1)) ?? []), bytes)
          if (length > 0) await assert.rejects(read(path('file'), length - 1), corrupted)
        }
      })

      it('reads nothing of a file of terabytes', async () => {
        writeFileSync(path('huge'), 'x')
        truncateSync(path('huge'), 3 * 2 ** 40)
        await assert.rejects(read(path('huge'), 2 ** 20), corrupted)
      })

      it('has nothing to read where there is none', async () => {
        assert.equal(await read(path('nothing'), 10), undefined)
        writeFileSync(path('file'), 'x')
        assert.equal(await read(join(path('file'), 'below'), 10), undefined)
      })

      it('does not wait for what somebody might write into a pipe', async () => {
        const pipe = path(`pipe-${name}`)
        execFileSync('mkfifo', [pipe])
        await assert.rejects(read(pipe, 10), corrupted)
      })

      it('does not follow a loop of links', async () => {
        const loop = path(`loop-${name}`)
        symlinkSync(loop, loop)
        await assert.rejects(read(loop, 10), (error) => (error as NodeJS.ErrnoException).code === 'ELOOP')
      })
    })
  }

  it('takes a folder for no file', async () => {
    mkdirSync(path('folder'))
    assert.equal(await readWhole(path('folder'), 10), undefined)
    assert.throws(
      () => readWholeNow(path('folder'), 100_000),
      (error) => (error as NodeJS.ErrnoException).code === 'EISDIR',
    )
  })
})
