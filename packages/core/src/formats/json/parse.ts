/**
 * JSON, read strictly: one text, one value, whoever reads it.
 *
 * Source: RFC 8259, narrowed to I-JSON (RFC 7493): UTF-8 without a byte order mark, no name twice in an object, no
 * lone surrogates, numbers that a double holds. `JSON.parse` keeps the last of two equal names, so a signed text
 * could show two readers two values; hence a reader of our own. What a value means is left to the caller.
 */
import { decodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** Has no prototype, so that a name such as `__proto__` is a name like any other. */
export interface JsonObject {
  readonly [name: string]: JsonValue
}

/** What a hostile text may cost. */
export interface JsonLimits {
  /** Arrays and objects inside each other. */
  readonly depth: number
  /** Bytes of UTF-8; of a text that is handed in as a string, UTF-16 code units. */
  readonly length: number
}

export const JSON_LIMITS: JsonLimits = { depth: 32, length: 64 * 1024 * 1024 }

/**
 * Reads a JSON text.
 *
 * @param text  UTF-8, or characters
 * @throws {FormatError} `json_malformed`, with the offset in UTF-16 code units where there is one
 */
export function parseJson(text: Uint8Array | string, limits: JsonLimits = JSON_LIMITS): JsonValue {
  if (text.length > limits.length) throw malformed(`longer than ${limits.length}`, 0)
  const characters = typeof text === 'string' ? text : decode(text)
  return new Reader(characters, limits.depth).whole()
}

const LITERALS: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
/** Characters that stand for themselves in a string: everything but quote, backslash and controls. */
const PLAIN = /[^"\\\u0000-\u001f]*/y

class Reader {
  readonly #text: string
  readonly #depthLimit: number
  #at = 0
  #depth = 0

  constructor(text: string, depthLimit: number) {
    this.#text = text
    this.#depthLimit = depthLimit
  }

  whole(): JsonValue {
    this.#space()
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#malformed('text behind the value')
    return value
  }

  #value(): JsonValue {
    const first = this.#text[this.#at]
    if (first === '{') return this.#nested(() => this.#object())
    if (first === '[') return this.#nested(() => this.#array())
    if (first === '"') return this.#string()
    for (const [word, value] of LITERALS) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#number()
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > this.#depthLimit) throw this.#malformed(`nested deeper than ${this.#depthLimit}`)
    const value = read()
    this.#depth--
    return value
  }

  #object(): JsonObject {
    const members: Record<string, JsonValue> = Object.create(null)
    this.#at++
    this.#space()
    if (this.#take('}')) return members
    for (;;) {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#malformed('a name is missing')
      const start = this.#at
      const name = this.#string()
      if (name in members) throw malformed('a name stands twice in an object', start)
      this.#space()
      if (!this.#take(':')) throw this.#malformed('a colon is missing')
      this.#space()
      members[name] = this.#value()
      this.#space()
      if (this.#take('}')) return members
      if (!this.#take(',')) throw this.#malformed('a comma or the end of an object is missing')
    }
  }

  #array(): readonly JsonValue[] {
    const values: JsonValue[] = []
    this.#at++
    this.#space()
    if (this.#take(']')) return values
    for (;;) {
      this.#space()
      values.push(this.#value())
      this.#space()
      if (this.#take(']')) return values
      if (!this.#take(',')) throw this.#malformed('a comma or the end of an array is missing')
    }
  }

  #string(): string {
    const start = this.#at++
    let value = ''
    for (;;) {
      value += this.#match(PLAIN)
      if (this.#take('"')) break
      if (!this.#take('\\')) throw this.#malformed('a string does not end, or holds a control character')
      value += this.#escape()
    }
    if (!value.isWellFormed()) throw malformed('a lone surrogate', start)
    return value
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? ''
    const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined
    if (plain !== undefined) {
      this.#at++
      return plain
    }
    const digits = this.#text.slice(this.#at + 1, this.#at + 5)
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#malformed('an unknown escape')
    this.#at += 5
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  #number(): number {
    const start = this.#at
    const spelled = this.#match(NUMBER)
    if (spelled === '') throw this.#malformed('not a value')
    const value = Number(spelled)
    if (!Number.isFinite(value)) throw malformed('a number that no double holds', start)
    return value
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found = ''] = pattern.exec(this.#text) ?? []
    this.#at += found.length
    return found
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #space(): void {
    while (this.#at < this.#text.length && ' \t\n\r'.includes(this.#text[this.#at] as string)) this.#at++
  }

  #malformed(problem: string): FormatError {
    return malformed(problem, this.#at)
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch (cause) {
    throw new FormatError('json_malformed', 'not UTF-8', { cause })
  }
}

function malformed(problem: string, offset: number): FormatError {
  return new FormatError('json_malformed', problem, { offset })
}
