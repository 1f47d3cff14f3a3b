import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AUTHOR_SIGNATURE, PURPOSES, SOURCE_SIGNATURE } from './purpose.ts'

describe('purposes of PS3.16 context group 7007', () => {
  it('are numbered from 1 to 18 without a gap', () => {
    assert.deepEqual(
      Object.keys(PURPOSES).map(Number),
      Array.from({ length: 18 }, (_, i) => i + 1),
    )
  })

  it('name the two that we make', () => {
    assert.equal(PURPOSES[SOURCE_SIGNATURE], 'Source Signature')
    assert.equal(PURPOSES[AUTHOR_SIGNATURE], "Author's Signature")
  })

  it('fit a code meaning', () => {
    for (const meaning of Object.values(PURPOSES)) assert.ok(meaning.length <= 64)
  })
})
