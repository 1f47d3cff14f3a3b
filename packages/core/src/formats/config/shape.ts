/**
 * Config shape: what a settings file may say, once: for reading it strictly, and for its JSON Schema.
 *
 * Source: JSON Schema 2020-12 for what is generated. A shape reads a value or refuses it with its place; nothing unknown
 * is passed over.
 */
import type { JsonObject, JsonValue } from '../json/parse.ts'
import { type ConfigValue, isObject, suggestion } from './value.ts'

export interface Shape<T> {
  /** @throws {FormatError} with the code of the value's context */
  read(value: ConfigValue): T
  /** The schema; what it refers to is put into `definitions`. */
  schema(definitions: Map<string, JsonObject>): JsonObject
}

/** A member of a record. */
export interface Field<T> {
  readonly shape: Shape<T>
  readonly doc: string
  /** What stands for a member that is not there; absent where it has to be there. */
  readonly fallback?: { readonly value: T; readonly json?: JsonValue }
}

export type Fields<T> = { readonly [Name in keyof T]-?: Field<T[Name]> }

export const required = <T>(shape: Shape<T>, doc: string): Field<T> => ({ shape, doc })

/** @param json  the default as the file would spell it, for the schema */
export const optional = <T>(shape: Shape<T>, value: T, doc: string, json?: JsonValue): Field<T> => ({
  shape,
  doc,
  fallback: { value, ...(json === undefined ? (isPlain(value) ? { json: value } : {}) : { json }) },
})

const isPlain = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value)

/** Text of a pattern. @param what  what it must be, such as `an AE title` */
export const text = (pattern: RegExp, what: string): Shape<string> => ({
  read(value) {
    if (typeof value.json !== 'string' || !pattern.test(value.json)) throw value.refuse(`is not ${what}`)
    return value.json
  },
  schema: () => ({ type: 'string', pattern: pattern.source, description: what }),
})

/** One of some words. */
export const words = <const Word extends string>(known: readonly Word[]): Shape<Word> => ({
  read(value) {
    const word = known.find((one) => one === value.json)
    if (word !== undefined) return word
    const meant = typeof value.json === 'string' ? suggestion(value.json, known) : ''
    throw value.refuse(`is none of ${known.join(', ')}${meant}`)
  },
  schema: () => ({ enum: known }),
})

export const flag: Shape<boolean> = {
  read(value) {
    if (typeof value.json !== 'boolean') throw value.refuse('is neither true nor false')
    return value.json
  },
  schema: () => ({ type: 'boolean' }),
}

/** A whole number from `least` to `most`. */
export const whole = (least: number, most: number): Shape<number> => ({
  read(value) {
    const { json } = value
    if (typeof json !== 'number' || !Number.isInteger(json) || json < least || json > most) {
      throw value.refuse(`is no whole number from ${least} to ${most}`)
    }
    return json
  },
  schema: () => ({ type: 'integer', minimum: least, maximum: most }),
})

/** A number from `least` to `most`. */
export const decimal = (least: number, most: number): Shape<number> => ({
  read(value) {
    const { json } = value
    if (typeof json !== 'number' || !(json >= least && json <= most)) {
      throw value.refuse(`is no number from ${least} to ${most}`)
    }
    return json
  },
  schema: () => ({ type: 'number', minimum: least, maximum: most }),
})

/** At least `least` and at most `most` of one kind. */
export const list = <T>(entry: Shape<T>, most: number, least = 0): Shape<readonly T[]> => ({
  read(value) {
    if (!Array.isArray(value.json)) throw value.refuse('is no list')
    return entriesOf(value, value.json, entry, most, least)
  },
  schema: (definitions) => ({ type: 'array', items: entry.schema(definitions), minItems: least, maxItems: most }),
})

/** One of a kind, or a list of `least` to `most` of it. The kind itself is no list. */
export const oneOrMany = <T>(entry: Shape<T>, most: number, least = 1): Shape<readonly T[]> => ({
  read: (value) => (Array.isArray(value.json) ? entriesOf(value, value.json, entry, most, least) : [entry.read(value)]),
  schema: (definitions) => {
    const one = entry.schema(definitions)
    return { oneOf: [one, { type: 'array', items: one, minItems: least, maxItems: most }] }
  },
})

function entriesOf<T>(
  value: ConfigValue,
  json: readonly JsonValue[],
  entry: Shape<T>,
  most: number,
  least: number,
): readonly T[] {
  if (json.length > most || json.length < least) throw value.refuse(`has not ${least} to ${most} entries`)
  return json.map((one, i) => entry.read(value.at(i, one)))
}

/** Things by names that the site gives them, in their order. */
export const table = <T>(
  name: { readonly pattern: RegExp; readonly what: string },
  entry: Shape<T>,
  most: number,
): Shape<ReadonlyMap<string, T>> => ({
  read(value) {
    const members = Object.entries(value.members())
    if (members.length > most) throw value.refuse(`has more than ${most} members`)
    return new Map(
      members.map(([key, json]) => {
        if (!name.pattern.test(key)) throw value.at(key, json).refuse(`has a name that is not ${name.what}`)
        return [key, entry.read(value.at(key, json))]
      }),
    )
  },
  schema: (definitions) => ({
    type: 'object',
    propertyNames: { pattern: name.pattern.source },
    additionalProperties: entry.schema(definitions),
    maxProperties: most,
  }),
})

/** An object of known members, and no others. */
export const record = <T extends object>(fields: Fields<T>): Shape<T> => ({
  read(value) {
    const members = value.members()
    const known = Object.keys(fields)
    for (const [name, json] of Object.entries(members)) {
      if (!Object.hasOwn(fields, name)) throw value.at(name, json).refuse(`is unknown here${suggestion(name, known)}`)
    }
    const read = Object.entries<Field<unknown>>(fields).map(([name, { shape, fallback }]) => {
      if (Object.hasOwn(members, name)) return [name, shape.read(value.at(name, members[name] as JsonValue))]
      if (fallback === undefined) throw value.refuse(`has no ${name}`)
      return [name, fallback.value]
    })
    return Object.fromEntries(read) as T
  },
  schema: (definitions) => {
    const entries = Object.entries<Field<unknown>>(fields)
    return {
      type: 'object',
      properties: Object.fromEntries(
        entries.map(([name, { shape, doc, fallback }]) => [
          name,
          {
            ...shape.schema(definitions),
            description: doc,
            ...(fallback?.json === undefined ? {} : { default: fallback.json }),
          },
        ]),
      ),
      required: entries.filter(([, { fallback }]) => fallback === undefined).map(([name]) => name),
      additionalProperties: false,
    }
  },
})

/** One of several records, told apart by the member that only it has, and has to have. */
export const variants = <T>(options: Readonly<Record<string, Shape<T>>>): Shape<T> => ({
  read(value) {
    const members = value.members()
    const known = Object.keys(options)
    const name = known.find((key) => Object.hasOwn(members, key))
    if (name !== undefined) return (options[name] as Shape<T>).read(value)
    const [first = ''] = Object.keys(members)
    throw value.refuse(`has none of ${known.join(', ')}${suggestion(first, known)}`)
  },
  schema: (definitions) => ({ oneOf: Object.values(options).map((option) => option.schema(definitions)) }),
})

/** A short form, a text, or the long one, an object. */
export const shortOrLong = <T>(short: Shape<T>, long: Shape<T>): Shape<T> => ({
  read: (value) => (isObject(value.json) ? long : short).read(value),
  schema: (definitions) => ({ oneOf: [short.schema(definitions), long.schema(definitions)] }),
})

/** Null, or a value. */
export const nullable = <T>(shape: Shape<T>): Shape<T | null> => ({
  read: (value) => (value.json === null ? null : shape.read(value)),
  schema: (definitions) => ({ oneOf: [{ type: 'null' }, shape.schema(definitions)] }),
})

/** Another form of what was read. @param change  may throw what `value.refuse` gives */
export const mapped = <T, U>(shape: Shape<T>, change: (read: T, value: ConfigValue) => U): Shape<U> => ({
  read: (value) => change(shape.read(value), value),
  schema: (definitions) => shape.schema(definitions),
})

/** A shape with a name of its own in the schema; may refer to itself. */
export const named = <T>(name: string, shapeOf: () => Shape<T>): Shape<T> => ({
  read: (value) => shapeOf().read(value),
  schema: (definitions) => {
    if (!definitions.has(name)) {
      definitions.set(name, {})
      definitions.set(name, shapeOf().schema(definitions))
    }
    return { $ref: `#/$defs/${name}` }
  },
})

/** A whole schema, with the definitions that it uses. */
export function schemaOf(shape: Shape<unknown>, head: { readonly $id: string; readonly title: string }): JsonObject {
  const definitions = new Map<string, JsonObject>()
  const schema = shape.schema(definitions)
  const $defs = Object.fromEntries([...definitions].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...head, ...schema, $defs }
}
