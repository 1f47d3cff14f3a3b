import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { decodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { SOFA_TEXT, SOFA_WITNESS_LINE } from '../../testing/foreign-notes.ts'
import { parseSignatureLines } from '../note/note.ts'
import {
  cosignatureMessage,
  formatTimestamped,
  isSubtreeName,
  parseTimestamped,
  type Subtree,
  subtreeMessage,
} from './cosignature.ts'

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'note_malformed'

const subtree: Subtree = {
  cosigner: 'w.example',
  timestamp: 0x0102030405060708n,
  origin: 'log',
  start: 0n,
  end: 0x1112131415161718n,
  hash: new Uint8Array(32).fill(0xaa),
}

describe('cosignatureMessage', () => {
  it('gives the message of the standard', () => {
    const lines = ['cosignature/v1', 'time 1679315147', 'example.com/behind-the-sofa', '20852163']
    const root = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
    assert.equal(decodeUtf8(cosignatureMessage(SOFA_TEXT, 1679315147n)), [...lines, root, ''].join('\n'))
  })

  it('covers extension lines', () => {
    assert.ok(decodeUtf8(cosignatureMessage(`${SOFA_TEXT}more\n`, 1n)).endsWith('=\nmore\n'))
  })

  it('refuses a time that is none', () => {
    assert.throws(() => cosignatureMessage(SOFA_TEXT, -1n), RangeError)
    assert.throws(() => cosignatureMessage(SOFA_TEXT, 1n << 63n), RangeError)
  })
})

describe('subtreeMessage', () => {
  it('gives the bytes of the standard, one field behind the other', () => {
    const expected = [
      '737562747265652f76310a00', // subtree/v1, newline, zero
      '09772e6578616d706c65', // 9, w.example
      '0102030405060708',
      '036c6f67', // 3, log
      '0000000000000000',
      '1112131415161718',
      'aa'.repeat(32),
    ]
    assert.equal(encodeHex(subtreeMessage(subtree)), expected.join(''))
  })

  it('counts names in bytes', () => {
    const bytes = subtreeMessage({ ...subtree, cosigner: 'ü' })
    assert.deepEqual([...bytes.subarray(12, 15)], [2, 0xc3, 0xbc])
    assert.ok(subtreeMessage({ ...subtree, origin: 'n'.repeat(255) }))
  })

  it('takes a subtree that is no checkpoint, without a time', () => {
    assert.ok(subtreeMessage({ ...subtree, start: 256n, timestamp: 0n }))
    assert.ok(subtreeMessage({ ...subtree, end: 0n }))
  })

  const refusals: readonly { readonly name: string; readonly bad: Partial<Subtree> }[] = [
    { name: 'an empty cosigner', bad: { cosigner: '' } },
    { name: 'an empty origin', bad: { origin: '' } },
    { name: 'a cosigner of 256 bytes', bad: { cosigner: 'n'.repeat(256) } },
    { name: 'an origin of 256 bytes', bad: { origin: 'ü'.repeat(128) } },
    { name: 'a time of 2^63', bad: { timestamp: 1n << 63n } },
    { name: 'a negative time', bad: { timestamp: -1n } },
    { name: 'a time where the start is not zero', bad: { start: 1n } },
    { name: 'an end before the start', bad: { start: 2n, end: 1n, timestamp: 0n } },
    { name: 'an end of 2^63', bad: { end: 1n << 63n } },
    { name: 'a short hash', bad: { hash: new Uint8Array(31) } },
  ]
  for (const { name, bad } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => subtreeMessage({ ...subtree, ...bad }), RangeError))
  }

  it('says beforehand which names it refuses', () => {
    for (const name of ['', 'n'.repeat(256), 'ü'.repeat(128)]) {
      assert.ok(!isSubtreeName(name))
      assert.throws(() => subtreeMessage({ ...subtree, cosigner: name }), RangeError)
    }
    assert.ok(isSubtreeName('n'.repeat(255)))
  })
})

describe('parseTimestamped', () => {
  it('reads the time of the example of the standard', () => {
    const [line] = parseSignatureLines(SOFA_WITNESS_LINE)
    assert.ok(line)
    const parsed = parseTimestamped(line.signature, 'cosignature-ed25519')
    assert.equal(parsed.timestamp, 1679315147n)
    assert.equal(parsed.signature.length, 64)
    assert.deepEqual(formatTimestamped(parsed), line.signature)
  })

  it('takes the length of its type, and no other', () => {
    for (const [type, length] of [
      ['cosignature-ed25519', 72],
      ['cosignature-ml-dsa-44', 2428],
    ] as const) {
      assert.equal(parseTimestamped(new Uint8Array(length), type).timestamp, 0n)
      for (const other of [0, 8, 64, 71, 73, 2420, 2427, 2429]) {
        assert.throws(() => parseTimestamped(new Uint8Array(other), type), isMalformed)
      }
    }
  })

  it('takes times up to 2^63 - 1', () => {
    const bytes = new Uint8Array(72).fill(0xff)
    assert.throws(() => parseTimestamped(bytes, 'cosignature-ed25519'), isMalformed)
    bytes[0] = 0x7f
    assert.equal(parseTimestamped(bytes, 'cosignature-ed25519').timestamp, (1n << 63n) - 1n)
  })

  it('reads from the middle of a larger buffer', () => {
    const bytes = Uint8Array.of(9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 5, ...new Uint8Array(64).fill(7)).subarray(4)
    const parsed = parseTimestamped(bytes, 'cosignature-ed25519')
    assert.deepEqual(parsed, { timestamp: 5n, signature: new Uint8Array(64).fill(7) })
  })
})
