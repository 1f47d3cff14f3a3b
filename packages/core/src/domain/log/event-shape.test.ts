import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { JsonFields } from '../../formats/json/fields.ts'
import { type JsonValue, parseJson } from '../../formats/json/parse.ts'
import {
  base64sOf,
  bytesOf,
  count,
  digestsOf,
  flag,
  moment,
  nullable,
  oneOf,
  record,
  recordsOf,
  type Shape,
  textOf,
  textsOf,
} from './event-shape.ts'

const inner = record({ text: textOf(/^[a-z]+$/), flag })
const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'event_malformed'

function read<T>(shape: Shape<T>, value: JsonValue): T {
  const fields = new JsonFields(parseJson(JSON.stringify({ field: value })), 'event_malformed')
  const result = shape.read(fields, 'field')
  fields.finish()
  return result
}

/** Each shape with a value, how that is spelled, and what is refused. */
const shapes: Record<string, readonly [Shape<never>, unknown, JsonValue, readonly JsonValue[]]> = {
  text: [textOf(/^x+$/) as Shape<never>, 'xx', 'xx', ['', 'y', 1, null]],
  word: [oneOf(['a', 'b']) as Shape<never>, 'b', 'b', ['c', '', 'toString', null]],
  flag: [flag as Shape<never>, false, false, ['false', 0, null]],
  bytes: [bytesOf(2) as Shape<never>, Uint8Array.of(0, 255), '00ff', ['00', '00FF', '000000', null]],
  count: [count as Shape<never>, (1n << 63n) - 1n, '9223372036854775807', ['9223372036854775808', '-1', '01', 7, null]],
  moment: [
    moment as Shape<never>,
    new Date('2026-03-03T10:14:00.120Z'),
    '2026-03-03T10:14:00.120Z',
    ['2026-03-03T10:14:00.12Z', '2026-13-03T10:14:00.120Z', '', 0],
  ],
  texts: [textsOf(3, /^[a-z]$/) as Shape<never>, ['a', 'c'], ['a', 'c'], [[], ['c', 'a'], ['a', 'a'], ['A'], 'a']],
  digests: [
    digestsOf(1) as Shape<never>,
    [new Uint8Array(32)],
    ['00'.repeat(32)],
    [[], ['00'], Array(2).fill('00'.repeat(32))],
  ],
  base64s: [
    base64sOf(2, 2) as Shape<never>,
    [Uint8Array.of(1)],
    ['AQ=='],
    [[], [''], ['AR=='], ['AAAA'], Array(3).fill('AQ==')],
  ],
  record: [
    inner as Shape<unknown> as Shape<never>,
    { text: 'a', flag: true },
    { text: 'a', flag: true },
    [{ text: 'a' }, {}, [], null],
  ],
  records: [recordsOf(1, inner) as Shape<never>, [], [], [[{}], [null], [1], {}]],
  'what is unknown': [nullable(inner) as Shape<never>, null, null, [false, {}, [], 'null']],
}

describe('shapes of fields', () => {
  for (const [name, [shape, value, spelled, refused]] of Object.entries(shapes)) {
    it(`${name}: read what they write`, () => {
      assert.deepEqual(shape.write(value as never), spelled)
      assert.deepEqual(read(shape, spelled), value)
    })

    it(`${name}: refuse everything else`, () => {
      for (const other of refused) assert.throws(() => read(shape, other), isMalformed, JSON.stringify(other))
    })
  }

  it('refuse a record with a field too many, and say where', () => {
    assert.throws(
      () => read(inner, { text: 'a', flag: true, more: 'secret' }),
      (error) => isMalformed(error) && (error as Error).message.includes('field') && !String(error).includes('secret'),
    )
  })

  it('write a moment that is none as nothing that could be read', () => {
    assert.throws(() => read(moment, moment.write(new Date(Number.NaN))), isMalformed)
  })

  it('tell which fields of a record may be null', () => {
    const mixed = record({ name: textOf(/^a$/), maybe: nullable(flag) })
    assert.deepEqual(
      [...mixed.fields],
      [
        ['name', { isNullable: false }],
        ['maybe', { isNullable: true }],
      ],
    )
  })
})
