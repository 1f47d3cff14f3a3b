import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { deriveImageKey, deriveMarkKeys, deriveRecordId } from './keys.ts'

const { hash } = portableCrypto
const key = new Uint8Array(32).fill(7)
const volumeNonce = new Uint8Array(16).fill(9)

describe('keys of a mark', () => {
  it('are different for each purpose', () => {
    const { id, chips, signatureSeed } = deriveMarkKeys(hash, key)
    const image = deriveImageKey(hash, key, new Uint8Array(8))
    assert.equal(new Set([key, id, chips, signatureSeed, image].map(encodeHex)).size, 5)
  })

  it('give each image a key of its own', () => {
    const one = deriveImageKey(hash, key, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1))
    const other = deriveImageKey(hash, key, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 2))
    assert.notDeepEqual(one, other)
  })

  it('refuse a mark key or a record id of another length', () => {
    assert.throws(() => deriveMarkKeys(hash, new Uint8Array(31)), RangeError)
    assert.throws(() => deriveImageKey(hash, key, new Uint8Array(7)), RangeError)
  })
})

describe('deriveRecordId', () => {
  const idKey = deriveMarkKeys(hash, key).id
  const idOf = (index: number, count: number, nonce = volumeNonce) =>
    encodeHex(deriveRecordId(hash, idKey, { volumeNonce: nonce, index, count }))

  it('gives 8 bytes that change with nonce, index and count', () => {
    const ids = [idOf(0, 1), idOf(0, 2), idOf(1, 2), idOf(0, 1, new Uint8Array(16))]
    assert.equal(new Set(ids).size, 4)
    assert.ok(ids.every((id) => id.length === 16))
  })

  it('refuses an index outside the volume and a nonce of another length', () => {
    assert.throws(() => idOf(2, 2), RangeError)
    assert.throws(() => idOf(0, 0), RangeError)
    assert.throws(() => idOf(-1, 1), RangeError)
    assert.throws(() => idOf(0, 1, new Uint8Array(8)), RangeError)
  })
})
