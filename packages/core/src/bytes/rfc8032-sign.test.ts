import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeHex, encodeHex } from './hex.ts'
import { publicKeyOf, signEd25519 } from './sign-ed25519.ts'

describe('RFC 8032 section 7.1', () => {
  it('gives key and signature of test 2', () => {
    const seed = decodeHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
    assert.equal(encodeHex(publicKeyOf(seed)), '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')
    assert.equal(
      encodeHex(signEd25519(seed, Uint8Array.of(0x72))),
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )
  })
})
