/**
 * Attributes: a data set written by the keywords of the standard.
 *
 * Source: PS3.6 section 6 gives each keyword its tag and value representation; PS3.5 section 6.2 the spelling of values.
 */
import { lookUp, tagOf } from '../../formats/dicom/dictionary.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import { fd, sq, ss, text, ul, us } from '../../formats/dicom/values.ts'

/** Numbers under DS and IS are spelled out; bytes stand for themselves; data sets make a sequence. */
export type AttributeValue = string | number | readonly (string | number)[] | readonly Attributes[] | Uint8Array

/** By keyword, in any order; `undefined` leaves an attribute out, an empty text or list leaves its value empty. */
export interface Attributes {
  readonly [keyword: string]: AttributeValue | undefined
}

/**
 * Elements in ascending order of their tags.
 * @throws {RangeError} for a keyword that the standard does not know, or a value that its representation cannot spell
 */
export function elementsOf(attributes: Attributes): NewElement[] {
  const isSigned = attributes.PixelRepresentation === 1
  return Object.entries(attributes)
    .flatMap(([keyword, value]) => (value === undefined ? [] : [elementOf(keyword, value, isSigned)]))
    .sort((a, b) => a.tag - b.tag)
}

function elementOf(keyword: string, value: AttributeValue, isSigned: boolean): NewElement {
  const tag = tagOf(keyword)
  const entry = tag === undefined ? undefined : lookUp(tag)
  if (tag === undefined || entry === undefined) throw new RangeError(`no attribute ${keyword}`)
  const vr = entry.vr === 'xs' ? (isSigned ? 'SS' : 'US') : entry.vr
  if (value instanceof Uint8Array) return { tag, vr: vr.slice(0, 2), value }
  const values = Array.isArray(value)
    ? (value as readonly (string | number | Attributes)[])
    : [value as string | number]
  if (vr === 'SQ') return sq(tag, ...values.map((item) => elementsOf(item as Attributes)))
  const numbers = values.map(Number)
  if (vr === 'US') return us(tag, ...numbers)
  if (vr === 'SS') return ss(tag, ...numbers)
  if (vr === 'UL') return ul(tag, ...numbers)
  if (vr === 'FD') return fd(tag, ...numbers)
  const spelled = values.map((one) => (typeof one === 'number' ? spellNumber(vr, one) : (one as string)))
  return text(tag, vr, ...spelled)
}

function spellNumber(vr: string, value: number): string {
  if (vr === 'IS') return String(Math.round(value))
  if (vr !== 'DS') throw new RangeError(`a number under ${vr}`)
  return spellDecimal(value)
}

/** At most 16 characters, without an exponent where six digits say it. */
export function spellDecimal(value: number): string {
  const short = String(Number(value.toPrecision(9)))
  return short.length <= 16 ? short : value.toExponential(6)
}
