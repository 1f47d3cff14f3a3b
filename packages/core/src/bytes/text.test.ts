import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { concatBytes, decodeLatin1, decodeUtf8, encodeLatin1, encodeUtf8, equalBytes, joinBytes } from './text.ts'

describe('UTF-8', () => {
  it('reads what it writes', () => {
    for (const text of ['', 'abc', 'Ä', '漢字', '😀', '\ufeffx', '\0']) assert.equal(decodeUtf8(encodeUtf8(text)), text)
    assert.deepEqual([...encodeUtf8('Ä€😀')], [0xc3, 0x84, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80])
  })

  const refusals = {
    'a byte alone': [0xff],
    'an end that is missing': [0xe2, 0x82],
    'more bytes than needed': [0xc0, 0xaf],
    'half of a surrogate pair': [0xed, 0xa0, 0x80],
    'a number above the last': [0xf4, 0x90, 0x80, 0x80],
    'a continuation alone': [0x41, 0x80],
  }
  for (const [name, bytes] of Object.entries(refusals)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => decodeUtf8(Uint8Array.from(bytes)), TypeError)
    })
  }
})

describe('Latin-1', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, value) => value)

  it('has one character a byte', () => {
    const text = decodeLatin1(bytes)
    assert.equal(text.length, 256)
    // Not windows-1252, which decoders of that name mean.
    assert.equal(text.charCodeAt(0x80), 0x80)
    assert.deepEqual(encodeLatin1(text), bytes)
  })

  it('refuses other characters', () => {
    for (const text of ['Ā', '€', '😀', '\ud800']) assert.throws(() => encodeLatin1(text), RangeError)
  })
})

describe('joining', () => {
  it('puts pieces one behind the other', () => {
    assert.deepEqual(concatBytes(), new Uint8Array(0))
    assert.deepEqual(concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3))
    assert.deepEqual(joinBytes([Uint8Array.of(1), Uint8Array.of(2)]), Uint8Array.of(1, 2))
  })

  it('takes more pieces than a call may have arguments', () => {
    assert.equal(joinBytes(Array.from({ length: 300_000 }, () => Uint8Array.of(1, 2))).length, 600_000)
  })

  it('gives a copy', () => {
    const piece = Uint8Array.of(1)
    const whole = concatBytes(piece)
    piece[0] = 2
    assert.deepEqual(whole, Uint8Array.of(1))
  })
})

describe('equalBytes', () => {
  it('compares lengths and bytes', () => {
    assert.equal(equalBytes(new Uint8Array(0), new Uint8Array(0)), true)
    assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true)
    assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false)
    assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)), false)
    assert.equal(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0)), false)
  })
})
