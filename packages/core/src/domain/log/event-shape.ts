/**
 * Event shapes: how the fields of an event are read and written, each described once.
 *
 * A record lists a shape for every field; reading and writing follow from the same list, so that they cannot differ.
 * What is unknown is null, and nothing can be left out. Errors carry `event_malformed` and the place.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { JsonFields } from '../../formats/json/fields.ts'
import type { JsonObject, JsonValue } from '../../formats/json/parse.ts'

/** One kind of field. */
export interface Shape<T> {
  /** Whether null is a value of it: what is unknown or not there. */
  readonly isNullable?: true
  read(fields: JsonFields, name: string): T
  write(value: T): JsonValue
}

/** A shape for each field of an object. */
export type Shapes<T> = { readonly [Name in keyof T]-?: Shape<T[Name]> }

/** An object with exactly these fields. */
export interface RecordShape<T> extends Shape<T> {
  /** Every field, with whether it may be null. */
  readonly fields: ReadonlyMap<string, { readonly isNullable: boolean }>
  readFields(fields: JsonFields): T
  write(value: T): JsonObject
}

export function record<T extends object>(shapes: Shapes<T>): RecordShape<T> {
  const names = Object.keys(shapes) as (keyof T & string)[]
  const readFields = (fields: JsonFields): T => {
    const value: Partial<T> = {}
    for (const name of names) value[name] = shapes[name].read(fields, name)
    return value as T
  }
  return {
    fields: new Map(names.map((name) => [name, { isNullable: shapes[name].isNullable === true }])),
    readFields,
    read: (fields, name) => fields.object(name, readFields),
    write(value) {
      const object: Record<string, JsonValue> = {}
      for (const name of names) object[name] = shapes[name].write(value[name])
      return object
    },
  }
}

/** The same, or null for what is unknown or not there. */
export const nullable = <T>(shape: Shape<T>): Shape<T | null> => ({
  isNullable: true,
  read: (fields, name) => (fields.isNull(name) ? fields.null(name) : shape.read(fields, name)),
  write: (value) => (value === null ? null : shape.write(value)),
})

export const textOf = (pattern: RegExp): Shape<string> => ({
  read: (fields, name) => fields.string(name, pattern),
  write: (value) => value,
})

/** One of a few words. */
export const oneOf = <Word extends string>(words: readonly Word[]): Shape<Word> => ({
  read(fields, name) {
    const word = fields.value(name)
    const known = words.find((candidate) => candidate === word)
    if (known === undefined) throw fields.refuse(name, `is none of ${words.join(', ')}`)
    return known
  },
  write: (value) => value,
})

export const flag: Shape<boolean> = {
  read: (fields, name) => fields.boolean(name),
  write: (value) => value,
}

export const bytesOf = (lengthBytes: number): Shape<Uint8Array> => ({
  read: (fields, name) => fields.hex(name, lengthBytes),
  write: encodeHex,
})

/** A count or index, as a decimal string, below 2^63. */
export const count: Shape<bigint> = {
  read: (fields, name) => fields.bigint(name, COUNT_LIMIT),
  write: String,
}

export const moment: Shape<Date> = {
  read: (fields, name) => fields.time(name),
  write: (value) => (Number.isNaN(value.getTime()) ? '' : value.toISOString()),
}

/** At least one text, each once, in the order of UTF-16 code units: a list has one spelling, too. */
export const textsOf = (most: number, pattern: RegExp): Shape<readonly string[]> => ({
  read(fields, name) {
    const texts = fields.strings(name, most, pattern)
    if (texts.length === 0) throw fields.refuse(name, 'has no entry')
    if (texts.some((text, i) => i > 0 && (texts[i - 1] as string) >= text)) throw fields.refuse(name, 'is out of order')
    return texts
  },
  write: (texts) => texts,
})

/** 1 to `most` digests, in an order that says something. */
export const digestsOf = (most: number): Shape<readonly Uint8Array[]> => ({
  read(fields, name) {
    const digests = fields.hexes(name, most, 32)
    if (digests.length === 0) throw fields.refuse(name, 'has no entry')
    return digests
  },
  write: (digests) => digests.map(encodeHex),
})

/** 1 to `most` values of at most so many bytes each, in base64, in an order that says something. */
export const base64sOf = (most: number, lengthBytes: number): Shape<readonly Uint8Array[]> => ({
  read(fields, name) {
    const values = fields.base64s(name, most, lengthBytes)
    if (values.length === 0) throw fields.refuse(name, 'has no entry')
    return values
  },
  write: (values) => values.map(encodeBase64),
})

/** Up to `most` records. */
export const recordsOf = <T>(most: number, shape: RecordShape<T>): Shape<readonly T[]> => ({
  read: (fields, name) => fields.objects(name, most, shape.readFields),
  write: (values) => values.map(shape.write),
})

const COUNT_LIMIT = (1n << 63n) - 1n
