import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { digestOf } from './hash.ts'
import { decodeHex, encodeHex } from './hex.ts'
import { createPortableCrypto } from './portable-crypto.ts'
import { encodeUtf8 } from './text.ts'

const crypto = createPortableCrypto()

/** Source: RFC 8032 section 7.1, test 3. */
const ed25519 = {
  spki: decodeHex('302a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025'),
  message: decodeHex('af82'),
  signature: decodeHex(
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ),
}

/** Source: RFC 6979 appendix A.2.5, SHA-256, message "sample". */
const p256 = {
  spki: decodeHex(
    '3059301306072a8648ce3d020106082a8648ce3d03010703420004' +
      '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6' +
      '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
  ),
  message: encodeUtf8('sample'),
  signature: decodeHex(
    '3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
      '022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  ),
}

describe('portable crypto', () => {
  it('gives the digests of FIPS 180-4 and of the older papers for "abc"', () => {
    const abc = encodeUtf8('abc')
    const expected = {
      md5: '900150983cd24fb0d6963f7d28e17f72',
      ripemd160: '8eb208f7e05d987a9b044a8e98c6b087f15a0bfc',
      sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    } as const
    for (const name of Object.keys(expected) as (keyof typeof expected)[]) {
      assert.equal(encodeHex(digestOf(crypto.hash, name, abc)), expected[name])
    }
  })

  it('accepts the Ed25519 signature of RFC 8032', () => {
    assert.equal(crypto.verifyMessage(ed25519.spki, ed25519.message, ed25519.signature), true)
    assert.equal(crypto.verifyMessage(ed25519.spki, decodeHex('af83'), ed25519.signature), false)
  })

  it('has no digest signature for a key that signs messages', () => {
    const digest = digestOf(crypto.hash, 'sha256', ed25519.message)
    assert.equal(crypto.verifyDigest(ed25519.spki, 'sha256', digest, ed25519.signature), false)
  })

  it('accepts the P-256 signature of RFC 6979, by digest and by message, with a high s', () => {
    const digest = digestOf(crypto.hash, 'sha256', p256.message)
    assert.equal(crypto.verifyDigest(p256.spki, 'sha256', digest, p256.signature), true)
    assert.equal(crypto.verifyMessage(p256.spki, p256.message, p256.signature), true)
    assert.equal(crypto.verifyMessage(p256.spki, encodeUtf8('simple'), p256.signature), false)
  })

  it('refuses a second spelling of the same ECDSA signature', () => {
    const longLength = decodeHex(`308146${encodeHex(p256.signature.subarray(2))}`)
    const padded = Uint8Array.of(...p256.signature, 0)
    assert.equal(crypto.verifyMessage(p256.spki, p256.message, longLength), false)
    assert.equal(crypto.verifyMessage(p256.spki, p256.message, padded), false)
  })
})
