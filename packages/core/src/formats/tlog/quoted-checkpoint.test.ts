import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { JsonFields } from '../json/fields.ts'
import type { JsonValue } from '../json/parse.ts'
import { type QuotedCheckpoint, readQuotedCheckpoint, writeQuotedCheckpoint } from './quoted-checkpoint.ts'

const root = Uint8Array.from({ length: 32 }, (_, i) => 255 - i)
const good: QuotedCheckpoint = { origin: 'example-hospital.example/log', size: 123_456n, root }
const goodJson = writeQuotedCheckpoint(good)

function read(value: JsonValue): QuotedCheckpoint | null {
  const fields = new JsonFields({ checkpoint: value }, 'event_malformed')
  const quoted = readQuotedCheckpoint(fields, 'checkpoint')
  fields.finish()
  return quoted
}
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'event_malformed'

describe('a quoted checkpoint', () => {
  it('is written with a decimal size and a hexadecimal root', () => {
    assert.deepEqual(goodJson, {
      origin: 'example-hospital.example/log',
      size: '123456',
      root: 'fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0',
    })
    assert.equal(writeQuotedCheckpoint(null), null)
  })

  for (const quoted of [
    good,
    { ...good, size: 1n },
    { ...good, size: (1n << 63n) - 1n },
    { ...good, origin: 'x' },
    { ...good, origin: `${'a'.repeat(250)}.test` },
    { ...good, origin: '!"#$%&\'()*,-./:;<=>?@[\\]^_`{|}~' },
    null,
  ]) {
    it(`comes back: ${quoted === null ? 'none' : `${quoted.origin.slice(0, 40)}, ${quoted.size}`}`, () => {
      assert.deepEqual(read(writeQuotedCheckpoint(quoted)), quoted)
    })
  }

  const refusals: readonly (readonly [string, JsonValue])[] = [
    ['a text', 'example.org/log'],
    ['an empty object', {}],
    ['a list', []],
    ['no origin', { ...goodJson, origin: null }],
    ['an empty origin', { ...goodJson, origin: '' }],
    ['an origin with a space', { ...goodJson, origin: 'a log' }],
    ['an origin with a plus', { ...goodJson, origin: 'a+log' }],
    ['an origin with a newline', { ...goodJson, origin: 'a\nlog' }],
    ['an origin beyond ASCII', { ...goodJson, origin: 'krankenhäuser.example/log' }],
    ['an origin of 256 characters', { ...goodJson, origin: 'a'.repeat(256) }],
    ['a size that is a number', { ...goodJson, size: 123_456 }],
    ['a size of zero', { ...goodJson, size: '0' }],
    ['a negative size', { ...goodJson, size: '-1' }],
    ['a size with a leading zero', { ...goodJson, size: '0123456' }],
    ['a size of 2^63', { ...goodJson, size: String(1n << 63n) }],
    ['a size of twenty digits', { ...goodJson, size: '1'.repeat(20) }],
    ['a size in hexadecimal', { ...goodJson, size: '0x10' }],
    ['a short root', { ...goodJson, root: 'ff'.repeat(31) }],
    ['a long root', { ...goodJson, root: 'ff'.repeat(33) }],
    ['a root in capitals', { ...goodJson, root: 'FF'.repeat(32) }],
    ['a root in base64', { ...goodJson, root: `${'A'.repeat(43)}=` }],
    ['a field too many', { ...goodJson, extensions: [] }],
  ]
  for (const [name, value] of refusals) {
    it(`is refused: ${name}`, () => assert.throws(() => read(value), isMalformed))
  }

  it('is refused where the field is missing', () => {
    assert.throws(() => readQuotedCheckpoint(new JsonFields({}, 'event_malformed'), 'checkpoint'), isMalformed)
  })
})
