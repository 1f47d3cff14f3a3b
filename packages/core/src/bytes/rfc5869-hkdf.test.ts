import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from './hex.ts'
import { hkdfSha256 } from './hkdf.ts'
import { portableCrypto } from './portable-crypto.ts'

/** RFC 5869 appendix A.1 and A.3; the first 32 of the 42 bytes there. */
const VECTORS = [
  {
    name: 'test case 1',
    secret: '0b'.repeat(22),
    salt: '000102030405060708090a0b0c',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    key: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf',
  },
  {
    name: 'test case 3, without salt and info',
    secret: '0b'.repeat(22),
    salt: '',
    info: '',
    key: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  },
]

describe('hkdfSha256', () => {
  for (const { name, secret, salt, info, key } of VECTORS) {
    it(`gives the output of ${name}`, () => {
      const derived = hkdfSha256(portableCrypto.hash, decodeHex(secret), decodeHex(salt), decodeHex(info))
      assert.equal(encodeHex(derived), key)
    })
  }
})
