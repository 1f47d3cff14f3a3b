/**
 * Config value: a value of a settings file, with the place where it stands.
 *
 * Settings are written by people, so a refusal names the path, the line where that is known, and what may have been meant.
 * What text a value came from (YAML, JSON) is left to whoever read it.
 */
import { type FormatCode, FormatError } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../json/parse.ts'

/** Names and indexes that lead to a value. */
export type ConfigPath = readonly (string | number)[]

/** Counted from 1. */
export interface TextPlace {
  readonly line: number
  readonly column: number
}

export interface ConfigContext {
  /** Code of every refusal. */
  readonly code: FormatCode
  /** Where a value stands in its text; undefined where nobody knows. */
  readonly locate?: (path: ConfigPath) => TextPlace | undefined
}

export class ConfigValue {
  readonly json: JsonValue
  readonly path: ConfigPath
  readonly #context: ConfigContext

  constructor(json: JsonValue, context: ConfigContext, path: ConfigPath = []) {
    this.json = json
    this.path = path
    this.#context = context
  }

  /** A member of this object, or an entry of this list. */
  at(name: string | number, json: JsonValue): ConfigValue {
    return new ConfigValue(json, this.#context, [...this.path, name])
  }

  /** The members of an object. @throws {FormatError} */
  members(): JsonObject {
    if (!isObject(this.json)) throw this.refuse('is no object')
    return this.json
  }

  /** The error for this value. @param problem  what is wrong, behind the path */
  refuse(problem: string): FormatError {
    const path = formatConfigPath(this.path)
    const place = this.#context.locate?.(this.path)
    const where = place === undefined ? '' : ` (line ${place.line}, column ${place.column})`
    return new FormatError(this.#context.code, `${path === '' ? 'the whole' : path}${where} ${problem}`)
  }
}

export const isObject = (json: JsonValue): json is JsonObject =>
  json !== null && typeof json === 'object' && !Array.isArray(json)

/** `routes[0].from.calling` */
export const formatConfigPath = (path: ConfigPath): string =>
  path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('')

/** What a word may have been meant to be: the nearest of the known ones, at most two edits away. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, edits: editsBetween(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.min(2, Math.ceil(candidate.length / 3)))
  return near.toSorted((a, b) => a.edits - b.edits)[0]?.candidate
}

/** `; did you mean x?`, or nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const meant = suggest(word, known)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/** Words longer than this are no misspellings of ours. */
const WORD_LIMIT = 64

/** Insertions, removals, replacements and swaps of neighbours that make one word of the other. */
function editsBetween(a: string, b: string): number {
  if (a.length > WORD_LIMIT) return WORD_LIMIT
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const cost = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    rows.push([i])
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const edits = Math.min(cost(i - 1, j) + 1, cost(i, j - 1) + 1, cost(i - 1, j - 1) + (isSame ? 0 : 1))
      rows[i]?.push(isSwapped ? Math.min(edits, cost(i - 2, j - 2) + 1) : edits)
    }
  }
  return cost(a.length, b.length)
}
