import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openText, sealText, TAG_BYTES } from './aead.ts'
import { decodeHex, encodeHex } from './hex.ts'
import { encodeUtf8 } from './text.ts'

// RFC 8439 section 2.8.2.
const place = {
  key: decodeHex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f'),
  nonce: decodeHex('070000004041424344454647'),
  context: decodeHex('50515253c0c1c2c3c4c5c6c7'),
}
const text = encodeUtf8(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
)

describe('RFC 8439 section 2.8.2', () => {
  it('gives tag and beginning of the example', () => {
    const sealed = sealText(text, place)
    assert.equal(sealed.length, text.length + TAG_BYTES)
    assert.equal(encodeHex(sealed.subarray(0, 16)), 'd31a8d34648e60db7b86afbc53ef7ec2')
    assert.equal(encodeHex(sealed.subarray(-16)), '1ae10b594f09e26a7e902ecbd0600691')
  })

  it('gives the text back, and nothing for any other key, nonce, context or byte', () => {
    const sealed = sealText(text, place)
    assert.deepEqual(openText(sealed, place), text)
    for (const name of ['key', 'nonce', 'context'] as const) {
      const other = place[name].slice()
      other[0] = (other[0] as number) ^ 1
      assert.equal(openText(sealed, { ...place, [name]: other }), undefined)
    }
    const damaged = sealed.slice()
    damaged[40] = (damaged[40] as number) ^ 1
    assert.equal(openText(damaged, place), undefined)
    assert.equal(openText(sealed.subarray(0, 10), place), undefined)
  })

  it('refuses keys and nonces of other lengths', () => {
    assert.throws(() => sealText(text, { ...place, nonce: new Uint8Array(8) }), RangeError)
    assert.throws(() => openText(text, { ...place, key: new Uint8Array(16) }), RangeError)
  })
})
