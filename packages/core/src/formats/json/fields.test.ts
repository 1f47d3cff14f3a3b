import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { JsonFields } from './fields.ts'
import { type JsonValue, parseJson } from './parse.ts'

const open = (text: string): JsonFields => new JsonFields(parseJson(text), 'seal_malformed')
const isRefused = (error: unknown): boolean => error instanceof FormatError && error.code === 'seal_malformed'

describe('JsonFields', () => {
  it('takes every kind of field and is done', () => {
    const fields = open(
      '{"a":"x","b":true,"c":3,"d":"12","e":"00ff","f":"AAE=","g":null,"h":{"i":[1]},"j":["k"],"l":null,"m":"2026-03-03T10:14:00.123Z"}',
    )
    assert.equal(fields.string('a', /^x$/), 'x')
    assert.equal(fields.boolean('b'), true)
    assert.equal(fields.integer('c', 0, 3), 3)
    assert.equal(fields.bigint('d', 12n), 12n)
    assert.deepEqual(fields.hex('e', 2), Uint8Array.of(0, 255))
    assert.deepEqual(fields.base64('f', 2), Uint8Array.of(0, 1))
    assert.equal(fields.null('g'), null)
    assert.deepEqual(
      fields.object('h', (inner) => inner.value('i')),
      [1],
    )
    assert.deepEqual(fields.strings('j', 1, /k/), ['k'])
    assert.deepEqual([fields.isNull('l'), fields.isNull('m'), fields.isNull('n')], [true, false, false])
    assert.equal(fields.nullableString('l', /x/), null)
    assert.equal(fields.time('m').getTime(), Date.UTC(2026, 2, 3, 10, 14, 0, 123))
    fields.finish()
  })

  const refusals: readonly {
    readonly name: string
    readonly text: string
    readonly read: (fields: JsonFields) => unknown
  }[] = [
    { name: 'a field that is missing', text: '{}', read: (fields) => fields.value('a') },
    { name: 'an inherited property', text: '{}', read: (fields) => fields.value('toString') },
    { name: 'a field that nobody asked for', text: '{"a":1}', read: (fields) => fields.finish() },
    { name: 'an unknown field inside', text: '{"a":{"b":1}}', read: (fields) => fields.object('a', () => 0) },
    { name: 'a string of another spelling', text: '{"a":"y"}', read: (fields) => fields.string('a', /^x$/) },
    { name: 'a number for a string', text: '{"a":1}', read: (fields) => fields.string('a', /1/) },
    { name: 'another constant', text: '{"a":"v2"}', read: (fields) => fields.constant('a', 'v1') },
    { name: 'a fraction', text: '{"a":1.5}', read: (fields) => fields.integer('a', 0, 9) },
    { name: 'a number over the limit', text: '{"a":10}', read: (fields) => fields.integer('a', 0, 9) },
    { name: 'a number below the limit', text: '{"a":-1}', read: (fields) => fields.integer('a', 0, 9) },
    { name: 'a count with a leading zero', text: '{"a":"01"}', read: (fields) => fields.bigint('a', 9n) },
    { name: 'a count over the limit', text: '{"a":"10"}', read: (fields) => fields.bigint('a', 9n) },
    { name: 'a count as a number', text: '{"a":1}', read: (fields) => fields.bigint('a', 9n) },
    { name: 'hexadecimal in capitals', text: '{"a":"FF"}', read: (fields) => fields.hex('a', 1) },
    { name: 'hexadecimal of another length', text: '{"a":"ff"}', read: (fields) => fields.hex('a', 2) },
    { name: 'base64 without padding', text: '{"a":"AAE"}', read: (fields) => fields.base64('a', 9) },
    { name: 'base64 with loose final bits', text: '{"a":"AAF="}', read: (fields) => fields.base64('a', 9) },
    { name: 'base64 over the limit', text: '{"a":"AAE="}', read: (fields) => fields.base64('a', 1) },
    { name: 'empty base64', text: '{"a":""}', read: (fields) => fields.base64('a', 9) },
    { name: 'a list that is none', text: '{"a":{}}', read: (fields) => fields.strings('a', 9, /./) },
    { name: 'a list over the limit', text: '{"a":["x","x"]}', read: (fields) => fields.strings('a', 1, /./) },
    { name: 'an entry of another type', text: '{"a":[1]}', read: (fields) => fields.objects('a', 9, () => 0) },
    { name: 'an array for an object', text: '{"a":[]}', read: (fields) => fields.object('a', () => 0) },
    { name: 'null for an object', text: '{"a":null}', read: (fields) => fields.object('a', () => 0) },
    { name: 'something for null', text: '{"a":0}', read: (fields) => fields.null('a') },
    {
      name: 'a moment of another zone',
      text: '{"a":"2026-03-03T10:14:00.123+01:00"}',
      read: (fields) => fields.time('a'),
    },
    { name: 'a moment without milliseconds', text: '{"a":"2026-03-03T10:14:00Z"}', read: (fields) => fields.time('a') },
    { name: 'a day that is none', text: '{"a":"2026-02-30T10:14:00.123Z"}', read: (fields) => fields.time('a') },
    { name: 'a word for a boolean', text: '{"a":"true"}', read: (fields) => fields.boolean('a') },
  ]
  for (const { name, text, read } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => read(open(text)), isRefused))
  }

  it('refuses what is no object', () => {
    for (const value of [null, 1, 'a', []] as JsonValue[])
      assert.throws(() => new JsonFields(value, 'seal_malformed'), isRefused)
  })

  it('names the place and never the value', () => {
    const read = (): unknown => open('{"a":{"b":["secret"]}}').object('a', (inner) => inner.strings('b', 1, /^x$/))
    assert.throws(
      read,
      (error) => error instanceof FormatError && error.message.includes('a.b[0]') && !error.message.includes('secret'),
    )
  })
})
