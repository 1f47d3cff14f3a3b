/**
 * JSON Schema: checks values against the schemas of the documents.
 *
 * Source: JSON Schema 2020-12, the keywords that our schemas use and no others: one that is not known is an error of the
 * schema, not passed over. References lead into the same file or one beside it.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { JsonValue } from '@fiducial/core/formats/json/parse.ts'

export type Json = { [name: string]: JsonValue }

export interface Schema {
  isValid(value: JsonValue): boolean
}

/** Reads a schema, and those that it refers to when they are needed. @param path  absolute */
export function readSchema(path: string): Schema {
  const files = new Map<string, Json>()
  const load = (file: string): Json => {
    const known = files.get(file) ?? (JSON.parse(readFileSync(file, 'utf8')) as Json)
    files.set(file, known)
    return known
  }
  return { isValid: (value) => isValid(load(path), value, { file: path, load }) }
}

interface Place {
  readonly file: string
  readonly load: (file: string) => Json
}

type Keyword = (expected: JsonValue, value: JsonValue, rule: Json, place: Place) => boolean

const KEYWORDS: Record<string, Keyword> = {
  $ref: (target, value, _rule, place) => isReferredValid(String(target), value, place),
  const: (expected, value) => expected === value,
  enum: (options, value) => (options as JsonValue[]).includes(value),
  type: (type, value) => typeOf(value) === type || (type === 'integer' && Number.isInteger(value)),
  pattern: (pattern, value) => typeof value !== 'string' || new RegExp(String(pattern), 'u').test(value),
  minLength: (least, value) => typeof value !== 'string' || [...value].length >= Number(least),
  maxLength: (most, value) => typeof value !== 'string' || [...value].length <= Number(most),
  minimum: (least, value) => typeof value !== 'number' || value >= Number(least),
  maximum: (most, value) => typeof value !== 'number' || value <= Number(most),
  minItems: (least, value) => !Array.isArray(value) || value.length >= Number(least),
  maxItems: (most, value) => !Array.isArray(value) || value.length <= Number(most),
  uniqueItems: (_, value) =>
    !Array.isArray(value) || new Set(value.map((item) => JSON.stringify(item))).size === value.length,
  items: (inner, value, _rule, place) =>
    !Array.isArray(value) || value.every((entry) => isValid(inner as Json, entry, place)),
  required: (names, value) => !isObject(value) || (names as string[]).every((name) => Object.hasOwn(value, name)),
  properties: (properties, value, _rule, place) =>
    !isObject(value) ||
    Object.entries(properties as Json).every(
      ([name, inner]) => !Object.hasOwn(value, name) || isValid(inner as Json, value[name] as JsonValue, place),
    ),
  additionalProperties: (allowed, value, { properties }, place) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([name, inner]) =>
        Object.hasOwn((properties ?? {}) as Json, name) ||
        (allowed !== false && isValid(allowed as Json, inner, place)),
    ),
  propertyNames: (rule, value, _rule, place) =>
    !isObject(value) || Object.keys(value).every((name) => isValid(rule as Json, name, place)),
  maxProperties: (most, value) => !isObject(value) || Object.keys(value).length <= Number(most),
  oneOf: (options, value, _rule, place) =>
    (options as Json[]).filter((option) => isValid(option, value, place)).length === 1,
  not: (inner, value, _rule, place) => !isValid(inner as Json, value, place),
  default: () => true,
  $schema: () => true,
  $id: () => true,
  $defs: () => true,
  title: () => true,
  description: () => true,
}

function isValid(rule: Json, value: JsonValue, place: Place): boolean {
  return Object.entries(rule).every(([keyword, expected]) => {
    const check = KEYWORDS[keyword]
    if (check === undefined) throw new TypeError(`an unknown keyword ${keyword}`)
    return check(expected, value, rule, place)
  })
}

function isReferredValid(target: string, value: JsonValue, { file, load }: Place): boolean {
  const [name = '', pointer = ''] = target.split('#/$defs/')
  const other = name === '' ? file : join(dirname(file), name)
  return isValid((load(other).$defs as Json)[pointer] as Json, value, { file: other, load })
}

/** Every object and field in a value, by the names that lead to it. */
export function* placesIn(value: JsonValue, path: readonly string[] = []): Generator<readonly string[]> {
  yield path
  if (value === null || typeof value !== 'object') return
  for (const [name, inner] of Object.entries(value)) yield* placesIn(inner, [...path, name])
}

/** What stands at a place. */
export const valueAt = (value: JsonValue, path: readonly string[]): JsonValue =>
  path.reduce<JsonValue>((inner, name) => (inner as Json)[name] as JsonValue, value)

/** Values with one thing wrong at a place: missing, of another type, or with a field too many. */
export function* damagesAt(value: JsonValue, path: readonly string[]): Generator<JsonValue> {
  const last = path.at(-1)
  if (last === undefined) return
  const edit = (change: (parent: Json) => void): JsonValue => {
    const copy = structuredClone(value)
    change(valueAt(copy, path.slice(0, -1)) as Json)
    return copy
  }
  yield edit((parent) => (Array.isArray(parent) ? parent.splice(Number(last), 1) : delete parent[last]))
  for (const other of [null, true, -1, 1.5, 70_000, '', 'x', '\u0000', '2', [], {}]) {
    yield edit((parent) => {
      parent[last] = other
    })
  }
  yield edit((parent) => {
    if (isObject(parent[last] as JsonValue)) parent[last] = { ...(parent[last] as Json), extra: null }
  })
}

export const isObject = (value: JsonValue): value is Json => typeOf(value) === 'object'

function typeOf(value: JsonValue): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
