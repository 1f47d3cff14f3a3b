/** Model values: spellings and limits that all parts of a model file share; docs/reference/watch-model.md. */
import type { JsonFields } from '../../../formats/json/fields.ts'
import { rounded } from './rounding.ts'

export const MALFORMED = 'watch_model_malformed'

/** What a file may ask for at most. */
export const LIMITS = {
  bytes: 16 * 1024 * 1024,
  features: 1024,
  cues: 64,
  blocks: 256,
  trees: 2000,
  strata: 256,
  patients: 2000,
  techniques: 256,
  metrics: 1024,
  count: 1_000_000_000,
} as const

export const NAME = /^[a-z0-9][a-z0-9._-]{0,79}$/
export const IDENTIFIER = /^[a-z0-9][a-z0-9-]{0,63}$/
export const HASH = /^[0-9a-f]{64}$/
export const TEXT = /^[^\p{Cc}]{1,400}$/u
/** A value of a header field, trimmed. */
export const FACT = /^[^\p{Cc}\s](?:[^\p{Cc}]{0,62}[^\p{Cc}\s])?$/u

/** A number in six significant digits, the only spelling that models have. */
export function readNumber(fields: JsonFields, name: string): number {
  const value = fields.value(name)
  if (!isModelNumber(value)) throw fields.refuse(name, 'is no number of six digits')
  return value
}

/** A list of numbers. @param count  how many, or undefined for as many as there are, up to the limit of patients */
export function readNumbers(fields: JsonFields, name: string, count?: number): readonly number[] {
  const value = fields.value(name)
  if (!Array.isArray(value)) throw fields.refuse(name, 'is no array')
  if (count === undefined ? value.length > LIMITS.patients : value.length !== count) {
    throw fields.refuse(name, count === undefined ? 'is too long' : `has not ${count} entries`)
  }
  if (!value.every(isModelNumber)) throw fields.refuse(name, 'has an entry that is no number of six digits')
  return value
}

/** As {@link readNumbers}, each at least as large as the one before. */
export function readRising(fields: JsonFields, name: string, count?: number): readonly number[] {
  const values = readNumbers(fields, name, count)
  if (!isRising(values)) throw fields.refuse(name, 'does not rise')
  return values
}

export const isRising = (values: readonly number[]): boolean =>
  values.every((value, i) => i === 0 || (values[i - 1] as number) <= value)

/** Indexes from `least` up to, not including, `end`. */
export function readIndexes(
  fields: JsonFields,
  name: string,
  { count, least, end }: { readonly count?: number; readonly least: number; readonly end: number },
): readonly number[] {
  const values = readNumbers(fields, name, count)
  if (!values.every((value) => Number.isInteger(value) && value >= least && value < end)) {
    throw fields.refuse(name, 'points at nothing')
  }
  return values
}

export const isModelNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && rounded(value) === value
