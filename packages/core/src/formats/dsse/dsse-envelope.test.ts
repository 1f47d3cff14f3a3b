import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBase64 } from '../../bytes/base64.ts'
import { decodeHex } from '../../bytes/hex.ts'
import { portableCrypto } from '../../bytes/portable-crypto.ts'
import { concatBytes, decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { writeInteger, writeSequence } from '../der/write.ts'
import type { JsonObject, JsonValue } from '../json/parse.ts'
import { encodePae, formatEnvelope, parseEnvelope } from './envelope.ts'

/** Source: the test vector of protocol.md, secure-systems-lab/dsse 1.0.2. */
const vector = {
  payloadType: 'http://example.com/HelloWorld',
  payload: 'hello world',
  pae: 'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  x: 46950820868899156662930047687818585632848591499744589407958293238635476079160n,
  y: 5640078356564379163099075877009565129882514886557779369047442380624545832820n,
  sig: 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
}

const good: JsonObject = {
  payloadType: 'text/plain',
  payload: 'aGVsbG8=',
  signatures: [
    { keyid: 'k1', sig: 'AAEC' },
    { keyid: 'k2', sig: 'AwQ=' },
  ],
}
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'envelope_malformed'

describe('encodePae', () => {
  it('gives the bytes of the standard’s vector, over which its signature holds', () => {
    const pae = encodePae(vector.payloadType, encodeUtf8(vector.payload))
    assert.equal(decodeUtf8(pae), vector.pae)
    const point = concatBytes(Uint8Array.of(4), number(vector.x), number(vector.y))
    const prefix = decodeHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')
    const raw = decodeBase64(vector.sig)
    const signature = writeSequence(integer(raw.subarray(0, 32)), integer(raw.subarray(32)))
    assert.equal(portableCrypto.verifyMessage(concatBytes(prefix, point), pae, signature), true)
    pae[10] = (pae[10] ?? 0) ^ 1
    assert.equal(portableCrypto.verifyMessage(concatBytes(prefix, point), pae, signature), false)
  })

  it('counts bytes and not characters', () => {
    assert.equal(decodeUtf8(encodePae('tüp', encodeUtf8('€'))), 'DSSEv1 4 tüp 3 €')
  })

  it('spells no two pairs alike', () => {
    const pairs = [
      ['a', 'b c'],
      ['a b', 'c'],
      ['a 1 b', ''],
      ['', 'a b'],
    ]
    const spelled = pairs.map(([type = '', body = '']) => decodeUtf8(encodePae(type, encodeUtf8(body))))
    assert.equal(new Set(spelled).size, pairs.length)
  })
})

describe('parseEnvelope', () => {
  it('reads what formatEnvelope writes', () => {
    const envelope = parseEnvelope(good)
    assert.equal(decodeUtf8(envelope.payload), 'hello')
    assert.deepEqual(
      envelope.signatures.map(({ keyid }) => keyid),
      ['k1', 'k2'],
    )
    assert.deepEqual(formatEnvelope(envelope), good)
  })

  const refusals: readonly { readonly name: string; readonly value: JsonValue }[] = [
    { name: 'an array', value: [] },
    { name: 'no payload', value: { payloadType: 'a', signatures: good.signatures as JsonValue } },
    { name: 'no payload type', value: { payload: 'aGVsbG8=', signatures: good.signatures as JsonValue } },
    { name: 'no signatures', value: { ...good, signatures: [] } },
    {
      name: 'too many signatures',
      value: { ...good, signatures: Array.from({ length: 17 }, () => ({ keyid: 'k', sig: 'AAEC' })) },
    },
    { name: 'an unknown field', value: { ...good, extra: 1 } },
    {
      name: 'an unknown field of a signature',
      value: { ...good, signatures: [{ keyid: 'k', sig: 'AAEC', cert: '' }] },
    },
    { name: 'a signature without a keyid', value: { ...good, signatures: [{ sig: 'AAEC' }] } },
    { name: 'an empty keyid', value: { ...good, signatures: [{ keyid: '', sig: 'AAEC' }] } },
    { name: 'an empty signature', value: { ...good, signatures: [{ keyid: 'k', sig: '' }] } },
    { name: 'URL-safe base64', value: { ...good, payload: '-_-_' } },
    { name: 'base64 with white space', value: { ...good, payload: 'aGVs bG8=' } },
    { name: 'a payload type with a space', value: { ...good, payloadType: 'a b' } },
  ]
  for (const { name, value } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseEnvelope(value), isMalformed))
  }
})

const number = (value: bigint): Uint8Array => decodeHex(value.toString(16).padStart(64, '0'))

/** A positive INTEGER, DER. */
function integer(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0)
  const minimal = bytes.subarray(start)
  return writeInteger((minimal[0] ?? 0) < 0x80 ? minimal : concatBytes(Uint8Array.of(0), minimal))
}
