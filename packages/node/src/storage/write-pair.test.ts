import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { writePair } from './write-pair.ts'

const IMAGE = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]
const SHA256 = createHash('sha256')
  .update(Uint8Array.of(1, 2, 3, 4))
  .digest('hex')
const sealOf = async (sha256: Uint8Array): Promise<Uint8Array> =>
  Buffer.from(`seal of ${Buffer.from(sha256).toString('hex')}`)
const storeError = (code: string) => (error: unknown) => error instanceof StoreError && error.code === code

describe('writePair', () => {
  it('writes both files, the seal over the digest of the image', async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'below', 'image.dcm')
    const length = await writePair({ path, pieces: IMAGE, seal: sealOf })
    assert.deepEqual(new Uint8Array(readFileSync(path)), Uint8Array.of(1, 2, 3, 4))
    assert.equal(readFileSync(`${path}.fiducial.json`, 'utf8'), `seal of ${SHA256}`)
    assert.equal(length, 4 + 8 + 64)
    assert.deepEqual(readdirSync(join(folder, 'below')).sort(), ['image.dcm', 'image.dcm.fiducial.json'])
  })

  it('leaves nothing behind when the seal cannot be made', async (t) => {
    const folder = temporaryFolder(t)
    const seal = async (): Promise<Uint8Array> => {
      throw new StoreError('service_unreachable', 'no authority')
    }
    await assert.rejects(
      writePair({ path: join(folder, 'image'), pieces: IMAGE, seal }),
      storeError('service_unreachable'),
    )
    assert.deepEqual(readdirSync(folder), [])
  })

  it('takes the seal back when the image cannot take its name', async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'image')
    const seal = async (sha256: Uint8Array): Promise<Uint8Array> => {
      writeFileSync(path, 'somebody was faster')
      return sealOf(sha256)
    }
    await assert.rejects(writePair({ path, pieces: IMAGE, seal }), storeError('output_exists'))
    assert.deepEqual(readdirSync(folder), ['image'])
    assert.equal(readFileSync(path, 'utf8'), 'somebody was faster')
  })

  it('refuses a name that is taken before anything is signed', async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'image')
    writeFileSync(path, 'old')
    let asked = 0
    const seal = async (sha256: Uint8Array): Promise<Uint8Array> => {
      asked++
      return sealOf(sha256)
    }
    await assert.rejects(writePair({ path, pieces: IMAGE, seal }), storeError('output_exists'))
    assert.equal(asked, 0)
    await writePair({ path, pieces: IMAGE, seal, isOverwriting: true })
    assert.deepEqual(new Uint8Array(readFileSync(path)), Uint8Array.of(1, 2, 3, 4))
  })

  it('replaces a seal that a power cut left without its image', async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'image')
    writeFileSync(`${path}.fiducial.json`, 'orphan')
    await writePair({ path, pieces: IMAGE, seal: sealOf })
    assert.equal(readFileSync(`${path}.fiducial.json`, 'utf8'), `seal of ${SHA256}`)
  })

  it('says what is in the way of a folder', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'image'))
    await assert.rejects(
      writePair({ path: join(folder, 'file', 'image'), pieces: IMAGE, seal: sealOf }),
      storeError('output_unwritable'),
    )
    await assert.rejects(
      writePair({ path: join(folder, 'image'), pieces: IMAGE, seal: sealOf, isOverwriting: true }),
      storeError('output_unwritable'),
    )
    assert.equal(existsSync(join(folder, 'image.fiducial.json')), false)
  })
})
