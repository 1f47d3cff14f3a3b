import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeBase64 } from '../../bytes/base64.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { readPublicKey } from '../../bytes/public-key.ts'
import { concatBytes, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import * as foreign from '../../testing/foreign-notes.ts'
import { seeded } from '../../testing/seeded.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import {
  formatVerifierKey,
  isKeyName,
  isSameKey,
  makeVerifierKey,
  parseVerifierKey,
  signatureLength,
  spkiOfVerifierKey,
  type VerifierKey,
} from './verifier-key.ts'

const hashes = portableCrypto.hash
const parse = (text: string): VerifierKey => parseVerifierKey(text, hashes)
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'verifier_key_malformed'

/** The text of a key whose key ID is right, whatever the rest is. */
function spell(name: string, identifier: number, key: Uint8Array): string {
  const bytes = concatBytes(Uint8Array.of(identifier), key)
  const keyId = sha256(encodeUtf8(`${name}\n`), bytes).subarray(0, 4)
  return `${name}+${encodeHex(keyId)}+${encodeBase64(bytes)}`
}

describe('parseVerifierKey', () => {
  const vectors = [
    { name: 'PeterNeumann', text: foreign.PETER_KEY, type: 'ed25519' },
    { name: 'EnochRoot', text: foreign.ENOCH_KEY, type: 'ed25519' },
    { name: 'example.com/foo', text: foreign.FOO_KEY, type: 'ed25519' },
    { name: 'TEST', text: foreign.PLUS_KEY, type: 'ed25519' },
    { name: 'remora.n621.de', text: foreign.REMORA_KEY, type: 'cosignature-ed25519' },
    { name: 'example.com/mldsa-log', text: foreign.LATTICE_KEY, type: 'cosignature-ml-dsa-44' },
  ] as const
  for (const { name, text, type } of vectors) {
    it(`reads the key of ${name}, and writes it back to the letter`, () => {
      const key = parse(text)
      assert.deepEqual([key.name, key.type], [name, type])
      assert.equal(encodeHex(key.keyId), text.split('+')[1])
      assert.equal(formatVerifierKey(key), text)
    })
  }

  it('takes names of any script, without white space', () => {
    const text = spell('krankenhaus-süd.example/日誌', 1, new Uint8Array(32))
    assert.equal(parse(text).name, 'krankenhaus-süd.example/日誌')
  })

  it('takes an ML-DSA-44 name of 255 bytes and refuses one of 256, which no message can hold', () => {
    assert.equal(parse(spell('n'.repeat(255), 6, new Uint8Array(1312))).name.length, 255)
    assert.throws(() => parse(spell('n'.repeat(256), 6, new Uint8Array(1312))), isMalformed)
    assert.throws(() => parse(spell('ü'.repeat(128), 6, new Uint8Array(1312))), isMalformed)
    assert.equal(parse(spell('n'.repeat(256), 4, new Uint8Array(32))).name.length, 256)
  })

  const [, id = '', key = ''] = /^PeterNeumann\+(\w+)\+(.*)$/.exec(foreign.PETER_KEY) ?? []
  const refusals = [
    { name: 'nothing', text: '' },
    { name: 'a name alone', text: 'PeterNeumann' },
    { name: 'no key', text: `PeterNeumann+${id}` },
    { name: 'an empty key', text: `PeterNeumann+${id}+` },
    { name: 'an empty name', text: `+${id}+${key}` },
    { name: 'a key ID of another name', text: `PeterNeumanm+${id}+${key}` },
    { name: 'another key ID', text: `PeterNeumann+c74f20a4+${key}` },
    { name: 'a key ID in capitals', text: `PeterNeumann+C74F20A3+${key}` },
    { name: 'a key ID of seven digits', text: `PeterNeumann+${id.slice(1)}+${key}` },
    { name: 'a key ID of nine digits', text: `PeterNeumann+0${id}+${key}` },
    { name: 'base64 without padding', text: `example.com/x+${id}+${key}A` },
    { name: 'a newline at the end', text: `${foreign.PETER_KEY}\n` },
    { name: 'a space in front', text: ` ${foreign.PETER_KEY}` },
    { name: 'a space in the name', text: spell('Peter Neumann', 1, new Uint8Array(32)) },
    { name: 'a no-break space in the name', text: spell('Peter\u00a0Neumann', 1, new Uint8Array(32)) },
    { name: 'a next line in the name', text: spell('Peter\u0085Neumann', 1, new Uint8Array(32)) },
    { name: 'an ideographic space in the name', text: spell('Peter\u3000Neumann', 1, new Uint8Array(32)) },
    { name: 'a newline in the name', text: spell('Peter\nNeumann', 1, new Uint8Array(32)) },
    { name: 'a control character in the name', text: spell('Peter\u0001Neumann', 1, new Uint8Array(32)) },
    { name: 'a lone surrogate in the name', text: spell('Peter\ud800', 1, new Uint8Array(32)) },
    { name: 'a key that is too short', text: spell('n', 1, new Uint8Array(31)) },
    { name: 'a key that is too long', text: spell('n', 4, new Uint8Array(33)) },
    { name: 'an ML-DSA-44 key that is too short', text: spell('n', 6, new Uint8Array(1311)) },
    { name: 'an Ed25519 key under the type of ML-DSA-44', text: spell('n', 6, new Uint8Array(32)) },
    { name: 'an ECDSA key', text: spell('n', 2, new Uint8Array(91)) },
    { name: 'a key for tree heads', text: spell('n', 5, new Uint8Array(32)) },
    { name: 'a reserved type', text: spell('n', 0, new Uint8Array(32)) },
    { name: 'a type with a longer identifier', text: spell('n', 255, new Uint8Array(40)) },
    {
      name: "Go's key of the wrong length",
      text: 'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
    },
    {
      name: "Go's key of an unknown algorithm",
      text: 'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    },
  ]
  for (const { name, text } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parse(text), isMalformed))
  }

  it('refuses every piece of a key, and every key with one character changed', () => {
    const text = foreign.PETER_KEY
    for (let start = 0; start <= text.length; start++) {
      for (let end = start; end <= text.length; end++) {
        if (end - start < text.length) assert.throws(() => parse(text.slice(start, end)), isMalformed)
      }
    }
    for (let i = 0; i < text.length; i++) {
      const next = String.fromCharCode(text.charCodeAt(i) + 1)
      assert.throws(() => parse(text.slice(0, i) + next + text.slice(i + 1)), isMalformed)
    }
  })

  it('reads or refuses damaged keys, and reads none in a second spelling', () => {
    const next = seeded(41)
    const alphabet = '+/=AB09af \n\u00a0é\ud800'
    for (let i = 0; i < 3000; i++) {
      const at = next(foreign.PETER_KEY.length)
      const piece = Array.from({ length: next(3) }, () => alphabet[next(alphabet.length)]).join('')
      const text = foreign.PETER_KEY.slice(0, at) + piece + foreign.PETER_KEY.slice(at + next(3))
      try {
        assert.equal(formatVerifierKey(parse(text)), text)
      } catch (error) {
        assert.ok(isMalformed(error), String(error))
      }
    }
  })
})

describe('makeVerifierKey', () => {
  it('gives key, name and type the key ID that the standard says', () => {
    const { publicKey } = parse(foreign.PETER_KEY)
    assert.equal(formatVerifierKey(makeVerifierKey('PeterNeumann', 'ed25519', publicKey, hashes)), foreign.PETER_KEY)
    const ids = [
      makeVerifierKey('n', 'ed25519', publicKey, hashes),
      makeVerifierKey('n', 'cosignature-ed25519', publicKey, hashes),
      makeVerifierKey('m', 'ed25519', publicKey, hashes),
    ].map(({ keyId }) => encodeHex(keyId))
    assert.equal(new Set(ids).size, 3)
  })

  it('refuses names and keys that no verifier key has', () => {
    const key = new Uint8Array(32)
    assert.throws(() => makeVerifierKey('', 'ed25519', key, hashes), RangeError)
    assert.throws(() => makeVerifierKey('a+b', 'ed25519', key, hashes), RangeError)
    assert.throws(() => makeVerifierKey('a', 'ed25519', key.subarray(1), hashes), RangeError)
    assert.throws(() => makeVerifierKey('a', 'cosignature-ml-dsa-44', key, hashes), RangeError)
  })
})

describe('spkiOfVerifierKey', () => {
  it('gives a key that the Crypto port takes', () => {
    for (const text of [foreign.PETER_KEY, foreign.REMORA_KEY, foreign.LATTICE_KEY]) {
      const key = parse(text)
      const algorithm = key.type === 'cosignature-ml-dsa-44' ? 'ml-dsa-44' : 'ed25519'
      assert.deepEqual(readPublicKey(spkiOfVerifierKey(key)), { algorithm, key: key.publicKey })
    }
  })

  it('knows the length of signatures', () => {
    assert.equal(signatureLength('ed25519'), 64)
    assert.equal(signatureLength('cosignature-ed25519'), 64)
    assert.equal(signatureLength('cosignature-ml-dsa-44'), 2420)
  })
})

describe('isSameKey', () => {
  it('tells keys apart by name, type and public key', () => {
    const key = parse(foreign.PETER_KEY)
    assert.ok(isSameKey(key, parse(foreign.PETER_KEY)))
    assert.ok(!isSameKey(key, makeVerifierKey('Peter', 'ed25519', key.publicKey, hashes)))
    assert.ok(!isSameKey(key, makeVerifierKey(key.name, 'cosignature-ed25519', key.publicKey, hashes)))
    assert.ok(!isSameKey(key, makeVerifierKey(key.name, 'ed25519', new Uint8Array(32), hashes)))
  })
})

describe('isKeyName', () => {
  it('takes what is no white space, plus or control character', () => {
    for (const name of ['a', '—', 'example.com/log', 'oid/1.3.6.1', 'a\ufeffb', '\u007f'])
      assert.ok(isKeyName(name), name)
    for (const code of [0x09, 0x0b, 0x20, 0x2b, 0x85, 0xa0, 0x1680, 0x2003, 0x2028, 0x202f, 0x205f, 0x3000]) {
      assert.ok(!isKeyName(`a${String.fromCodePoint(code)}b`), code.toString(16))
    }
  })
})
