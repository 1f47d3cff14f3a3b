import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { decodeTerms, encodeTerms, KIND_NUMBERS } from './terms.ts'

const corrupted = (error: unknown): boolean => error instanceof StoreError && error.code === 'log_corrupted'

describe('terms of an entry', () => {
  it('come back as they were, of every kind', () => {
    const kinds = Object.keys(KIND_NUMBERS) as (keyof typeof KIND_NUMBERS)[]
    const terms = kinds.map((kind, i) => ({ kind, value: `${i} ☢ "\\ \u0000` }))
    for (const some of [terms, [], terms.slice(2, 3), [...terms, ...terms]]) {
      assert.deepEqual(decodeTerms(encodeTerms(some)), some)
    }
  })

  it('have numbers that no other kind has', () => {
    assert.equal(new Set(Object.values(KIND_NUMBERS)).size, Object.keys(KIND_NUMBERS).length)
  })

  it('are refused where they are none', () => {
    for (const text of [
      '',
      'x',
      '{}',
      'null',
      '1',
      '["type"]',
      '["type",1]',
      '[1,"type"]',
      '["other","x"]',
      '["toString","x"]',
      '["type","x","study"]',
      '[["type","x"]]',
      '["type","x"',
    ]) {
      assert.throws(() => decodeTerms(Buffer.from(text)), corrupted, text)
    }
    assert.throws(() => decodeTerms(Uint8Array.of(0xff, 0xfe)), corrupted)
  })
})
