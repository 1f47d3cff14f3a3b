import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '../../testing/seeded.ts'
import { matchesGlob } from './glob.ts'

describe('glob', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['CT*', 'CT_ROOM_1', true],
    ['CT*', 'MR_CT', false],
    ['*CT*', 'XCTX', true],
    ['C?', 'CT', true],
    ['C?', 'C', false],
    ['', '', true],
    ['', 'x', false],
    ['*', '', true],
    ['**a', 'bba', true],
    ['a*b*c', 'abxbxc', true],
    ['a*b*c', 'abxbx', false],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
  ]
  for (const [pattern, text, expected] of cases) {
    it(`${expected ? 'finds' : 'does not find'} that '${pattern}' fits '${text}'`, () =>
      assert.equal(matchesGlob(pattern, text), expected))
  }

  it('agrees with a regular expression', () => {
    const letters = ['a', 'b', '*', '?']
    const random = seeded(7)
    for (let i = 0; i < 3000; i++) {
      const pattern = Array.from({ length: 6 }, () => letters[random(4)]).join('')
      const text = Array.from({ length: 10 }, () => letters[random(2)]).join('')
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text)
      assert.equal(matchesGlob(pattern, text), expected, `${pattern} ${text}`)
    }
  })

  it('is not slow on what makes regular expressions slow', () => {
    assert.equal(matchesGlob(`${'*a'.repeat(128)}b`, 'a'.repeat(65_536)), false)
  })
})
