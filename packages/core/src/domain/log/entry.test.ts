import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { FormatError } from '../../errors.ts'
import { toyEvent, toyEventCrypto, toyLogKeys, toySigned } from '../../testing/toy-events.ts'
import { sha256, toyKey } from '../../testing/toy-pki.ts'
import { hashes, toyLatticeKey, toySeal } from '../../testing/toy-seal.ts'
import { entryOfEnvelope, isEntryOf, isSignatureRight, makeEntry, readEntry } from './entry.ts'

const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'entry_malformed'

describe('entries', () => {
  it('hold digest, signature and key, and nothing that the statement says', async () => {
    const signed = await toySigned(toyEvent('verified'))
    const leaf = makeEntry(signed, hashes)
    assert.deepEqual(readEntry(leaf), {
      payloadSha256: sha256(signed.payload),
      signature: signed.signature,
      keyDetails: 'PKIX_ED25519',
      spki: signed.spki,
    })
    assert.ok(leaf.length < 500, `${leaf.length} bytes`)
  })

  it('follow from statement, signature and key alone', async () => {
    const [one, other] = await Promise.all([toySigned(toyEvent('verified')), toySigned(toyEvent('verified'))])
    assert.deepEqual(makeEntry(one, hashes), makeEntry(other, hashes))
  })

  it('know their statement and whether its signature holds', async () => {
    const signed = await toySigned(toyEvent('verified'))
    const other = await toySigned(toyEvent('forwarded'))
    const entry = readEntry(makeEntry(signed, hashes))
    assert.equal(isEntryOf(entry, signed.payload, hashes), true)
    assert.equal(isEntryOf(entry, other.payload, hashes), false)
    assert.equal(isSignatureRight(entry, signed.payload, toyEventCrypto), true)
    assert.equal(isSignatureRight(entry, other.payload, toyEventCrypto), false)
    assert.equal(isSignatureRight({ ...entry, spki: toyKey('other') }, signed.payload, toyEventCrypto), false)
  })

  it('are refused to keys and signatures of other kinds', async () => {
    const signed = await toySigned(toyEvent('verified'))
    assert.throws(() => makeEntry({ ...signed, spki: toyLatticeKey('x') }, hashes), isMalformed)
    assert.throws(() => makeEntry({ ...signed, spki: new Uint8Array(3) }, hashes), isMalformed)
    assert.throws(() => makeEntry({ ...signed, signature: new Uint8Array(32) }, hashes), isMalformed)
    assert.throws(() => readEntry(signed.payload), isMalformed)
  })
})

describe('entries of envelopes', () => {
  it('are made from the one signature, or from the one that is named', async () => {
    const signed = await toySigned(toyEvent('verified'))
    const payloadType = 'application/vnd.in-toto+json'
    const mine = { keyid: 'mine', sig: signed.signature }
    const other = { keyid: 'other', sig: new Uint8Array(64) }
    const envelope = { payloadType, payload: signed.payload, signatures: [mine] }
    const leaf = makeEntry(signed, hashes)
    assert.deepEqual(entryOfEnvelope(envelope, signed.spki, hashes), leaf)
    const both = { ...envelope, signatures: [other, mine] }
    assert.deepEqual(entryOfEnvelope(both, signed.spki, hashes, 'mine'), leaf)
    for (const keyid of [undefined, 'nobody']) {
      assert.throws(() => entryOfEnvelope(both, signed.spki, hashes, keyid), isMalformed)
    }
    const twice = { ...envelope, signatures: [mine, mine] }
    assert.throws(() => entryOfEnvelope(twice, signed.spki, hashes, 'mine'), isMalformed)
    assert.throws(() => entryOfEnvelope({ ...envelope, payloadType: 'text/plain' }, signed.spki, hashes), isMalformed)
  })

  it('can be rebuilt from a seal file alone', async () => {
    const { envelope, statement } = await toySeal()
    const [keyid] = statement.device.certificates.statement.map(encodeHex)
    const signature = envelope.signatures.find((one) => one.keyid === keyid)
    assert.ok(signature !== undefined)
    // The toy's signature has 32 bytes, which no real one has; it is stretched here.
    const signatures = envelope.signatures.map(({ keyid: id }) => ({ keyid: id, sig: new Uint8Array(64) }))
    const leaf = entryOfEnvelope({ ...envelope, signatures }, toyKey('Room 2 statement'), hashes, keyid)
    assert.equal(isEntryOf(readEntry(leaf), envelope.payload, hashes), true)
    assert.notDeepEqual(readEntry(leaf).spki, toyLogKeys.ed25519.key.publicKey)
  })
})
