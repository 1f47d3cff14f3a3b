/**
 * Match: whether the attributes of something in an archive are those that a query asks for.
 *
 * Source: PS3.4 section C.2.2.2: single values, lists of UIDs, wildcards, ranges of dates and times, universal matching,
 * attributes in sequences. Names match whatever their case, as that section allows.
 */
import type { Tag } from '../../formats/dicom/element.ts'
import { type DicomJson, type DicomJsonValue, keyOf } from '../../formats/dicom-json/model.ts'
import type { MatchingKey, Query } from './query.ts'

/** Value representations in which `*` and `?` stand for themselves only (PS3.4 section C.2.2.2.4). */
const WITHOUT_WILDCARDS = new Set('DA TM DT UI IS DS SL SS SV UL US UV FL FD AT OB OD OF OL OV OW UN AS SQ'.split(' '))
const RANGES = new Set(['DA', 'TM', 'DT'])

/** Whether a model has all that a query asks for. */
export const matchesQuery = (model: DicomJson, { keys }: Query): boolean => keys.every((key) => matchesKey(model, key))

export function matchesKey(model: DicomJson, { path, vr, value }: MatchingKey): boolean {
  if (value === '' || /^\*+$/.test(value)) return true
  return valuesAt(model, path).some((text) => matchesValue(text, vr, value))
}

/** Every value that a path leads to, whatever the item; each group of a name by itself. */
function valuesAt(model: DicomJson, [tag, ...rest]: readonly Tag[]): readonly string[] {
  const values = tag === undefined ? [] : (model[keyOf(tag)]?.Value ?? [])
  if (rest.length === 0) return values.flatMap(spell)
  return values.flatMap((item) => (typeof item === 'object' && item !== null ? valuesAt(item as DicomJson, rest) : []))
}

function spell(value: DicomJsonValue): readonly string[] {
  if (value === null) return ['']
  if (typeof value !== 'object') return [String(value)]
  return Object.values(value).filter((group): group is string => typeof group === 'string')
}

function matchesValue(text: string, vr: string, wanted: string): boolean {
  if (vr === 'UI') return wanted.split('\\').includes(text)
  if (RANGES.has(vr)) return matchesRange(text, vr, wanted)
  if (vr === 'IS' || vr === 'DS') return text !== '' && Number(text) === Number(wanted)
  const isName = vr === 'PN'
  const [a, b] = isName ? [text.toLowerCase(), wanted.toLowerCase()] : [text, wanted]
  return WITHOUT_WILDCARDS.has(vr) ? a === b : matchesWildcards(a, b)
}

/** Dates, times and both: `a`, `a-`, `-b`, `a-b`; the ends belong to it, as far as they are spelled. */
function matchesRange(text: string, vr: string, wanted: string): boolean {
  const plain = (spelled: string): string => (vr === 'DT' ? spelled : spelled.replace(/[.:](?=\d\d)/g, ''))
  const value = plain(text.trim())
  // The hyphen of an offset from UTC is followed by four digits and stands behind a date.
  const [, from = '', until = ''] = /^(\d[\d.:]*(?:[+-]\d{4}(?=-|$))?)?-?(.*)$/.exec(wanted) ?? []
  if (value === '') return false
  if (!wanted.slice(from.length).startsWith('-'))
    return value.startsWith(plain(wanted)) && (vr !== 'DA' || value === plain(wanted))
  const [first, last] = [plain(from), plain(until)]
  return value >= first && (last === '' || value <= last || value.startsWith(last))
}

/** `*` for any characters, `?` for one; in time by the product of both lengths at most. */
export function matchesWildcards(text: string, pattern: string): boolean {
  let [at, next, star, retry] = [0, 0, -1, 0]
  while (at < text.length) {
    if (next < pattern.length && (pattern[next] === '?' || (pattern[next] === text[at] && pattern[next] !== '*'))) {
      at++
      next++
    } else if (pattern[next] === '*') {
      star = next++
      retry = at
    } else if (star >= 0) {
      next = star + 1
      at = ++retry
    } else return false
  }
  while (pattern[next] === '*') next++
  return next === pattern.length
}
