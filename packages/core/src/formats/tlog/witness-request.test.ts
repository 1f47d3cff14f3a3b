import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { SOFA_LOG_LINE, SOFA_TEXT } from '../../testing/foreign-notes.ts'
import { seeded } from '../../testing/seeded.ts'
import {
  ADD_CHECKPOINT_LIMIT,
  formatAddCheckpoint,
  formatTreeSize,
  parseAddCheckpoint,
  parseTreeSize,
} from './witness-request.ts'

const isMalformed = (error: unknown): boolean =>
  error instanceof FormatError && error.code === 'witness_request_malformed'

/** Source: the example of C2SP tlog-witness, section "add-checkpoint". */
const HASHES = [
  'PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=',
  'jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=',
  '5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=',
  '/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=',
]
const SECOND_LINE =
  '— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n'
const NOTE = `${SOFA_TEXT}\n${SOFA_LOG_LINE}${SECOND_LINE}`
const PROOF = HASHES.map((hash) => `${hash}\n`).join('')
const good = `old 20852014\n${PROOF}\n${NOTE}`

describe('parseAddCheckpoint', () => {
  const vectors = [
    { name: 'the example of the standard', body: good, oldSize: 20852014n, hashes: 4 },
    { name: 'a first checkpoint', body: `old 0\n\n${NOTE}`, oldSize: 0n, hashes: 0 },
    { name: 'the same size again', body: `old 20852163\n\n${NOTE}`, oldSize: 20852163n, hashes: 0 },
    {
      name: 'as many hashes as a proof has',
      body: `old 1\n${`${HASHES[0]}\n`.repeat(63)}\n${NOTE}`,
      oldSize: 1n,
      hashes: 63,
    },
  ]
  for (const { name, body, oldSize, hashes } of vectors) {
    it(`reads ${name}, and writes it back to the letter`, () => {
      const request = parseAddCheckpoint(body)
      assert.deepEqual([request.oldSize, request.proof.length, request.checkpoint], [oldSize, hashes, NOTE])
      assert.equal(formatAddCheckpoint(request), body)
      assert.deepEqual(parseAddCheckpoint(encodeUtf8(body)), request)
    })
  }

  const refusals: readonly { readonly name: string; readonly body: string | Uint8Array }[] = [
    { name: 'nothing', body: '' },
    { name: 'a checkpoint alone', body: NOTE },
    { name: 'no checkpoint', body: `old 0\n${PROOF}\n` },
    { name: 'a checkpoint without signatures', body: `old 0\n\n${SOFA_TEXT}` },
    { name: 'a note that is no checkpoint', body: `old 0\n\na\n\n${SOFA_LOG_LINE}` },
    { name: 'a checkpoint whose size has a leading zero', body: good.replace('\n20852163', '\n020852163') },
    { name: 'a line behind the checkpoint', body: `${good}x\n` },
    { name: 'no old size', body: `${PROOF}\n${NOTE}` },
    { name: 'an old size with a leading zero', body: `old 01\n\n${NOTE}` },
    { name: 'an empty old size', body: `old \n\n${NOTE}` },
    { name: 'an old size with two spaces', body: `old  1\n\n${NOTE}` },
    { name: 'an old size in capitals', body: `OLD 1\n\n${NOTE}` },
    { name: 'a negative old size', body: `old -1\n\n${NOTE}` },
    { name: 'an old size over that of the checkpoint', body: `old 20852164\n\n${NOTE}` },
    { name: 'an old size of 2^63', body: `old 9223372036854775808\n\n${NOTE}` },
    { name: 'a hash that is too short', body: `old 1\nAAAA\n\n${NOTE}` },
    { name: 'a hash with a space', body: `old 1\n${HASHES[0]} \n\n${NOTE}` },
    { name: 'an empty line in the proof', body: `old 1\n${PROOF}\n${PROOF}\n${NOTE}` },
    { name: 'no empty line', body: `old 1\n${PROOF}${SOFA_TEXT}` },
    { name: '64 hashes', body: `old 1\n${`${HASHES[0]}\n`.repeat(64)}\n${NOTE}` },
    { name: 'a carriage return', body: good.replaceAll('\n', '\r\n') },
    { name: 'bytes that are no UTF-8', body: Uint8Array.of(...encodeUtf8(good), 0xff) },
    { name: 'a body that is too long', body: new Uint8Array(ADD_CHECKPOINT_LIMIT + 1).fill(0x41) },
    { name: 'many lines', body: '\n'.repeat(ADD_CHECKPOINT_LIMIT) },
  ]
  for (const { name, body } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseAddCheckpoint(body), isMalformed))
  }

  it('reads or refuses damaged requests, and reads none in a second spelling', () => {
    const next = seeded(82)
    const pieces = ['\n', '\n\n', ' ', '0', '9', '=', 'A', 'old ', 'é', '\r', '']
    for (let i = 0; i < 4000; i++) {
      const at = next(good.length)
      const body = good.slice(0, at) + pieces[next(pieces.length)] + good.slice(at + next(4))
      try {
        assert.equal(formatAddCheckpoint(parseAddCheckpoint(body)), body)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })
})

describe('formatAddCheckpoint', () => {
  it('refuses what no request has', () => {
    const request = parseAddCheckpoint(good)
    assert.throws(() => formatAddCheckpoint({ ...request, oldSize: -1n }), RangeError)
    assert.throws(() => formatAddCheckpoint({ ...request, proof: [new Uint8Array(31)] }), RangeError)
    const proof = Array.from({ length: 64 }, () => new Uint8Array(32))
    assert.throws(() => formatAddCheckpoint({ ...request, proof }), RangeError)
  })
})

describe('the size that a witness answers', () => {
  it('is one number and a newline', () => {
    assert.equal(formatTreeSize(20852163n), '20852163\n')
    assert.equal(parseTreeSize('20852163\n'), 20852163n)
    for (const body of ['', '\n', '1', '01\n', '1\n\n', ' 1\n', '1\r\n', '-1\n', '9223372036854775808\n']) {
      assert.throws(() => parseTreeSize(body), isMalformed)
    }
    assert.throws(() => formatTreeSize(-1n), RangeError)
  })
})
