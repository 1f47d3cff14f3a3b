import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from './hex.ts'
import { hmacSha256 } from './hmac.ts'
import { portableCrypto } from './portable-crypto.ts'
import { encodeUtf8 } from './text.ts'

describe('HMAC with SHA-256 (RFC 4231)', () => {
  const vectors: readonly (readonly [string, Uint8Array, Uint8Array, string])[] = [
    [
      'case 1',
      new Uint8Array(20).fill(0x0b),
      encodeUtf8('Hi There'),
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      'case 2, a short key',
      encodeUtf8('Jefe'),
      encodeUtf8('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      'case 6, a key longer than a block',
      new Uint8Array(131).fill(0xaa),
      encodeUtf8('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ]
  for (const [name, key, message, expected] of vectors) {
    it(`agrees with ${name}, however the message is cut`, () => {
      assert.equal(encodeHex(hmacSha256(portableCrypto.hash, key, message)), expected)
      const [head, tail] = [message.subarray(0, 3), message.subarray(3)]
      assert.equal(encodeHex(hmacSha256(portableCrypto.hash, key, head, tail)), expected)
    })
  }
})
