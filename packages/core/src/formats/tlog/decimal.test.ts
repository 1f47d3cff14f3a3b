import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBase64 } from '../../bytes/base64.ts'
import { checkHash, checkNumber, readDecimal, readHash } from './decimal.ts'

describe('readDecimal', () => {
  it('reads each number in its one spelling', () => {
    for (const value of [0n, 1n, 9n, 10n, 1234567890n, (1n << 63n) - 1n]) assert.equal(readDecimal(`${value}`), value)
  })

  it('answers undefined for every other text', () => {
    const texts = [
      '',
      '00',
      '01',
      '-0',
      '-1',
      '+1',
      ' 1',
      '1 ',
      '1\n',
      '1.0',
      '1e1',
      '0x1',
      '1_0',
      '１',
      'Infinity',
      '1n',
    ]
    for (const text of [...texts, `${1n << 63n}`, '9999999999999999999', `1${'0'.repeat(100)}`]) {
      assert.equal(readDecimal(text), undefined, text)
    }
  })
})

describe('readHash', () => {
  it('reads 32 bytes', () => {
    const hash = Uint8Array.from({ length: 32 }, (_, i) => 255 - i)
    assert.deepEqual(readHash(encodeBase64(hash)), hash)
  })

  it('answers undefined for every other text', () => {
    const good = encodeBase64(new Uint8Array(32))
    for (const text of ['', good.slice(1), `${good}=`, ` ${good.slice(1)}`, `${good.slice(0, -2)}B=`, 'é'.repeat(44)]) {
      assert.equal(readHash(text), undefined, text)
    }
    for (const length of [31, 33]) assert.equal(readHash(encodeBase64(new Uint8Array(length))), undefined)
  })
})

describe('checkNumber and checkHash', () => {
  it('give back what is in range', () => {
    assert.equal(checkNumber(0n), 0n)
    assert.equal(checkHash(new Uint8Array(32)).length, 32)
  })

  it('take everything else for a mistake of the caller', () => {
    assert.throws(() => checkNumber(-1n), RangeError)
    assert.throws(() => checkNumber(1n << 63n), RangeError)
    assert.throws(() => checkHash(new Uint8Array(33)), RangeError)
  })
})
