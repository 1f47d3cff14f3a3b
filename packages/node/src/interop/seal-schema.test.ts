/** The JSON Schema of the documents, held against the parser: what one refuses for its shape, the other refuses. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatStatement, parseStatement } from '@fiducial/core/domain/seal/statement.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { formatCanonicalJson } from '@fiducial/core/formats/json/canonical.ts'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'
import {
  toyDescription,
  toyElements,
  toyFile,
  toySeriesStatement,
  toyStatement,
  without,
} from '@fiducial/core/testing/toy-seal.ts'
import { repositoryRoot } from '../testing/peers.ts'

type Json = { [name: string]: JsonValue }

const schema = JSON.parse(
  readFileSync(join(repositoryRoot, 'docs/reference/statement-acquisition.schema.json'), 'utf8'),
) as Json

/** The keywords of JSON Schema 2020-12 that our schema uses; any other is an error of the test. */
const KEYWORDS: Record<string, (expected: JsonValue, value: JsonValue, schema: Json) => boolean> = {
  $ref: (name, value) => isValid((schema.$defs as Json)[String(name).replace('#/$defs/', '')] as Json, value),
  const: (expected, value) => expected === value,
  type: (type, value) => typeOf(value) === type || (type === 'integer' && Number.isInteger(value)),
  pattern: (pattern, value) => typeof value !== 'string' || new RegExp(String(pattern), 'u').test(value),
  minLength: (least, value) => typeof value !== 'string' || [...value].length >= Number(least),
  maxLength: (most, value) => typeof value !== 'string' || [...value].length <= Number(most),
  minimum: (least, value) => typeof value !== 'number' || value >= Number(least),
  maximum: (most, value) => typeof value !== 'number' || value <= Number(most),
  minItems: (least, value) => !Array.isArray(value) || value.length >= Number(least),
  maxItems: (most, value) => !Array.isArray(value) || value.length <= Number(most),
  items: (inner, value) => !Array.isArray(value) || value.every((entry) => isValid(inner as Json, entry)),
  required: (names, value) => !isObject(value) || (names as string[]).every((name) => Object.hasOwn(value, name)),
  properties: (properties, value) =>
    !isObject(value) ||
    Object.entries(properties as Json).every(
      ([name, inner]) => !Object.hasOwn(value, name) || isValid(inner as Json, value[name] as JsonValue),
    ),
  additionalProperties: (allowed, value, { properties }) =>
    allowed !== false ||
    !isObject(value) ||
    Object.keys(value).every((name) => Object.hasOwn(properties as Json, name)),
  oneOf: (options, value) => (options as Json[]).filter((option) => isValid(option, value)).length === 1,
  $schema: () => true,
  $id: () => true,
  $defs: () => true,
  title: () => true,
  description: () => true,
}

function isValid(rule: Json, value: JsonValue): boolean {
  return Object.entries(rule).every(([keyword, expected]) => {
    const check = KEYWORDS[keyword]
    assert.ok(check, `an unknown keyword ${keyword}`)
    return check(expected, value, rule)
  })
}

const isObject = (value: JsonValue): value is Json => typeOf(value) === 'object'

function typeOf(value: JsonValue): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** Every object and field in a value. */
function* placesIn(value: JsonValue, path: readonly string[] = []): Generator<readonly string[]> {
  yield path
  if (value === null || typeof value !== 'object') return
  for (const [name, inner] of Object.entries(value)) yield* placesIn(inner, [...path, name])
}

function changed(value: JsonValue, path: readonly string[], edit: (parent: Json, name: string) => void): JsonValue {
  const copy = structuredClone(value)
  edit(
    path.slice(0, -1).reduce<JsonValue>((inner, name) => (inner as Json)[name] as JsonValue, copy) as Json,
    path.at(-1) ?? '',
  )
  return copy
}

function isParsed(value: JsonValue): boolean {
  try {
    parseStatement(encodeUtf8(formatCanonicalJson(value)))
    return true
  } catch (error) {
    assert.ok(error instanceof FormatError)
    return false
  }
}

const jpeg = {
  tag: 0x7fe00010,
  vr: 'OB',
  fragments: [new Uint8Array(0), Uint8Array.of(0xff, 0xd8), Uint8Array.of(0xff, 0xd9)],
} as const
const statements = {
  'a native image': toyStatement(),
  'a compressed image': toyStatement(toyDescription(toyFile(toyElements([jpeg]), '1.2.840.10008.1.2.4.50'))),
  'an object without pixels': toyStatement(
    toyDescription(toyFile(without(toyElements(), 0x7fe00010, 0x00080022, 0x00080020))),
  ),
  'an image of a series': toySeriesStatement(),
  'an image that was sealed beside a custody log': toyStatement(undefined, {
    checkpoint: { origin: 'example-hospital.example/log', size: 123_456n, root: new Uint8Array(32).fill(7) },
  }),
}

describe('the schema of acquisition statements', () => {
  for (const [name, statement] of Object.entries(statements)) {
    const good = JSON.parse(new TextDecoder().decode(formatStatement(statement))) as JsonValue

    it(`accepts ${name}`, () => assert.ok(isValid(schema, good)))

    it(`refuses with the parser every field of ${name} that is missing or of another type, and every one too many`, () => {
      let places = 0
      for (const path of placesIn(good)) {
        if (path.length === 0) continue
        const edits: readonly ((parent: Json, name: string) => void)[] = [
          (parent, field) => (Array.isArray(parent) ? parent.splice(Number(field), 1) : delete parent[field]),
          ...[null, true, -1, 1.5, 70_000, '', 'x', '\u0000', [], {}].map((other) => (parent: Json, field: string) => {
            parent[field] = other
          }),
          (parent, field) => {
            if (isObject(parent[field] as JsonValue)) parent[field] = { ...(parent[field] as Json), extra: null }
          },
        ]
        for (const edit of edits) {
          const value = changed(good, path, edit)
          // What the schema refuses, the parser refuses: the schema says nothing that does not hold.
          if (!isValid(schema, value)) assert.equal(isParsed(value), false, path.join('.'))
          // What the parser refuses for other reasons than the shape stands in the description of the schema.
          else if (!isParsed(value)) assert.ok(isBeyondSchema(path, value), path.join('.'))
          places++
        }
      }
      assert.ok(places > 1000, `${places} edits`)
    })
  }
})

/** Rules that the schema leaves to the text: the subject's name, the order of tags, characters of names. */
function isBeyondSchema(path: readonly string[], value: JsonValue): boolean {
  const field = path.at(-1) ?? ''
  const at = path.reduce<JsonValue>((inner, name) => (inner as Json)[name] as JsonValue, value)
  if (['id', 'name', 'manufacturer', 'model', 'serial'].includes(field)) return at === '\u0000' || path[0] === 'subject'
  return field === 'sopInstanceUid' || field === 'tag'
}
