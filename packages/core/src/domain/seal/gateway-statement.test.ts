import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { formatCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonValue } from '../../formats/json/parse.ts'
import { toyGatewayStatement } from '../../testing/toy-gateway.ts'
import { toyStatement } from '../../testing/toy-seal.ts'
import { formatGatewayStatement, type GatewayStatement, parseGatewayStatement } from './gateway-statement.ts'
import { formatStatement, parseStatement } from './statement.ts'

type Json = { [name: string]: JsonValue }
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'statement_malformed'

const good = toyGatewayStatement()
const goodJson = (): { predicate: Json } & Json => JSON.parse(decodeUtf8(formatGatewayStatement(good)))
const parse = (value: JsonValue): GatewayStatement => parseGatewayStatement(encodeUtf8(formatCanonicalJson(value)))

describe('a gateway statement', () => {
  it('survives formatting and parsing', () => {
    assert.deepEqual(parseGatewayStatement(formatGatewayStatement(good)), good)
    const bare = toyGatewayStatement(undefined, {
      order: null,
      technologist: null,
      signatures: { gateway: null },
      original: good.file,
      received: {
        protocol: 'dicomweb',
        callingAet: null,
        calledAet: null,
        address: null,
        certificate: null,
        token: 'Outpatient clinic',
        receivedAt: new Date(0),
      },
    })
    assert.deepEqual(parseGatewayStatement(formatGatewayStatement(bare)), bare)
  })

  it('names no device and no operator who made the image', () => {
    const { predicate, predicateType } = goodJson()
    assert.equal(predicateType, 'https://fiducial.dev/gateway-seal/v1')
    assert.deepEqual([predicate.device, predicate.operator], [null, null])
  })

  it('is no acquisition statement, nor the other way round', () => {
    assert.throws(() => parseStatement(formatGatewayStatement(good)), isMalformed)
    assert.throws(() => parseGatewayStatement(formatStatement(toyStatement())), isMalformed)
    assert.throws(() => parse({ ...goodJson(), predicateType: 'https://fiducial.dev/acquisition/v1' }), isMalformed)
  })

  const DAMAGES: readonly (readonly [string, (predicate: Json) => void])[] = [
    ['a device', (predicate) => Object.assign(predicate, { device: predicate.gateway })],
    ['an operator', (predicate) => Object.assign(predicate, { operator: predicate.gateway })],
    ['no gateway', (predicate) => Object.assign(predicate, { gateway: null })],
    [
      'a gateway without certificates',
      ({ gateway }) => Object.assign((gateway as Json).certificates as Json, { statement: [] }),
    ],
    [
      'a signature of a device',
      ({ signatures }) => Object.assign(signatures as Json, { device: (signatures as Json).gateway }),
    ],
    [
      'no signature, and another file than came',
      (predicate) => Object.assign(predicate, { signatures: { gateway: null } }),
    ],
    ['another version', (predicate) => Object.assign(predicate, { version: 2 })],
    ['a field that it does not know', (predicate) => Object.assign(predicate, { level: 'P4' })],
    ['no word of how it came', (predicate) => Object.assign(predicate, { received: null })],
    ['another protocol', ({ received }) => Object.assign(received as Json, { protocol: 'carrier pigeon' })],
    [
      'an AE title of 17 characters',
      ({ received }) => Object.assign(received as Json, { callingAet: 'ABCDEFGHIJKLMNOPQ' }),
    ],
    ['an AE title with a space behind it', ({ received }) => Object.assign(received as Json, { callingAet: 'CT1 ' })],
    ['an AE title that is empty', ({ received }) => Object.assign(received as Json, { callingAet: '' })],
    ['an address with a line end', ({ received }) => Object.assign(received as Json, { address: '192.0.2.7\n' })],
    [
      'a digest of a certificate that is too short',
      ({ received }) => Object.assign(received as Json, { certificate: '00' }),
    ],
    [
      'a moment in another zone',
      ({ received }) => Object.assign(received as Json, { receivedAt: '2026-03-03T10:14:00+01:00' }),
    ],
    ['an order by hearsay', ({ order }) => Object.assign(order as Json, { source: 'telephone' })],
    ['an order that is tied by nothing', ({ order }) => Object.assign(order as Json, { matchedBy: null })],
    [
      'an accession number that turns the direction of text',
      ({ order }) => Object.assign(order as Json, { accessionNumber: 'A\u202e17' }),
    ],
    [
      'an accession number of 65 characters',
      ({ order }) => Object.assign(order as Json, { accessionNumber: 'A'.repeat(65) }),
    ],
    ['a step that is no UID', ({ order }) => Object.assign(order as Json, { mppsSopInstanceUid: 'step' })],
    ['a technologist without a name', ({ technologist }) => Object.assign(technologist as Json, { name: '' })],
    [
      'a technologist that the gateway claims to have seen',
      ({ technologist }) => Object.assign(technologist as Json, { source: 'seen' }),
    ],
  ]
  for (const [name, damage] of DAMAGES) {
    it(`is refused with ${name}`, () => {
      const value = goodJson()
      damage(value.predicate)
      assert.throws(() => parse(value), isMalformed)
    })
  }

  for (const part of ['received', 'order', 'technologist', 'signatures', 'gateway'] as const) {
    it(`is refused without any field of ${part}`, () => {
      for (const name of Object.keys(goodJson().predicate[part] as Json)) {
        const value = goodJson()
        delete (value.predicate[part] as Json)[name]
        assert.throws(() => parse(value), isMalformed, name)
      }
    })
  }

  it('is not written where nobody could read it', () => {
    const received = { ...good.received, callingAet: 'an AE title of many characters' }
    assert.throws(() => formatGatewayStatement({ ...good, received }), isMalformed)
  })
})
