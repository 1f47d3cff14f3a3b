import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { SOFA_LOG_LINE, SOFA_TEXT } from '../../testing/foreign-notes.ts'
import { seeded } from '../../testing/seeded.ts'
import { formatTlogProof, parseTlogProof, TLOG_PROOF_LIMIT } from './proof.ts'

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'tlog_proof_malformed'

const TITLE = 'c2sp.org/tlog-proof@v1\n'
/** Source: the hashes of the example of C2SP tlog-proof. */
const HASHES =
  'gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n' +
  'EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n'
const NOTE = `${SOFA_TEXT}\n${SOFA_LOG_LINE}`
const good = `${TITLE}extra AAEC\nindex 73894\n${HASHES}\n${NOTE}`

describe('parseTlogProof', () => {
  it('reads a proof with extra data', () => {
    const { extra, index, hashes, checkpoint } = parseTlogProof(good)
    assert.deepEqual(extra, Uint8Array.of(0, 1, 2))
    assert.equal(index, 73894n)
    assert.deepEqual(
      hashes.map((hash) => [hash.length, hash[0]]),
      [
        [32, 0x81],
        [32, 0x07],
        [32, 0x10],
      ],
    )
    assert.equal(checkpoint, NOTE)
  })

  const vectors = [
    { name: 'extra data', text: good },
    { name: 'no extra data', text: `${TITLE}index 0\n${HASHES}\n${NOTE}` },
    { name: 'no hashes: a tree of one entry', text: `${TITLE}index 0\n\n${NOTE}` },
    { name: 'the largest index', text: `${TITLE}index 9223372036854775807\n\n${NOTE}` },
    { name: 'as many hashes as a proof has', text: `${TITLE}index 1\n${HASHES.repeat(21)}\n${NOTE}` },
    { name: 'a checkpoint that nobody has looked at', text: `${TITLE}index 1\n\nx` },
    { name: 'a checkpoint with empty lines', text: `${TITLE}index 1\n\na\n\n\nb` },
  ]
  for (const { name, text } of vectors) {
    it(`reads a proof with ${name}, and writes it back to the letter`, () => {
      const proof = parseTlogProof(text)
      assert.equal(formatTlogProof(proof), text)
      assert.deepEqual(parseTlogProof(encodeUtf8(text)), proof)
      assert.equal('extra' in proof, text.includes('extra'))
    })
  }

  const refusals: readonly { readonly name: string; readonly text: string | Uint8Array }[] = [
    { name: 'nothing', text: '' },
    { name: 'a title alone', text: TITLE },
    { name: 'no checkpoint', text: `${TITLE}index 1\n${HASHES}\n` },
    { name: 'no empty line', text: `${TITLE}index 1\n${HASHES}x` },
    { name: 'another version', text: good.replace('@v1', '@v2') },
    { name: 'a space behind the title', text: good.replace('@v1', '@v1 ') },
    { name: 'a line before the title', text: `\n${good}` },
    { name: 'a byte order mark', text: `\ufeff${good}` },
    { name: 'no index', text: `${TITLE}${HASHES}\n${NOTE}` },
    { name: 'an index with a leading zero', text: `${TITLE}index 01\n\n${NOTE}` },
    { name: 'an index with two spaces', text: `${TITLE}index  1\n\n${NOTE}` },
    { name: 'an index without a space', text: `${TITLE}index1\n\n${NOTE}` },
    { name: 'an empty index', text: `${TITLE}index \n\n${NOTE}` },
    { name: 'a negative index', text: `${TITLE}index -1\n\n${NOTE}` },
    { name: 'an index of 2^63', text: `${TITLE}index 9223372036854775808\n\n${NOTE}` },
    { name: 'two indexes', text: `${TITLE}index 1\nindex 1\n\n${NOTE}` },
    { name: 'extra data behind the index', text: `${TITLE}index 1\nextra AAEC\n\n${NOTE}` },
    { name: 'extra data twice', text: `${TITLE}extra AAEC\nextra AAEC\nindex 1\n\n${NOTE}` },
    { name: 'empty extra data', text: `${TITLE}extra \nindex 1\n\n${NOTE}` },
    { name: 'extra data that is no base64', text: `${TITLE}extra AAE\nindex 1\n\n${NOTE}` },
    { name: 'extra data with loose final bits', text: `${TITLE}extra AB==\nindex 1\n\n${NOTE}` },
    { name: 'a hash that is too short', text: `${TITLE}index 1\nAAAA\n\n${NOTE}` },
    { name: 'a hash with loose final bits', text: `${TITLE}index 1\n${HASHES.replace('lQ=', 'lR=')}\n${NOTE}` },
    { name: 'a carriage return', text: good.replaceAll('\n', '\r\n') },
    { name: 'more hashes than a proof has', text: `${TITLE}index 1\n${HASHES.repeat(22)}\n${NOTE}` },
    { name: 'bytes that are no UTF-8', text: Uint8Array.of(...encodeUtf8(good), 0xff) },
    { name: 'a text that is too long', text: `${good}${'x'.repeat(TLOG_PROOF_LIMIT)}` },
  ]
  for (const { name, text } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseTlogProof(text), isMalformed))
  }

  it('reads or refuses damaged proofs, and reads none in a second spelling', () => {
    const next = seeded(81)
    const pieces = ['\n', '\n\n', ' ', '0', '=', 'A', 'index ', 'extra ', 'é', '\r', '']
    for (let i = 0; i < 4000; i++) {
      const at = next(good.length - NOTE.length)
      const text = good.slice(0, at) + pieces[next(pieces.length)] + good.slice(at + next(4))
      try {
        assert.equal(formatTlogProof(parseTlogProof(text)), text)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })
})

describe('formatTlogProof', () => {
  it('refuses what it could not read again', () => {
    const proof = parseTlogProof(good)
    for (const bad of [
      { ...proof, extra: new Uint8Array(0) },
      { ...proof, index: -1n },
      { ...proof, index: 1n << 63n },
      { ...proof, hashes: [new Uint8Array(31)] },
      { ...proof, hashes: Array.from({ length: 64 }, () => new Uint8Array(32)) },
      { ...proof, checkpoint: '' },
    ]) {
      assert.throws(() => formatTlogProof(bad), RangeError)
    }
  })
})
