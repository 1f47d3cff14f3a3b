import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { FormatError } from '../../errors.ts'
import { SOFA_TEXT } from '../../testing/foreign-notes.ts'
import { seeded } from '../../testing/seeded.ts'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts'

const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'checkpoint_malformed'

describe('parseCheckpoint', () => {
  it('reads the example of the standard', () => {
    const { origin, size, root, extensions } = parseCheckpoint(SOFA_TEXT)
    assert.deepEqual([origin, size, extensions], ['example.com/behind-the-sofa', 20852163n, []])
    assert.equal(encodeHex(root), '0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62')
    assert.equal(formatCheckpoint(parseCheckpoint(SOFA_TEXT)), SOFA_TEXT)
  })

  const vectors = [
    { name: 'an empty tree', text: `log\n0\n${ROOT}\n`, size: 0n, extensions: [] },
    { name: 'the largest tree', text: `log\n9223372036854775807\n${ROOT}\n`, size: (1n << 63n) - 1n, extensions: [] },
    { name: 'extension lines', text: `log\n7\n${ROOT}\nmore\n0 \n`, size: 7n, extensions: ['more', '0 '] },
    { name: 'an origin that is no name of a key', text: `a log + more\n7\n${ROOT}\n`, size: 7n, extensions: [] },
  ]
  for (const { name, text, size, extensions } of vectors) {
    it(`reads ${name}, and writes it back to the letter`, () => {
      const checkpoint = parseCheckpoint(text)
      assert.deepEqual([checkpoint.size, checkpoint.extensions], [size, extensions])
      assert.equal(formatCheckpoint(checkpoint), text)
    })
  }

  const refusals = [
    { name: 'nothing', text: '' },
    { name: 'a newline', text: '\n' },
    { name: 'two lines', text: 'log\n7\n' },
    { name: 'an empty root', text: 'log\n7\n\n' },
    { name: 'no newline at the end', text: `log\n7\n${ROOT}` },
    { name: 'an empty origin', text: `\n7\n${ROOT}\n` },
    { name: 'an empty extension', text: `log\n7\n${ROOT}\n\n` },
    { name: 'an empty extension before another', text: `log\n7\n${ROOT}\n\nx\n` },
    { name: 'a size with a leading zero', text: `log\n07\n${ROOT}\n` },
    { name: 'two zeros', text: `log\n00\n${ROOT}\n` },
    { name: 'no size', text: `log\n\n${ROOT}\n` },
    { name: 'a negative size', text: `log\n-7\n${ROOT}\n` },
    { name: 'a size with a plus', text: `log\n+7\n${ROOT}\n` },
    { name: 'a hexadecimal size', text: `log\n0x7\n${ROOT}\n` },
    { name: 'a size with a space', text: `log\n7 \n${ROOT}\n` },
    { name: 'a size with an exponent', text: `log\n1e3\n${ROOT}\n` },
    { name: 'a size in other digits', text: `log\n٧\n${ROOT}\n` },
    { name: 'a size of 2^63', text: `log\n9223372036854775808\n${ROOT}\n` },
    { name: 'a size of 20 digits', text: `log\n10000000000000000000\n${ROOT}\n` },
    { name: 'a short root', text: `log\n7\n${ROOT.slice(4)}\n` },
    { name: 'a root of 33 bytes', text: 'log\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n' },
    { name: 'a root with loose final bits', text: `log\n7\n${ROOT.replace('I=', 'J=')}\n` },
    { name: 'a root without padding', text: `log\n7\n${ROOT.slice(0, -1)}\n` },
    { name: 'a root in hexadecimal', text: `log\n7\n${'0'.repeat(64)}\n` },
    { name: 'a carriage return', text: `log\r\n7\n${ROOT}\n` },
    { name: 'a tab in an extension', text: `log\n7\n${ROOT}\na\tb\n` },
    { name: 'a lone surrogate', text: `log\ud800\n7\n${ROOT}\n` },
  ]
  for (const { name, text } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseCheckpoint(text), isMalformed))
  }

  it('reads or refuses damaged checkpoints, and reads none in a second spelling', () => {
    const next = seeded(51)
    const pieces = ['\n', '0', '-', ' ', '=', 'A', '/', '\r', 'é', '\ud800', '']
    for (let i = 0; i < 4000; i++) {
      const at = next(SOFA_TEXT.length + 1)
      const text = SOFA_TEXT.slice(0, at) + pieces[next(pieces.length)] + SOFA_TEXT.slice(at + next(3))
      try {
        assert.equal(formatCheckpoint(parseCheckpoint(text)), text)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })
})

describe('formatCheckpoint', () => {
  const good = { origin: 'log', size: 7n, root: new Uint8Array(32), extensions: [] }
  it('refuses what it could not read again', () => {
    assert.ok(formatCheckpoint(good))
    for (const bad of [
      { ...good, origin: '' },
      { ...good, origin: 'a\nb' },
      { ...good, size: -1n },
      { ...good, size: 1n << 63n },
      { ...good, root: new Uint8Array(31) },
      { ...good, extensions: [''] },
      { ...good, extensions: ['a\n'] },
    ]) {
      assert.throws(() => formatCheckpoint(bad), RangeError)
    }
  })
})
