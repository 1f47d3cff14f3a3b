/**
 * Native DICOM Model: the same model as XML, for clients that read no JSON.
 *
 * Source: PS3.19 annex A. Written from the DICOM JSON model, so what holds for that holds here. Private elements are named by
 * their creator, and their block is left out of the tag. Characters that XML 1.0 cannot hold become U+FFFD. It is only
 * written, never read.
 */
import { lookUp } from '../dicom/dictionary.ts'
import { isPrivateTag } from '../dicom/element.ts'
import {
  type DicomJson,
  type DicomJsonElement,
  type DicomJsonValue,
  type JsonPersonName,
  keyOf,
  sortedEntries,
} from './model.ts'

const NAMESPACE = 'http://dicom.nema.org/PS3.19/models/NativeDICOM'
const GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const
const COMPONENTS = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'] as const
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A reader would take them for a line feed or a space.
  '\r': '&#13;',
}

/** An XML document of one model. */
export function formatNativeXml(model: DicomJson): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="${NAMESPACE}" xml:space="preserve">${attributes(model)}</NativeDicomModel>\n`
}

function attributes(model: DicomJson): string {
  return sortedEntries(model)
    .map(([key, element]) => attribute(Number.parseInt(key, 16), element, model))
    .join('')
}

function attribute(tag: number, element: DicomJsonElement, beside: DicomJson): string {
  const name = isPrivateTag(tag) ? privateName(tag, beside) : publicName(tag)
  return name === undefined
    ? ''
    : `<DicomAttribute ${name} vr="${escapeXml(element.vr)}">${content(element)}</DicomAttribute>`
}

function publicName(tag: number): string {
  const keyword = lookUp(tag)?.keyword ?? '-'
  return `tag="${keyOf(tag)}"${keyword === '-' ? '' : ` keyword="${keyword}"`}`
}

function privateName(tag: number, beside: DicomJson): string {
  const element = tag & 0xffff
  const creator = beside[keyOf(((tag & 0xffff0000) | (element >>> 8)) >>> 0)]?.Value?.[0]
  // Without a creator, or for the element that names one, the tag is all there is.
  if (typeof creator !== 'string' || element <= 0xff) return `tag="${keyOf(tag)}"`
  return `tag="${keyOf((tag & 0xffff00ff) >>> 0)}" privateCreator="${escapeXml(creator)}"`
}

function content({ vr, Value = [], InlineBinary, BulkDataURI }: DicomJsonElement): string {
  if (InlineBinary !== undefined) return `<InlineBinary>${InlineBinary}</InlineBinary>`
  if (BulkDataURI !== undefined) return `<BulkData uri="${escapeXml(BulkDataURI)}"/>`
  return Value.map((value, i) => valueElement(value, vr, i + 1)).join('')
}

/** An empty one among several keeps its number by not being there. */
function valueElement(value: DicomJsonValue, vr: string, number: number): string {
  if (vr === 'SQ') return `<Item number="${number}">${attributes((value ?? {}) as DicomJson)}</Item>`
  if (value === null) return ''
  if (typeof value === 'object')
    return `<PersonName number="${number}">${personName(value as JsonPersonName)}</PersonName>`
  return `<Value number="${number}">${escapeXml(String(value))}</Value>`
}

function personName(name: JsonPersonName): string {
  return GROUPS.map((group) => {
    const text = name[group]
    if (text === undefined) return ''
    const parts = text.split('^')
    const components = COMPONENTS.map((component, i) => {
      // What stands behind the last component that there is a name for, stays with it.
      const part = (i === COMPONENTS.length - 1 ? parts.slice(i).join('^') : parts[i]) ?? ''
      return part === '' ? '' : `<${component}>${escapeXml(part)}</${component}>`
    })
    return `<${group}>${components.join('')}</${group}>`
  }).join('')
}

function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? '')
}
