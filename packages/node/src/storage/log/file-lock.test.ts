import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { storeError } from '../../testing/log-contracts/harness.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { FileLock } from './file-lock.ts'

describe('FileLock', () => {
  it('admits one holder at a time', (t) => {
    const path = join(temporaryFolder(t), 'lock.sqlite')
    const lock = FileLock.acquire(path)
    assert.throws(() => FileLock.acquire(path), storeError('log_locked'))
    lock.claim(0n)
    assert.throws(() => FileLock.acquire(path), storeError('log_locked'))
    lock.release()
    lock.release()
    FileLock.acquire(path).release()
  })

  it('numbers claims from 1, without an end, over reopenings', (t) => {
    const path = join(temporaryFolder(t), 'lock.sqlite')
    const lock = FileLock.acquire(path)
    assert.deepEqual([lock.claim(0n), lock.claim(0n), lock.claim(1n)], [1n, 2n, 3n])
    assert.equal(lock.claim(100n), 101n)
    lock.release()
    const again = FileLock.acquire(path)
    assert.equal(again.claim(5n), 102n)
    assert.equal(again.claim(1n << 60n), (1n << 60n) + 1n)
    again.release()
  })

  it('refuses a folder that is not there', (t) => {
    const path = join(temporaryFolder(t), 'missing', 'lock.sqlite')
    assert.throws(() => FileLock.acquire(path), storeError('log_unwritable'))
  })

  it('is taken back from a process that is killed', async (t) => {
    const path = join(temporaryFolder(t), 'lock.sqlite')
    const script = `
      const { FileLock } = await import(${JSON.stringify(new URL('./file-lock.ts', import.meta.url).href)})
      console.log(String(FileLock.acquire(${JSON.stringify(path)}).claim(0n)))
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    const [said] = await once(child.stdout, 'data')
    assert.equal(String(said), '1\n')
    assert.throws(() => FileLock.acquire(path), storeError('log_locked'))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lock = FileLock.acquire(path)
    assert.equal(lock.claim(0n), 2n)
    lock.release()
  })
})
