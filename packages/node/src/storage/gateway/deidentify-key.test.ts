import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { KeyError, StoreError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../../testing/peers.ts'
import { readSecret } from '../secret-reference.ts'
import { openDeidentifyKey } from './deidentify-key.ts'

describe('the key of de-identification', () => {
  it('is made once, for its owner alone', () => {
    const folder = join(temporaryFolder(), 'gateway')
    const key = openDeidentifyKey(folder)
    assert.equal(key.length, 32)
    assert.deepEqual(openDeidentifyKey(folder), key)
    assert.equal(statSync(join(folder, 'deidentify.key')).mode & 0o777, 0o600)
  })

  it('is not made anew where it is damaged: images of a patient would fall apart', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'deidentify.key'), 'short')
    assert.throws(
      () => openDeidentifyKey(folder),
      (error) => error instanceof StoreError && error.code === 'spool_corrupted',
    )
  })
})

describe('readSecret', () => {
  it('reads variables and files, without the end of their line', () => {
    const path = join(temporaryFolder(), 'secret')
    writeFileSync(path, 'swordfish\n')
    assert.equal(readSecret({ file: path }), 'swordfish')
    assert.equal(readSecret({ env: 'TOKEN' }, { TOKEN: 'x' }), 'x')
  })

  it('says so where there is none', () => {
    const path = join(temporaryFolder(), 'empty')
    writeFileSync(path, '\n')
    for (const reference of [{ env: 'NONE' }, { file: `${path}.none` }, { file: path }]) {
      assert.throws(
        () => readSecret(reference, {}),
        (error) => error instanceof KeyError && error.code === 'key_missing',
      )
    }
  })
})
