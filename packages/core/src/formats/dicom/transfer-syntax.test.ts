import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  EXPLICIT_BIG,
  EXPLICIT_LITTLE,
  encodingOf,
  IMPLICIT_LITTLE,
  isDeflatedSyntax,
  isEncapsulatedSyntax,
  isNativeSyntax,
} from './transfer-syntax.ts'

const ROOT = '1.2.840.10008.1.2'

/** Of PS3.6 table A-1: explicit, big endian, deflated; then how pixel data is kept. */
const SYNTAXES: readonly (readonly [string, string, 'native' | 'encapsulated' | 'neither'])[] = [
  ['', 'implicit', 'native'],
  ['.1', 'explicit', 'native'],
  ['.1.98', 'explicit', 'encapsulated'],
  ['.1.99', 'deflated', 'native'],
  ['.2', 'big', 'native'],
  ['.4.50', 'explicit', 'encapsulated'],
  ['.4.51', 'explicit', 'encapsulated'],
  ['.4.57', 'explicit', 'encapsulated'],
  ['.4.70', 'explicit', 'encapsulated'],
  ['.4.80', 'explicit', 'encapsulated'],
  ['.4.81', 'explicit', 'encapsulated'],
  ['.4.90', 'explicit', 'encapsulated'],
  ['.4.91', 'explicit', 'encapsulated'],
  ['.4.94', 'explicit', 'neither'],
  ['.4.95', 'deflated', 'neither'],
  ['.4.100', 'explicit', 'encapsulated'],
  ['.4.201', 'explicit', 'encapsulated'],
  ['.4.203', 'explicit', 'encapsulated'],
  ['.4.204', 'explicit', 'neither'],
  ['.4.205', 'deflated', 'neither'],
  ['.5', 'explicit', 'encapsulated'],
  ['.7.1', 'explicit', 'neither'],
  ['.8.1', 'explicit', 'encapsulated'],
]

describe('transfer syntaxes', () => {
  for (const [suffix, spelling, pixels] of SYNTAXES) {
    it(`${ROOT}${suffix} is ${spelling}, its pixel data ${pixels}`, () => {
      const uid = `${ROOT}${suffix}`
      assert.equal(
        encodingOf(uid),
        spelling === 'implicit' ? IMPLICIT_LITTLE : spelling === 'big' ? EXPLICIT_BIG : EXPLICIT_LITTLE,
      )
      assert.equal(isDeflatedSyntax(uid), spelling === 'deflated')
      assert.equal(isNativeSyntax(uid), pixels === 'native')
      assert.equal(isEncapsulatedSyntax(uid), pixels === 'encapsulated')
    })
  }

  it('of private makers are explicit little endian, and nothing is known of their pixel data', () => {
    const uid = '1.2.840.113619.5.2'
    assert.equal(encodingOf(uid), EXPLICIT_LITTLE)
    assert.equal(isNativeSyntax(uid) || isEncapsulatedSyntax(uid) || isDeflatedSyntax(uid), false)
  })
})
