import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import type { JsonValue } from '../json/parse.ts'
import {
  decimal,
  flag,
  list,
  named,
  nullable,
  oneOrMany,
  optional,
  record,
  required,
  type Shape,
  schemaOf,
  table,
  text,
  variants,
  whole,
  words,
} from './shape.ts'
import { ConfigValue, suggest } from './value.ts'

const read = <T>(shape: Shape<T>, json: JsonValue): T =>
  shape.read(new ConfigValue(json, { code: 'settings_malformed', locate: () => ({ line: 3, column: 7 }) }))

interface Tree {
  readonly name: string
  readonly children: readonly Tree[]
}
const TREE: Shape<Tree> = named('tree', () =>
  record<Tree>({
    name: required(text(/^[a-z]+$/, 'a word'), 'name'),
    children: optional(list(TREE, 2), [], 'below', []),
  }),
)
const EITHER = variants<{ readonly file: string } | { readonly env: string }>({
  file: record<{ readonly file: string }>({ file: required(text(/./, 'a path'), '') }),
  env: record<{ readonly env: string }>({ env: required(text(/./, 'a name'), '') }),
})

describe('config shape', () => {
  it('reads what is there, and puts defaults where nothing is', () => {
    assert.deepEqual(read(TREE, { name: 'a', children: [{ name: 'b' }] }), {
      name: 'a',
      children: [{ name: 'b', children: [] }],
    })
    assert.deepEqual(read(oneOrMany(flag, 2), true), [true])
    assert.deepEqual(read(oneOrMany(flag, 2), [true, false]), [true, false])
    assert.equal(read(nullable(whole(0, 3)), null), null)
    assert.deepEqual(read(EITHER, { env: 'X' }), { env: 'X' })
    assert.deepEqual(
      [...read(table({ pattern: /^[a-z]$/, what: 'a letter' }, decimal(0, 1), 2), { a: 0.5 })],
      [['a', 0.5]],
    )
  })

  const refusals: readonly {
    readonly name: string
    readonly shape: Shape<unknown>
    readonly json: JsonValue
    readonly says: RegExp
  }[] = [
    {
      name: 'an unknown member',
      shape: TREE,
      json: { name: 'a', childern: [] },
      says: /^childern \(line 3, column 7\).*did you mean children\?/,
    },
    {
      name: 'an unknown member deep inside',
      shape: TREE,
      json: { name: 'a', children: [{ name: 'b', x: 1 }] },
      says: /^children\[0\]\.x /,
    },
    { name: 'a missing member', shape: TREE, json: {}, says: /^the whole .* has no name/ },
    { name: 'a number under a text', shape: TREE, json: { name: 1 }, says: /^name .* is not a word/ },
    { name: 'a list too long', shape: list(flag, 1), json: [true, true], says: /entries/ },
    { name: 'an empty list where one is needed', shape: oneOrMany(flag, 2), json: [], says: /entries/ },
    { name: 'a list where an object is needed', shape: TREE, json: [], says: /no object/ },
    { name: 'another word', shape: words(['open', 'closed']), json: 'opne', says: /did you mean open\?/ },
    { name: 'a number with a fraction', shape: whole(0, 9), json: 1.5, says: /whole number/ },
    { name: 'a number out of range', shape: decimal(0, 1), json: 2, says: /number/ },
    { name: 'null under a flag', shape: flag, json: null, says: /neither/ },
    { name: 'none of several kinds', shape: EITHER, json: { fiel: 'x' }, says: /did you mean file\?/ },
    { name: 'two of several kinds', shape: EITHER, json: { file: 'x', env: 'y' }, says: /^env .* unknown/ },
    {
      name: 'a name that does not fit',
      shape: table({ pattern: /^[a-z]$/, what: 'a letter' }, flag, 2),
      json: { AA: true },
      says: /a letter/,
    },
    {
      name: 'too many names',
      shape: table({ pattern: /./, what: '' }, flag, 1),
      json: { a: true, b: true },
      says: /more than 1/,
    },
  ]
  for (const { name, shape, json, says } of refusals) {
    it(`refuses ${name}, with its place`, () => {
      assert.throws(
        () => read(shape, json),
        (error) => error instanceof FormatError && error.code === 'settings_malformed' && says.test(error.message),
      )
    })
  }

  it('refuses an inherited name as any other', () => {
    assert.throws(() => read(EITHER, JSON.parse('{"__proto__": {}, "toString": 1}')), FormatError)
  })

  it('makes a schema that refers to itself', () => {
    const schema = schemaOf(TREE, { $id: 'x', title: 'y' })
    assert.deepEqual(schema.$ref, '#/$defs/tree')
    assert.deepEqual((schema.$defs as { tree: { required: string[] } }).tree.required, ['name'])
  })

  it('suggests only what is near', () => {
    assert.equal(suggest('destinaton', ['destination', 'routes']), 'destination')
    assert.equal(suggest('routse', ['destination', 'routes']), 'routes')
    assert.equal(suggest('banana', ['destination', 'routes']), undefined)
    assert.equal(suggest('x'.repeat(100_000), ['to']), undefined)
  })
})
