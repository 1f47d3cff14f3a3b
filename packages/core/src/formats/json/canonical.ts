/**
 * Canonical JSON: the one spelling of a value, for digests and signatures.
 *
 * Source: RFC 8785 (JCS): names sorted by UTF-16 code units, no white space, strings and numbers as ECMAScript
 * writes them.
 */
import { decodeUtf8, encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { JSON_LIMITS, type JsonLimits, type JsonValue, parseJson } from './parse.ts'

/**
 * Writes a value in its canonical spelling.
 * @throws {RangeError} for a number that is not finite, or a string with a lone surrogate: neither is JSON
 */
export function formatCanonicalJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'string') return formatString(value)
  if (isArray(value)) return formatNatively(value) ?? `[${value.map(formatCanonicalJson).join(',')}]`
  const members = Object.keys(value)
    // The default order of `sort` is that of UTF-16 code units, which is what the standard asks for.
    .sort()
    .map((name) => `${formatString(name)}:${formatCanonicalJson(value[name] as JsonValue)}`)
  return `{${members.join(',')}}`
}

/**
 * A list as the runtime writes it, many times faster, where that is the canonical spelling; undefined for any other. Long
 * ones are lists of one kind of thing, whose writer names its members in order.
 */
function formatNatively(value: readonly JsonValue[]): string | undefined {
  if (!isReady(value)) return undefined
  const text = JSON.stringify(value)
  // The runtime spells a lone surrogate as an escape; what merely looks like one goes the other way.
  return text.includes('\\ud') ? undefined : text
}

/** Whether all names below stand in order, and all numbers have a spelling. */
function isReady(value: JsonValue): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (value === null || typeof value !== 'object') return value !== undefined
  if (isArray(value)) return value.every(isReady)
  let last = ''
  for (const name of Object.keys(value)) {
    if (name < last || !isReady(value[name] as JsonValue)) return false
    last = name
  }
  return true
}

/** The canonical spelling in UTF-8. @throws {RangeError} as {@link formatCanonicalJson} */
export const encodeCanonicalJson = (value: JsonValue): Uint8Array => encodeUtf8(formatCanonicalJson(value))

/**
 * Reads exactly what {@link encodeCanonicalJson} writes.
 *
 * The runtime's own parser and writer do the work, many times faster than ours: where writing what was read gives the
 * same text, there was no white space, no second member of one name and no other spelling of a string or number.
 * What is left to check is depth, the order of names, and lone surrogates. A text that is refused is read again by
 * the strict parser, which knows what is wrong and where.
 * @throws {FormatError} `json_malformed`, also for any other spelling of the same value
 */
export function parseCanonicalJson(bytes: Uint8Array, limits: JsonLimits = JSON_LIMITS): JsonValue {
  const value = bytes.length <= limits.length && isShallow(bytes, limits.depth) ? readNatively(bytes) : undefined
  if (value !== undefined && isOrdered(value)) return value
  const reread = parseJson(bytes, limits)
  if (equalBytes(encodeCanonicalJson(reread), bytes)) return reread
  throw new FormatError('json_malformed', 'not the canonical spelling')
}

/** The value of a text that the runtime writes as it stands; undefined for any other. */
function readNatively(bytes: Uint8Array): JsonValue | undefined {
  try {
    const text = decodeUtf8(bytes)
    const value: unknown = JSON.parse(text)
    // The runtime spells a lone surrogate as an escape; what merely looks like one is left to the strict parser.
    return JSON.stringify(value) === text && !text.includes('\\ud') ? (value as JsonValue) : undefined
  } catch {
    return undefined
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** Brackets and braces differ from each other in one bit. */
const BRACE_BIT = 0x20
const OPENING = 0x5b
const CLOSING = 0x5d

/** Whether brackets outside strings nest within a limit: looked at before anything is allocated for them. */
function isShallow(bytes: Uint8Array, limit: number): boolean {
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    const bracket = byte & ~BRACE_BIT
    if (byte === QUOTE) {
      i = endOfString(bytes, i)
      if (i < 0) return true
    } else if (bracket === OPENING && ++depth > limit) return false
    else if (bracket === CLOSING) depth--
  }
  return true
}

/** Offset of the quote that ends a string; -1 if none does. Strings are long here, and the runtime searches fast. */
function endOfString(bytes: Uint8Array, start: number): number {
  let end = bytes.indexOf(QUOTE, start + 1)
  while (end >= 0 && isEscaped(bytes, end)) end = bytes.indexOf(QUOTE, end + 1)
  return end
}

function isEscaped(bytes: Uint8Array, at: number): boolean {
  let first = at
  while (bytes[first - 1] === BACKSLASH) first--
  return (at - first) % 2 === 1
}

/** Whether the names of every object stand in the order of their UTF-16 code units. */
function isOrdered(value: JsonValue): boolean {
  if (value === null || typeof value !== 'object') return true
  if (isArray(value)) return value.every(isOrdered)
  const names = Object.keys(value)
  return names.every((name, i) => (i === 0 || (names[i - 1] as string) < name) && isOrdered(value[name] as JsonValue))
}

function formatNumber(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('a number that JSON has no spelling for')
  return String(value)
}

function formatString(value: string): string {
  if (!value.isWellFormed()) throw new RangeError('a lone surrogate')
  return JSON.stringify(value)
}

const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value)
