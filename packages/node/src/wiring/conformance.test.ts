import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { repositoryRoot } from '../testing/peers.ts'
import { formatConformance } from './conformance.ts'

describe('conformance statement', () => {
  it('is the one in the documents: fiducial gateway conformance > docs/reference/conformance.md', () => {
    const path = join(repositoryRoot, 'docs', 'reference', 'conformance.md')
    assert.equal(formatConformance(), readFileSync(path, 'utf8'))
  })

  it('names every SOP Class', () => {
    assert.doesNotMatch(formatConformance(), /\| SOP Class \| `/)
    assert.doesNotMatch(formatConformance(), /undefined|NaN|unknown/)
  })
})
