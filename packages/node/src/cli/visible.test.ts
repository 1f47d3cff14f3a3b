import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cut, cutStart, visible } from './visible.ts'

describe('visible', () => {
  it('leaves what shows itself alone', () => {
    for (const text of ['chest.dcm', 'Müller^Änne', '山田^太郎', 'a b\u00a0c', '👩‍⚕️'.replace('\u200d', '')])
      assert.equal(visible(text), text)
  })

  it('spells what could rewrite the screen', () => {
    assert.equal(visible('\x1b[2K\rauthentic'), '\\u{1b}[2K\\u{d}authentic')
    assert.equal(visible('a\nb\tc\u0000\u009b1m'), 'a\\u{a}b\\u{9}c\\u{0}\\u{9b}1m')
  })

  it('spells what turns or hides text', () => {
    assert.equal(visible('\u202egpj.exe'), '\\u{202e}gpj.exe')
    assert.equal(visible('a\u200bb\u2028c\u2066d'), 'a\\u{200b}b\\u{2028}c\\u{2066}d')
    assert.equal(visible('\ud800'), '\\u{d800}')
  })
})

describe('cut', () => {
  it('keeps a width in characters', () => {
    assert.equal(cut('abcdef', 6), 'abcdef')
    assert.equal(cut('abcdefg', 6), 'abcde…')
    assert.equal(cut('日本語の名', 3), '日本…')
    assert.equal(cutStart('/a/long/path.dcm', 9), '…path.dcm')
    assert.equal(cutStart('short', 9), 'short')
  })
})
