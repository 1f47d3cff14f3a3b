/**
 * Canonical JSON: the one spelling of a value, for digests and signatures.
 *
 * Source: RFC 8785 (JCS): names sorted by UTF-16 code units, no white space, strings and numbers as ECMAScript
 * writes them.
 */
import { encodeUtf8, equalBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { type JsonLimits, type JsonValue, parseJson } from './parse.ts'

/**
 * Writes a value in its canonical spelling.
 * @throws {RangeError} for a number that is not finite, or a string with a lone surrogate: neither is JSON
 */
export function formatCanonicalJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'string') return formatString(value)
  if (isArray(value)) return `[${value.map(formatCanonicalJson).join(',')}]`
  const members = Object.keys(value)
    // The default order of `sort` is that of UTF-16 code units, which is what the standard asks for.
    .sort()
    .map((name) => `${formatString(name)}:${formatCanonicalJson(value[name] as JsonValue)}`)
  return `{${members.join(',')}}`
}

/** The canonical spelling in UTF-8. @throws {RangeError} as {@link formatCanonicalJson} */
export const encodeCanonicalJson = (value: JsonValue): Uint8Array => encodeUtf8(formatCanonicalJson(value))

/**
 * Reads exactly what {@link encodeCanonicalJson} writes.
 * @throws {FormatError} `json_malformed`, also for any other spelling of the same value
 */
export function parseCanonicalJson(bytes: Uint8Array, limits?: JsonLimits): JsonValue {
  const value = parseJson(bytes, limits)
  if (!equalBytes(encodeCanonicalJson(value), bytes))
    throw new FormatError('json_malformed', 'not the canonical spelling')
  return value
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
