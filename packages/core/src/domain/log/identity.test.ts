import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { encodeCanonicalJson } from '../../formats/json/canonical.ts'
import { type JsonObject, parseJson } from '../../formats/json/parse.ts'
import { CUSTODY_TYPES, toyEvent } from '../../testing/toy-events.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, toyStatement } from '../../testing/toy-seal.ts'
import { formatStatement } from '../seal/statement.ts'
import { formatEventStatement, parseEventStatement } from './event.ts'
import { identityOf, identityOfEvent } from './identity.ts'

const identity = (...args: Parameters<typeof toyEvent>): string =>
  encodeHex(identityOf(formatEventStatement(toyEvent(...args)), hashes))

describe('identities', () => {
  it('are the same whatever salt and checkpoint are', () => {
    const salt = new Uint8Array(16).fill(9)
    for (const type of CUSTODY_TYPES) {
      assert.equal(identity(type, { salt }), identity(type))
      assert.equal(identity(type, { checkpoint: null }), identity(type))
    }
  })

  it('differ with anything else', () => {
    const others = [
      identity('received'),
      identity('forwarded'),
      identity('received', { isDemo: false }),
      identity('received', { at: new Date('2026-03-03T10:14:00.124Z') }),
      identity('received', { recorder: { id: 'gateway-2', name: 'Gateway, Röntgen' } }),
      identity('received', { instance: null }),
    ]
    assert.equal(new Set(others).size, others.length)
  })

  it('are SHA-256 over the words for them and the blanked statement', () => {
    const whole = parseJson(formatEventStatement(toyEvent('received'))) as JsonObject
    const predicate = { ...(whole.predicate as JsonObject), salt: null, checkpoint: null }
    const bytes = encodeCanonicalJson({ ...whole, predicate })
    const expected = sha256(encodeUtf8('fiducial custody identity v1\n'), bytes)
    assert.equal(identity('received'), encodeHex(expected))
  })

  it('of an acquisition statement take in all of it', () => {
    const payload = formatStatement(toyStatement())
    assert.deepEqual(identityOf(payload, hashes), sha256(encodeUtf8('fiducial payload identity v1\n'), payload))
    const other = formatStatement({ ...toyStatement(), salt: new Uint8Array(16) })
    assert.notDeepEqual(identityOf(other, hashes), identityOf(payload, hashes))
  })

  it('are not those of the payload, nor of the leaf', () => {
    const payload = formatEventStatement(toyEvent('received'))
    for (const digest of [sha256(payload), sha256(Uint8Array.of(0), payload)]) {
      assert.notDeepEqual(identityOf(payload, hashes), digest)
    }
  })

  it('come out the same of an event that was read already', () => {
    const names = [
      '"salt":"000102030405060708090a0b0c0d0e0f","version":1},"predicateType":"',
      '"checkpoint":null',
      '\\',
      'é"',
    ]
    for (const type of CUSTODY_TYPES) {
      for (const overrides of [{}, { checkpoint: null }, ...names.map((name) => ({ recorder: { id: 'r', name } }))]) {
        const payload = formatEventStatement(toyEvent(type, overrides))
        const expected = identityOf(payload, hashes)
        assert.deepEqual(identityOfEvent(parseEventStatement(payload), payload, hashes), expected, type)
      }
    }
    const payload = formatStatement(toyStatement())
    const expected = identityOf(payload, hashes)
    assert.deepEqual(identityOfEvent(parseEventStatement(payload), payload, hashes), expected)
  })

  it('come out right, too, if the event is not that of the statement', () => {
    const payload = formatEventStatement(toyEvent('received'))
    for (const overrides of [{ checkpoint: null }, { salt: new Uint8Array(16) }, { at: new Date(0) }]) {
      assert.deepEqual(identityOfEvent(toyEvent('received', overrides), payload, hashes), identityOf(payload, hashes))
    }
  })

  it('are refused to what is no statement', () => {
    const hasCode = (code: string) => (error: unknown) => error instanceof FormatError && error.code === code
    assert.throws(() => identityOf(encodeUtf8('{'), hashes), hasCode('json_malformed'))
    assert.throws(() => identityOf(encodeUtf8('{ }'), hashes), hasCode('json_malformed'))
    for (const predicate of ['null', '[]', '1']) {
      const text = `{"predicate":${predicate},"predicateType":"https://fiducial.dev/custody/received/v1"}`
      assert.throws(() => identityOf(encodeUtf8(text), hashes), hasCode('event_malformed'))
    }
  })
})
