import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chacha20Stream } from './chacha20.ts'
import { encodeHex } from './hex.ts'

describe('chacha20Stream', () => {
  it('gives the key stream of RFC 8439 appendix A.1, test vectors 1 and 2', () => {
    const stream = chacha20Stream(new Uint8Array(32), new Uint8Array(12), 128)
    assert.equal(
      encodeHex(stream),
      '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586' +
        '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
    )
  })

  it('refuses a key or a nonce of another length', () => {
    assert.throws(() => chacha20Stream(new Uint8Array(31), new Uint8Array(12), 1), RangeError)
    assert.throws(() => chacha20Stream(new Uint8Array(32), new Uint8Array(8), 1), RangeError)
  })
})
