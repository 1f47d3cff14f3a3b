/** Base 16 and base 64 against the test vectors of RFC 4648 section 10, and refusals by hand. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../errors.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { decodeHex, encodeHex } from './hex.ts'
import { encodeLatin1 } from './text.ts'

const formatError = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code

/** The vectors' hexadecimal is in upper case; ours is not. */
const VECTORS: readonly (readonly [string, string, string])[] = [
  ['', '', ''],
  ['f', 'Zg==', '66'],
  ['fo', 'Zm8=', '666f'],
  ['foo', 'Zm9v', '666f6f'],
  ['foob', 'Zm9vYg==', '666f6f62'],
  ['fooba', 'Zm9vYmE=', '666f6f6261'],
  ['foobar', 'Zm9vYmFy', '666f6f626172'],
]

const allBytes = Uint8Array.from({ length: 256 }, (_, value) => value)

describe('hexadecimal', () => {
  for (const [text, , hex] of VECTORS) {
    it(`spells ${JSON.stringify(text)}`, () => {
      assert.equal(encodeHex(encodeLatin1(text)), hex)
      assert.deepEqual(decodeHex(hex), encodeLatin1(text))
    })
  }

  it('reads what it writes', () => {
    assert.deepEqual(decodeHex(encodeHex(allBytes)), allBytes)
  })

  for (const text of ['0', '000', '0g', 'AB', 'aB', '0x00', ' 00', '00 ', '00\n', '-1', '+1', '0.', '１１', 'é0']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => decodeHex(text), formatError('hex_malformed'))
    })
  }
})

describe('base64', () => {
  for (const [text, base64] of VECTORS) {
    it(`spells ${JSON.stringify(text)}`, () => {
      assert.equal(encodeBase64(encodeLatin1(text)), base64)
      assert.deepEqual(decodeBase64(base64), encodeLatin1(text))
    })
  }

  it('uses the standard alphabet', () => {
    assert.equal(encodeBase64(Uint8Array.of(0xfb, 0xff, 0xfe)), '+//+')
  })

  it('reads what it writes, also when it is long', () => {
    for (const length of [0x7fff, 0x8000, 0x8001, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) % 256)
      assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes)
    }
  })

  const refusals = [
    'Zg',
    'Zg=',
    'Zg===',
    'Zm8',
    '=',
    '====',
    'Zh==',
    'Zm9=',
    'Z',
    '-__-',
    'Zm9v\n',
    ' Zm9v',
    'Zm 9v',
    'Zm9v=',
    'Zg==Zg==',
    'Zm9é',
    'Zm9\0',
    '*',
  ]
  for (const text of refusals) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => decodeBase64(text), formatError('base64_malformed'))
    })
  }
})
