import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeHex } from '../../bytes/hex.ts'
import { CUSTODY_TYPES, toyDigests, toyEvent, toyHeader } from '../../testing/toy-events.ts'
import { type EventTermKind, termsOfEvent, termsOfInstance } from './terms.ts'

const valuesOf = (statement: Parameters<typeof termsOfEvent>[0], kind: EventTermKind): readonly string[] =>
  termsOfEvent(statement).flatMap((term) => (term.kind === kind ? term.value : []))

describe('terms of an event', () => {
  it('begin with its type, and are each there once and of 1 to 256 characters', () => {
    for (const type of CUSTODY_TYPES) {
      const terms = termsOfEvent(toyEvent(type))
      assert.deepEqual(terms[0], { kind: 'type', value: type })
      assert.equal(new Set(terms.map(({ kind, value }) => `${kind} ${value}`)).size, terms.length)
      assert.ok(terms.every(({ value }) => value.length >= 1 && value.length <= 256))
    }
  })

  it('name the image, its series and study, every digest and the recorder', () => {
    const { file, dataset, pixels, frames } = toyDigests
    assert.deepEqual(termsOfEvent(toyEvent('received')), [
      { kind: 'type', value: 'received' },
      { kind: 'device', value: 'gateway-1' },
      { kind: 'instance', value: '2.25.1001' },
      { kind: 'series', value: '2.25.2' },
      { kind: 'study', value: '2.25.1' },
      ...[file, dataset, pixels, frames?.root ?? null].map((bytes) => ({
        kind: 'digest',
        value: encodeHex(bytes ?? new Uint8Array(0)),
      })),
    ])
  })

  it('of a derivation name the source, too', () => {
    assert.deepEqual(valuesOf(toyEvent('transcoded'), 'instance'), ['2.25.1001', '2.25.1000'])
    // The pixels of a transcoded image are those of its source: one term.
    assert.equal(valuesOf(toyEvent('transcoded'), 'digest').length, 5)
    assert.equal(valuesOf(toyEvent('derived'), 'digest').length, 6)
  })

  it('name persons by whom something was done', () => {
    assert.deepEqual(valuesOf(toyEvent('released'), 'person'), ['u17', 'u18'])
    assert.deepEqual(valuesOf(toyEvent('disclosed'), 'person'), ['u17'])
    assert.deepEqual(valuesOf(toyEvent('erased'), 'person'), ['u19'])
    assert.deepEqual(valuesOf(toyEvent('drill-sealed'), 'person'), ['u20', 'u21'])
    assert.deepEqual(valuesOf(toyEvent('key-enrolled'), 'person'), ['u17'])
    assert.deepEqual(valuesOf(toyEvent('key-revoked'), 'device'), ['gateway-1', 'u17'])
  })

  it('name keys by their certificates', () => {
    assert.equal(valuesOf(toyEvent('key-enrolled'), 'key').length, 2)
    assert.equal(valuesOf(toyEvent('sealed-at-gateway'), 'key').length, 1)
  })

  it('of an acquisition statement, which is opaque here, are its type alone', () => {
    const statement = { type: 'acquired', payload: new Uint8Array(0) } as const
    assert.deepEqual(termsOfEvent(statement), [{ kind: 'type', value: 'acquired' }])
  })

  it('leave out what is unknown', () => {
    const { instance } = toyHeader
    assert.ok(instance !== null)
    assert.deepEqual(termsOfInstance({ ...instance, sopInstanceUid: null, seriesInstanceUid: null }), [
      { kind: 'study', value: '2.25.1' },
    ])
    assert.deepEqual(termsOfInstance(null), [])
    assert.deepEqual(valuesOf(toyEvent('map-root'), 'instance'), [])
  })
})
