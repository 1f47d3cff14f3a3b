import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { KeyError } from '@fiducial/core/errors.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { readSecret } from './secret-reference.ts'

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
