/**
 * Fields: takes a JSON object apart by a closed list of names.
 *
 * A reader of a format asks for each field once and then says that it is done; what is missing, of another type,
 * or left over is refused with the code of that format. Messages name the place, never the value.
 */
import { decodeBase64 } from '../../bytes/base64.ts'
import { decodeHex } from '../../bytes/hex.ts'
import { type FormatCode, FormatError } from '../../errors.ts'
import type { JsonObject, JsonValue } from './parse.ts'

/** The fields of one object. Every method throws {@link FormatError} with the code that was handed in. */
export class JsonFields {
  readonly #members: JsonObject
  readonly #code: FormatCode
  readonly #place: Place | undefined
  /** Lists of hundreds of small objects are read by this class, so it counts what was taken and keeps no list of it. */
  #taken = 0

  /** @param place  where the object stands, for messages; absent for the whole */
  constructor(value: JsonValue, code: FormatCode, place?: Place) {
    this.#code = code
    this.#place = place
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw new FormatError(code, `${this.#path() || 'the whole'} is no object`)
    }
    this.#members = value as JsonObject
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#members, name)
  }

  /** Whether a field is there and null; does not take it. */
  isNull(name: string): boolean {
    return this.has(name) && this.#members[name] === null
  }

  /** Takes a field, whatever it holds; every field is taken once, by this or another method. */
  value(name: string): JsonValue {
    if (!this.has(name)) throw this.refuse(name, 'is missing')
    this.#taken++
    return this.#members[name] as JsonValue
  }

  string(name: string, pattern: RegExp): string {
    return this.#string(this.value(name), name, pattern)
  }

  nullableString(name: string, pattern: RegExp): string | null {
    const value = this.value(name)
    return value === null ? null : this.#string(value, name, pattern)
  }

  /** A string that must be one particular one. */
  constant<T extends string>(name: string, expected: T): T {
    if (this.value(name) !== expected) throw this.refuse(name, `is not ${expected}`)
    return expected
  }

  boolean(name: string): boolean {
    const value = this.value(name)
    if (typeof value !== 'boolean') throw this.refuse(name, 'is neither true nor false')
    return value
  }

  /** A whole number from `least` to `most`. */
  integer(name: string, least: number, most: number): number {
    const value = this.value(name)
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw this.refuse(name, `is no whole number from ${least} to ${most}`)
    }
    return value
  }

  /** A count or index as a decimal string without leading zeros, at most `most`. */
  bigint(name: string, most: bigint): bigint {
    const value = BigInt(this.string(name, /^(0|[1-9][0-9]{0,18})$/))
    if (value > most) throw this.refuse(name, `is over ${most}`)
    return value
  }

  /** Bytes as lower-case hexadecimal. */
  hex(name: string, lengthBytes: number): Uint8Array {
    return this.#hex(this.value(name), name, lengthBytes)
  }

  nullableHex(name: string, lengthBytes: number): Uint8Array | null {
    const value = this.value(name)
    return value === null ? null : this.#hex(value, name, lengthBytes)
  }

  /** Bytes as canonical base64, 1 to `most` of them. */
  base64(name: string, most: number): Uint8Array {
    return this.#base64(this.value(name), name, most)
  }

  /** A moment in UTC to the millisecond, as in `2026-03-03T10:14:00.123Z`. */
  time(name: string): Date {
    const text = this.string(name, ISO_TIME)
    const time = new Date(text)
    if (Number.isNaN(time.getTime()) || time.toISOString() !== text) throw this.refuse(name, 'is no moment')
    return time
  }

  null(name: string): null {
    if (this.value(name) !== null) throw this.refuse(name, 'is not null')
    return null
  }

  /** An object inside, read by the function and checked for leftovers. */
  object<T>(name: string, read: (fields: JsonFields) => T): T {
    return this.#object(this.value(name), { of: this, name }, read)
  }

  nullable<T>(name: string, read: (fields: JsonFields) => T): T | null {
    const value = this.value(name)
    return value === null ? null : this.#object(value, { of: this, name }, read)
  }

  objects<T>(name: string, most: number, read: (fields: JsonFields) => T): readonly T[] {
    return this.#array(name, most).map((value, i) => this.#object(value, { of: this, name, index: i }, read))
  }

  strings(name: string, most: number, pattern: RegExp): readonly string[] {
    return this.#array(name, most).map((value, i) => this.#string(value, `${name}[${i}]`, pattern))
  }

  hexes(name: string, most: number, lengthBytes: number): readonly Uint8Array[] {
    return this.#array(name, most).map((value, i) => this.#hex(value, `${name}[${i}]`, lengthBytes))
  }

  base64s(name: string, most: number, lengthBytes: number): readonly Uint8Array[] {
    return this.#array(name, most).map((value, i) => this.#base64(value, `${name}[${i}]`, lengthBytes))
  }

  /** Refuses what nobody asked for. */
  finish(): void {
    const left = Object.keys(this.#members).length - this.#taken
    // A name is the sender's text, so it stays out of the message.
    if (left > 0) throw new FormatError(this.#code, `${this.#path() || 'the whole'} has ${left} unknown fields`)
  }

  /** The error for a field, for rules that are not of type alone. */
  refuse(name: string, problem: string): FormatError {
    return new FormatError(this.#code, `${this.#at(name)} ${problem}`)
  }

  #at(name: string): string {
    const path = this.#path()
    return path === '' ? name : `${path}.${name}`
  }

  #path(): string {
    if (this.#place === undefined) return ''
    const { of, name, index } = this.#place
    return of.#at(name) + (index === undefined ? '' : `[${index}]`)
  }

  #array(name: string, most: number): readonly JsonValue[] {
    const value = this.value(name)
    if (!Array.isArray(value)) throw this.refuse(name, 'is no array')
    if (value.length > most) throw this.refuse(name, `has more than ${most} entries`)
    return value
  }

  #string(value: JsonValue, name: string, pattern: RegExp): string {
    if (typeof value !== 'string' || !pattern.test(value)) throw this.refuse(name, 'is not spelled as it must be')
    return value
  }

  #hex(value: JsonValue, name: string, lengthBytes: number): Uint8Array {
    if (typeof value !== 'string' || value.length !== 2 * lengthBytes)
      throw this.refuse(name, `is not ${lengthBytes} bytes`)
    return this.#decoded(name, () => decodeHex(value))
  }

  #base64(value: JsonValue, name: string, most: number): Uint8Array {
    if (typeof value !== 'string' || value === '') throw this.refuse(name, 'is no base64')
    const bytes = this.#decoded(name, () => decodeBase64(value))
    if (bytes.length > most) throw this.refuse(name, `is longer than ${most} bytes`)
    return bytes
  }

  #decoded(name: string, decode: () => Uint8Array): Uint8Array {
    try {
      return decode()
    } catch (cause) {
      throw new FormatError(this.#code, `${this.#at(name)} is not spelled as it must be`, { cause })
    }
  }

  #object<T>(value: JsonValue, place: Place, read: (fields: JsonFields) => T): T {
    const fields = new JsonFields(value, this.#code, place)
    const result = read(fields)
    fields.finish()
    return result
  }
}

const ISO_TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/

/** A field of an object, or an entry of a list in it. */
interface Place {
  readonly of: JsonFields
  readonly name: string
  readonly index?: number
}
