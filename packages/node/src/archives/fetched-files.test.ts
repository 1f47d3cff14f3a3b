import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { FetchedFiles, fetchTogether } from './fetched-files.ts'

const signal = new AbortController().signal
const keys = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i}` }))

describe('FetchedFiles', () => {
  it('removes what a killed process left, and lets nobody else in', () => {
    const folder = join(temporaryFolder(), 'fetched')
    mkdirSync(folder)
    writeFileSync(join(folder, 'left'), 'an image')
    const files = new FetchedFiles(folder)
    const path = files.newPath()
    assert.deepEqual(readdirSync(folder), [])
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    assert.notEqual(files.newPath(), path)
  })

  it('removes each file once it is examined, and the folder in the end', async () => {
    const folder = join(temporaryFolder(), 'fetched')
    const files = new FetchedFiles(folder)
    const path = files.newPath()
    writeFileSync(path, 'an image')
    const fetched = files.take('a', path)
    assert.equal(fetched.lengthBytes, 8)
    await fetched[Symbol.asyncDispose]()
    assert.ok(!existsSync(path))
    files.close()
    assert.ok(!existsSync(folder))
  })
})

describe('fetchTogether', () => {
  it('fetches several at once, and no more', async () => {
    let [underWay, most] = [0, 0]
    const got: string[] = []
    const fetching = fetchTogether(keys(20), { together: 4, signal }, async ({ key }) => {
      most = Math.max(most, ++underWay)
      await new Promise(setImmediate)
      underWay--
      return { key, path: key, lengthBytes: 1, [Symbol.asyncDispose]: async () => undefined }
    })
    for await (const { key } of fetching) got.push(key)
    assert.equal(most, 4)
    assert.deepEqual(
      got.toSorted(),
      keys(20)
        .map(({ key }) => key)
        .toSorted(),
    )
  })

  it('says of one instance what is wrong with it, and ends for what is wrong with the archive', async () => {
    const failing = (code: 'instance_missing' | 'service_unreachable') =>
      Array.fromAsync(
        fetchTogether(keys(1), { together: 4, signal }, async () => {
          throw new StoreError(code, 'no')
        }),
      )
    assert.deepEqual(await failing('instance_missing'), [{ key: 'k0', code: 'instance_missing' }])
    await assert.rejects(failing('service_unreachable'), { code: 'service_unreachable' })
  })

  it('gives back what still comes once nobody listens', async () => {
    let open = 0
    const fetching = fetchTogether(keys(9), { together: 3, signal }, async ({ key }) => {
      open++
      const close = async (): Promise<void> => void open--
      return { key, path: key, lengthBytes: 1, [Symbol.asyncDispose]: close }
    })
    for await (const got of fetching) {
      if ('path' in got) await got[Symbol.asyncDispose]()
      break
    }
    assert.equal(open, 0)
  })
})
