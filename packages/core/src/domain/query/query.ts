/**
 * Query: what somebody asks of an archive: a level, attributes to match, attributes to be told of.
 *
 * Source: PS3.18 section 8.3.4 (query parameters) and 10.6 (search), PS3.4 section C.2.2.2 (matching) and C.6 (attributes of
 * levels). The same query may be asked by QIDO-RS or C-FIND. Whether an instance matches is decided in match.ts.
 */
import { FormatError } from '../../errors.ts'
import { lookUp, tagOf } from '../../formats/dicom/dictionary.ts'
import type { Tag } from '../../formats/dicom/element.ts'

export const LEVELS = ['study', 'series', 'instance'] as const
export type Level = (typeof LEVELS)[number]

/** An attribute that has to match; one inside of sequences by the tags that lead to it. */
export interface MatchingKey {
  readonly path: readonly Tag[]
  readonly vr: string
  /** As PS3.4 spells it: wildcards, ranges, UIDs separated by backslashes; empty matches everything. */
  readonly value: string
}

export interface Query {
  readonly level: Level
  readonly keys: readonly MatchingKey[]
  /** Attributes to be told of beyond those of the level. */
  readonly include: 'all' | ReadonlySet<Tag>
  readonly limit: number
  readonly offset: number
  /** Asked for, though nobody here does it. */
  readonly isFuzzy: boolean
}

/** UIDs that name a study, series and instance. */
export const UNIQUE_KEYS: Readonly<Record<Level, Tag>> = { study: 0x0020000d, series: 0x0020000e, instance: 0x00080018 }

/** What is told of each (PS3.18 tables 10.6.3-3 to 10.6.3-5). */
export const RETURNED: Readonly<Record<Level, readonly Tag[]>> = {
  study: [
    0x00080020, 0x00080030, 0x00080050, 0x00080056, 0x00080061, 0x00080090, 0x00081030, 0x00081190, 0x00100010,
    0x00100020, 0x00100030, 0x00100040, 0x0020000d, 0x00200010, 0x00201206, 0x00201208,
  ],
  series: [0x00080060, 0x0008103e, 0x00081190, 0x0020000e, 0x00200011, 0x00201209, 0x00400244, 0x00400245, 0x00400275],
  instance: [
    0x00080016, 0x00080018, 0x00080056, 0x00081190, 0x00200013, 0x00280008, 0x00280010, 0x00280011, 0x00280100,
  ],
}

/** Most results of one answer, and how many where nobody says. */
export const RESULTS_LIMIT = 5_000
const KEYS_LIMIT = 64
const VALUE_LIMIT = 1024
/** Parameters that ask for a form of the answer, or are none of ours. */
const OTHERS = new Set(['accept', 'charset', 'access_token'])

/** The tags of `00080060`, `Modality` or `00400275.00400007`. @throws {FormatError} `query_malformed` */
export function parsePath(text: string): readonly Tag[] {
  return text.split('.').map((step) => {
    const tag = /^[0-9A-Fa-f]{8}$/.test(step) ? Number.parseInt(step, 16) : tagOf(step)
    if (tag === undefined) throw malformed('an attribute that is not known')
    return tag
  })
}

/**
 * Reads the parameters of a search.
 * @param above  UIDs of the study and series in which is searched
 * @throws {FormatError} `query_malformed`
 */
export function parseSearch(
  level: Level,
  parameters: Iterable<readonly [string, string]>,
  above: Partial<Record<Level, string>> = {},
): Query {
  const keys = new Map<string, MatchingKey>()
  const include = new Set<Tag>()
  let includesAll = false
  let limit = RESULTS_LIMIT
  let offset = 0
  let isFuzzy = false
  const put = (key: MatchingKey): void => {
    const name = key.path.join()
    if (keys.has(name)) throw malformed('an attribute stands twice')
    if (keys.size >= KEYS_LIMIT) throw malformed('too many attributes')
    keys.set(name, key)
  }
  for (const [name, value] of parameters) {
    if (value.length > VALUE_LIMIT || value.includes('\0')) throw malformed('a value that is too long')
    const word = name.toLowerCase()
    if (OTHERS.has(word)) continue
    if (word === 'limit') limit = Math.min(wholeNumber(value), RESULTS_LIMIT)
    else if (word === 'offset') offset = wholeNumber(value)
    else if (word === 'fuzzymatching') isFuzzy = truth(value)
    else if (word === 'includefield') {
      for (const field of value.split(',')) {
        if (field.toLowerCase() === 'all') includesAll = true
        else include.add(parsePath(field)[0] as Tag)
      }
    } else put(keyOf(parsePath(name), value))
  }
  for (const [at, uid] of Object.entries(above)) put(keyOf([UNIQUE_KEYS[at as Level]], uid))
  return { level, keys: [...keys.values()], include: includesAll ? 'all' : include, limit, offset, isFuzzy }
}

/** A key; its VR is that of the dictionary. */
export function keyOf(path: readonly Tag[], value: string): MatchingKey {
  const vr = lookUp(path.at(-1) as Tag)?.vr ?? 'UN'
  // QIDO-RS separates UIDs by commas, too (PS3.18 section 8.3.4.1).
  return { path, vr, value: vr === 'UI' ? value.replaceAll(',', '\\') : value }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw malformed('a number that is none')
  return Number(text)
}

function truth(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw malformed('neither true nor false')
  return text === 'true'
}

const malformed = (problem: string): FormatError => new FormatError('query_malformed', problem)
