import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { isEntryOf, readEntry } from '@fiducial/core/domain/log/entry.ts'
import { STATEMENT_LIMIT } from '@fiducial/core/domain/log/event.ts'
import { identityOf } from '@fiducial/core/domain/log/identity.ts'
import { formatSeal, parseSeal, type Seal } from '@fiducial/core/domain/seal/seal.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { toyMarkClaim } from '@fiducial/core/testing/toy-seal.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { makeToySeal } from '../../testing/memory-site.ts'
import { PAYLOAD_LIMIT, TERMS_LIMIT } from './admission.ts'
import { entryOfSeal, leafOfSeal } from './seal-entry.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code
const hexOf = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')

describe('entryOfSeal', () => {
  let seal: Seal
  before(async () => {
    seal = await makeToySeal({ uid: '2.25.10', study: '2.25.1' })
  })
  const signed = (change: (seal: Seal) => Partial<Seal>): Seal => ({ ...seal, ...change(seal) })

  it('holds the device’s own statement, signature and key, and nothing else', () => {
    const { leaf, payload, identity } = entryOfSeal(seal, nativeCrypto)
    const entry = readEntry(leaf)
    assert.deepEqual(payload, seal.envelope.payload)
    assert.ok(isEntryOf(entry, seal.envelope.payload, nativeCrypto.hash))
    const [keyid] = seal.statement.device.certificates.statement
    const certificate = seal.certificates.find(({ bytes }) => hexOf(bytes) === encodeHex(keyid as Uint8Array))
    assert.deepEqual(entry.spki, certificate?.spki)
    const signature = seal.envelope.signatures.find((one) => one.keyid === encodeHex(keyid as Uint8Array))
    assert.deepEqual(entry.signature, signature?.sig)
    assert.deepEqual(identity, identityOf(seal.envelope.payload, nativeCrypto.hash))
  })

  it('names no value of the image in what is public', () => {
    const text = new TextDecoder().decode(entryOfSeal(seal, nativeCrypto).leaf)
    for (const value of ['2.25.', 'Patient', 'Room', 'room-2', 'u17']) assert.equal(text.includes(value), false, value)
  })

  it('is the same whoever rebuilds it from the seal file', () => {
    assert.deepEqual(entryOfSeal(parseSeal(formatSeal(seal)), nativeCrypto), entryOfSeal(seal, nativeCrypto))
  })

  it('is the same however the signatures in the envelope are ordered, and whatever else is signed', () => {
    const { leaf } = entryOfSeal(seal, nativeCrypto)
    const { envelope } = seal
    const reversed = signed(() => ({ envelope: { ...envelope, signatures: envelope.signatures.toReversed() } }))
    assert.deepEqual(entryOfSeal(reversed, nativeCrypto).leaf, leaf)
    const stranger = { keyid: 'aa', sig: new Uint8Array(64) }
    const more = signed(() => ({ envelope: { ...envelope, signatures: [stranger, ...envelope.signatures] } }))
    assert.deepEqual(entryOfSeal(more, nativeCrypto).leaf, leaf)
  })

  it('is found by the record of the mark in its pixels', async () => {
    const { terms } = entryOfSeal(await makeToySeal({ mark: toyMarkClaim }), nativeCrypto)
    const digests = terms.filter(({ kind }) => kind === 'digest').map(({ value }) => value)
    assert.ok(digests.includes(encodeHex(toyMarkClaim.recordDigest)))
  })

  it('is found by its names and digests, each once', () => {
    const { terms } = entryOfSeal(seal, nativeCrypto)
    const { statement, envelope } = seal
    const of = (kind: string): readonly string[] => terms.filter((term) => term.kind === kind).map(({ value }) => value)
    assert.deepEqual(of('type'), ['acquired'])
    assert.deepEqual(of('instance'), ['2.25.10'])
    assert.deepEqual(of('study'), ['2.25.1'])
    assert.deepEqual(of('series'), ['2.25.2'])
    assert.deepEqual(of('device'), [statement.device.id])
    assert.deepEqual(of('person'), [statement.operator.id])
    assert.deepEqual(
      of('digest').toSorted(),
      [
        encodeHex(statement.file),
        encodeHex(statement.original),
        encodeHex(statement.dataset),
        encodeHex(statement.pixels?.root as Uint8Array),
        hexOf(envelope.payload),
      ].toSorted(),
    )
    assert.equal(new Set(terms.map(({ kind, value }) => `${kind} ${value}`)).size, terms.length)
    assert.ok(terms.length <= TERMS_LIMIT)
    assert.ok(terms.every(({ value }) => value.length >= 1 && value.length <= 256))
  })

  it('has no term for what the image does not have', async () => {
    const bare = await makeToySeal({
      pixels: null,
      instance: { ...seal.statement.instance, sopInstanceUid: null, seriesInstanceUid: null, studyInstanceUid: null },
    })
    const kinds = new Set(entryOfSeal(bare, nativeCrypto).terms.map(({ kind }) => kind))
    assert.deepEqual([...kinds].toSorted(), ['device', 'digest', 'key', 'person', 'type'])
  })

  it('refuses a seal that its device has not signed', () => {
    const { envelope } = seal
    const unsigned: readonly Seal[] = [
      signed(() => ({ envelope: { ...envelope, signatures: [] } })),
      signed(() => ({ envelope: { ...envelope, signatures: envelope.signatures.slice(1) } })),
      signed(() => ({ certificates: [] })),
      signed(({ statement }) => ({
        statement: {
          ...statement,
          device: { ...statement.device, certificates: { ...statement.device.certificates, statement: [] } },
        },
      })),
    ]
    for (const bad of unsigned) {
      assert.throws(() => leafOfSeal(bad, nativeCrypto), hasCode('seal_malformed'))
      assert.throws(() => entryOfSeal(bad, nativeCrypto), hasCode('seal_malformed'))
    }
  })

  it('refuses a signature of a length that its key never makes', () => {
    const { envelope } = seal
    for (const length of [0, 63, 65, 72, 5000]) {
      const signatures = envelope.signatures.map((one) => ({ ...one, sig: new Uint8Array(length) }))
      assert.throws(
        () =>
          entryOfSeal(
            signed(() => ({ envelope: { ...envelope, signatures } })),
            nativeCrypto,
          ),
        hasCode('entry_malformed'),
      )
    }
  })

  it('refuses a statement that no log could read again', () => {
    const { envelope } = seal
    const grown = (length: number): Seal =>
      signed(() => ({ envelope: { ...envelope, payload: new Uint8Array(length) } }))
    assert.ok(STATEMENT_LIMIT <= PAYLOAD_LIMIT)
    assert.throws(() => entryOfSeal(grown(STATEMENT_LIMIT + 1), nativeCrypto), hasCode('entry_too_large'))
  })
})
