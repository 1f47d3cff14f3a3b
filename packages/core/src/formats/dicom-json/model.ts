/**
 * DICOM JSON model: its shapes, and readers for the few values that a program asks of it.
 *
 * Source: PS3.18 annex F. Keys are tags, `GGGGEEEE` in upper-case hexadecimal.
 */

import type { Tag } from '../dicom/element.ts'
import type { JsonValue } from '../json/parse.ts'

export interface JsonPersonName {
  readonly Alphabetic?: string
  readonly Ideographic?: string
  readonly Phonetic?: string
}

/** Null stands for an empty one among several. */
export type DicomJsonValue = string | number | null | JsonPersonName | DicomJson

/** At most one of the last three. */
export interface DicomJsonElement {
  readonly vr: string
  readonly Value?: readonly DicomJsonValue[]
  /** Base64, in little-endian order. */
  readonly InlineBinary?: string
  readonly BulkDataURI?: string
}

export interface DicomJson {
  readonly [tag: string]: DicomJsonElement
}

/** `GGGGEEEE` */
export const keyOf = (tag: Tag): string => tag.toString(16).toUpperCase().padStart(8, '0')

/** Attributes in ascending order. An object has keys that look like numbers, such as `20500020`, before all others. */
export const sortedEntries = (model: DicomJson): (readonly [key: string, element: DicomJsonElement])[] =>
  Object.entries(model).sort(([a], [b]) => (a < b ? -1 : 1))

/**
 * The values of an attribute in a model that somebody else may have written: text as it stands, numbers spelled, the
 * alphabetic group of names, and an empty text for what is empty or of another kind. Empty without the attribute.
 */
export function textsAt(model: JsonValue | DicomJson | undefined, tag: Tag): readonly string[] {
  const value = member(member(model, keyOf(tag)), 'Value')
  return Array.isArray(value) ? value.map(spell) : []
}

/** The first of {@link textsAt}; undefined where it is missing or empty. */
export function textAt(model: JsonValue | DicomJson | undefined, tag: Tag): string | undefined {
  const [first = ''] = textsAt(model, tag)
  return first === '' ? undefined : first
}

/** The items of a sequence; empty without it. */
export function itemsAt(model: JsonValue | DicomJson | undefined, tag: Tag): readonly JsonValue[] {
  const value = member(member(model, keyOf(tag)), 'Value')
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : []
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}

function spell(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  const alphabetic = member(value, 'Alphabetic')
  return typeof alphabetic === 'string' ? alphabetic : ''
}
