import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { FormatError, KeyError, StoreError } from '@fiducial/core/errors.ts'
import { repositoryRoot } from '../testing/peers.ts'
import { EXIT, exitCodeOf, failureCodeOf, worstOf } from './exit.ts'
import { UsageError } from './usage-error.ts'

describe('exit codes', () => {
  it('belong to the code of an error', () => {
    const errors: readonly (readonly [unknown, number])[] = [
      [new FormatError('dicom_not_dicom', ''), 65],
      [new StoreError('input_missing', ''), 65],
      [new StoreError('output_exists', ''), 73],
      [new StoreError('service_unreachable', ''), 69],
      [new KeyError('key_passphrase_wrong', ''), 77],
      [new KeyError('token_unavailable', ''), 69],
      [new UsageError(''), 64],
      [new DOMException('', 'AbortError'), 130],
      [new TypeError('a defect'), 70],
      ['a string', 70],
    ]
    for (const [error, code] of errors) assert.equal(exitCodeOf(failureCodeOf(error)), code, String(error))
  })

  it('of a run show what must not be missed', () => {
    assert.equal(worstOf([]), EXIT.ok)
    assert.equal(worstOf([0, 2, 0]), 2)
    assert.equal(worstOf([2, 65]), 65)
    assert.equal(worstOf([65, 70]), 70)
    assert.equal(worstOf([70, 77, 1, 65, 2, 73, 69]), 1)
  })

  it('are those of the reference, with all codes of errors', () => {
    const page = readFileSync(join(repositoryRoot, 'docs/reference/cli.md'), 'utf8')
    for (const code of Object.values(EXIT)) assert.match(page, new RegExp(`^\\| ${code} \\|`, 'm'), `exit code ${code}`)
  })
})
