/**
 * Media type: a type with its parameters, as Content-Type and Accept spell it.
 *
 * Source: RFC 9110 section 8.3.1 (syntax), RFC 2045 section 5.1; quoted strings with backslashes. What a parameter means is
 * left to others.
 */
import { FormatError } from '../../errors.ts'

export interface MediaType {
  /** `type/subtype` in lower case; in an Accept header also with `*`. */
  readonly type: string
  /** By names in lower case, values as they stand, without quotes. */
  readonly parameters: ReadonlyMap<string, string>
}

const TEXT_LIMIT = 2048
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const QUOTED = /"(?:[^"\\\r\n]|\\[^\r\n])*"/y
const SPACE = /[ \t]*/y

/**
 * Reads one media type.
 * @throws {FormatError} `multipart_malformed`, also for a parameter that stands twice
 */
export function parseMediaType(text: string): MediaType {
  const [first, ...others] = parseMediaTypes(text)
  if (first === undefined || others.length > 0) throw malformed('not one media type')
  return first
}

/**
 * Reads a list of media types, as an Accept header holds.
 * @throws {FormatError} `multipart_malformed`
 */
export function parseMediaTypes(text: string): readonly MediaType[] {
  if (text.length > TEXT_LIMIT) throw malformed('a media type that is too long')
  return new Reader(text).list()
}

/** Writes a media type; values that are no tokens are quoted. */
export function formatMediaType({ type, parameters }: MediaType): string {
  const spelled = [...parameters].map(([name, value]) => `; ${name}=${formatValue(value)}`)
  return `${type}${spelled.join('')}`
}

function formatValue(value: string): string {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  list(): readonly MediaType[] {
    const types: MediaType[] = []
    for (;;) {
      this.#match(SPACE)
      if (this.#at < this.#text.length && this.#text[this.#at] !== ',') types.push(this.#mediaType())
      this.#match(SPACE)
      if (this.#at === this.#text.length) return types
      if (!this.#take(',')) throw malformed('text behind a media type')
    }
  }

  #mediaType(): MediaType {
    const main = this.#token()
    if (!this.#take('/')) throw malformed('a media type without a slash')
    const type = `${main}/${this.#token()}`.toLowerCase()
    const parameters = new Map<string, string>()
    for (;;) {
      this.#match(SPACE)
      if (!this.#take(';')) return { type, parameters }
      this.#match(SPACE)
      if (this.#at === this.#text.length || this.#text[this.#at] === ';' || this.#text[this.#at] === ',') continue
      const name = this.#token().toLowerCase()
      if (!this.#take('=')) throw malformed('a parameter without a value')
      if (parameters.has(name)) throw malformed('a parameter stands twice')
      parameters.set(name, this.#value())
    }
  }

  #value(): string {
    if (this.#text[this.#at] !== '"') return this.#parameterToken()
    const quoted = this.#match(QUOTED)
    if (quoted === '') throw malformed('a quoted string that does not end')
    return quoted.slice(1, -1).replace(/\\(.)/g, '$1')
  }

  /** Many senders leave out the quotes around a media type as a value: `type=application/dicom`. */
  #parameterToken(): string {
    const token = this.#token()
    return this.#take('/') ? `${token}/${this.#token()}` : token
  }

  #token(): string {
    const token = this.#match(TOKEN)
    if (token === '') throw malformed('a token is missing')
    return token
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
}

const malformed = (problem: string): FormatError => new FormatError('multipart_malformed', problem)
