/**
 * Dictionary: the value representation and name of a tag.
 *
 * Source: PS3.6 section 6 for public elements; private ones by their creator (PS3.5 section 7.8).
 * The tables are generated (tools/generate-dictionary.ts) and unfolded on first use.
 */

import { PRIVATE_ELEMENTS, PUBLIC_ELEMENTS, REPEATING_ELEMENTS } from './dictionary-data.ts'
import { isPrivateTag, type Tag, type Vr } from './element.ts'

export interface DictionaryEntry {
  /** `xs` where Pixel Representation decides between US and SS. */
  readonly vr: Vr
  /** PS3.6 keyword, `-` where the standard gives none. */
  readonly keyword: string
  readonly name: string
}

interface RepeatingEntry extends DictionaryEntry {
  readonly mask: number
  readonly value: number
}

interface PrivateEntry {
  readonly firstGroup: number
  readonly lastGroup: number
  readonly vr: Vr
}

let publicElements: Map<Tag, DictionaryEntry> | undefined
let keywords: Map<string, Tag> | undefined
let repeatingElements: readonly RepeatingEntry[] | undefined
/** By creator, then by the low byte of the tag: a key made of both would cost more than all the rest of an index. */
let privateElements: Map<string, Map<number, PrivateEntry[]>> | undefined

/** The standard's entry for a public tag, repeating groups included. */
export function lookUp(tag: Tag): DictionaryEntry | undefined {
  publicElements ??= readPublic()
  const exact = publicElements.get(tag)
  if (exact !== undefined || isPrivateTag(tag)) return exact
  repeatingElements ??= readRepeating()
  return repeatingElements.find(({ mask, value }) => (tag & mask) >>> 0 === value)
}

/** The tag of a PS3.6 keyword such as `PatientID`. */
export function tagOf(keyword: string): Tag | undefined {
  publicElements ??= readPublic()
  keywords ??= new Map([...publicElements].map(([tag, entry]) => [entry.keyword, tag]))
  return keyword === '-' ? undefined : keywords.get(keyword)
}

/** Name for reports: `Patient ID`, `Private`, or `Unknown`. */
export function nameOf(tag: Tag): string {
  const entry = lookUp(tag)
  if (entry !== undefined) return entry.name
  if ((tag & 0xffff) === 0) return 'Group Length'
  return isPrivateTag(tag) ? 'Private' : 'Unknown'
}

/**
 * The VR that an implicit data set leaves to the reader.
 *
 * @param creatorOf  the private creator reserved for a block, by (group << 16 | block)
 * @returns `xs` where Pixel Representation decides; `UN` for everything that no table knows
 */
export function implicitVr(tag: Tag, creatorOf: (block: number) => string | undefined): Vr {
  const element = tag & 0xffff
  if (element === 0) return 'UL'
  if (!isPrivateTag(tag)) return lookUp(tag)?.vr ?? 'UN'
  if (element >= 0x10 && element <= 0xff) return 'LO'
  const creator = creatorOf(((tag & 0xffff0000) | (element >>> 8)) >>> 0)
  return creator === undefined ? 'UN' : privateVr(tag, creator)
}

function privateVr(tag: Tag, creator: string): Vr {
  privateElements ??= readPrivate()
  const group = tag >>> 16
  const candidates = privateElements.get(creator)?.get(tag & 0xff)
  return candidates?.find(({ firstGroup, lastGroup }) => group >= firstGroup && group <= lastGroup)?.vr ?? 'UN'
}

function splitEntry(line: string): { digits: string; entry: DictionaryEntry } {
  const [digits = '', vr = 'UN', keyword = '-'] = line.split(' ', 3)
  return { digits, entry: { vr, keyword, name: line.slice(digits.length + vr.length + keyword.length + 3) } }
}

const linesOf = (table: string): readonly string[] => table.trim().split('\n')

function readPublic(): Map<Tag, DictionaryEntry> {
  return new Map(
    linesOf(PUBLIC_ELEMENTS).map((line) => {
      const { digits, entry } = splitEntry(line)
      return [Number.parseInt(digits, 16), entry]
    }),
  )
}

function readRepeating(): readonly RepeatingEntry[] {
  return linesOf(REPEATING_ELEMENTS).map((line) => {
    const { digits, entry } = splitEntry(line)
    const mask = Number.parseInt(digits.replace(/[^x]/g, 'f').replaceAll('x', '0'), 16)
    return { ...entry, mask, value: Number.parseInt(digits.replaceAll('x', '0'), 16) }
  })
}

function readPrivate(): Map<string, Map<number, PrivateEntry[]>> {
  const table = new Map<string, Map<number, PrivateEntry[]>>()
  for (const line of PRIVATE_ELEMENTS.split('\n')) {
    const [creator = '', entries = ''] = line.split('\t')
    const ofCreator = table.get(creator) ?? new Map<number, PrivateEntry[]>()
    table.set(creator, ofCreator)
    for (const spelled of entries.split(';')) {
      const [tag = '', vr = 'UN'] = spelled.split(' ')
      const [groups = '', element = ''] = tag.split(',')
      const [first = '', last = first] = groups.split('-')
      const key = Number.parseInt(element, 16)
      const known = ofCreator.get(key) ?? []
      known.push({ firstGroup: Number.parseInt(first, 16), lastGroup: Number.parseInt(last, 16), vr })
      ofCreator.set(key, known)
    }
  }
  return table
}
