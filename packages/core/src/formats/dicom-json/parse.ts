/**
 * DICOM JSON model, read: elements to be written in any native syntax.
 *
 * Source: PS3.18 annex F. The inverse of format.ts: text becomes UTF-8, and Specific Character Set says so wherever text
 * needs it. What a value means is left to others.
 */
import { decodeBase64 } from '../../bytes/base64.ts'
import { encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import type { Tag } from '../dicom/element.ts'
import type { NewElement } from '../dicom/encode.ts'
import { isKnownVr } from '../dicom/vr.ts'
import { type JsonLimits, type JsonObject, type JsonValue, parseJson } from '../json/parse.ts'

/** A level of sequences is three of JSON's; see formats/dicom/limits.ts. */
export const DICOM_JSON_LIMITS: JsonLimits = { depth: 3 * 64 + 4, length: 64 * 1024 * 1024 }

export interface ReadOptions {
  /** Gives the bytes behind an address, in little-endian order. Without it, or where it gives none, the model is refused. */
  readonly bulkData?: (uri: string) => Uint8Array | undefined
}

const SPECIFIC_CHARACTER_SET: Tag = 0x00080005
const UTF_8 = 'ISO_IR 192'
const DEPTH_LIMIT = 64

const TEXT = new Set('AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT'.split(' '))
const NUMBERS: Readonly<Record<string, readonly [bytes: number, write: (view: DataView, value: JsonValue) => void]>> = {
  US: [2, (view, value) => view.setUint16(0, whole(value, 0, 0xffff), true)],
  SS: [2, (view, value) => view.setInt16(0, whole(value, -0x8000, 0x7fff), true)],
  UL: [4, (view, value) => view.setUint32(0, whole(value, 0, 0xffffffff), true)],
  SL: [4, (view, value) => view.setInt32(0, whole(value, -0x80000000, 0x7fffffff), true)],
  FL: [4, (view, value) => view.setFloat32(0, real(value), true)],
  FD: [8, (view, value) => view.setFloat64(0, real(value), true)],
  UV: [8, (view, value) => view.setBigUint64(0, big(value, 0n, 2n ** 64n - 1n), true)],
  SV: [8, (view, value) => view.setBigInt64(0, big(value, -(2n ** 63n), 2n ** 63n - 1n), true)],
  AT: [4, writeTag],
}

/**
 * Reads the text of a model, or of a list of them.
 * @throws {FormatError} `dicom_json_malformed`
 */
export function decodeDicomJson(text: Uint8Array | string): readonly JsonObject[] {
  let value: JsonValue
  try {
    value = parseJson(text, DICOM_JSON_LIMITS)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new FormatError('dicom_json_malformed', 'not JSON', { cause })
  }
  const models = Array.isArray(value) ? (value as readonly JsonValue[]) : [value]
  return models.map(objectOf)
}

/**
 * Reads a model: its elements in ascending order.
 * @throws {FormatError} `dicom_json_malformed`
 */
export function parseDicomJson(model: JsonObject, options: ReadOptions = {}): NewElement[] {
  return readDataSet(model, options, 0)
}

function readDataSet(model: JsonObject, options: ReadOptions, depth: number): NewElement[] {
  if (depth > DEPTH_LIMIT) throw malformed(`sequences nested deeper than ${DEPTH_LIMIT}`)
  const elements = new Map<Tag, NewElement>()
  for (const [key, value] of Object.entries(model)) {
    if (!/^[0-9A-Fa-f]{8}$/.test(key)) throw malformed('a key that is no tag')
    const tag = Number.parseInt(key, 16)
    if (elements.has(tag)) throw malformed('a tag stands twice')
    // Group lengths say nothing, and would be wrong in another encoding.
    if ((tag & 0xffff) === 0) continue
    elements.set(tag, readElement(tag, objectOf(value), options, depth))
  }
  // An item has the character set of what is around it.
  const needsUtf8 = depth === 0 && [...elements.values()].some(isForeign)
  if (needsUtf8 || elements.has(SPECIFIC_CHARACTER_SET)) {
    elements.set(SPECIFIC_CHARACTER_SET, { tag: SPECIFIC_CHARACTER_SET, vr: 'CS', value: encodeUtf8(UTF_8) })
  }
  return [...elements.values()].sort((a, b) => a.tag - b.tag)
}

/** Whether an element has text outside ASCII, in itself or in its items. */
function isForeign(element: NewElement): boolean {
  if ('items' in element) return element.items.some((item) => item.some(isForeign))
  return 'value' in element && TEXT.has(element.vr) && element.value.some((byte) => byte >= 0x80)
}

function readElement(tag: Tag, spelled: JsonObject, options: ReadOptions, depth: number): NewElement {
  const { vr, Value, InlineBinary, BulkDataURI } = spelled
  if (typeof vr !== 'string' || !isKnownVr(vr)) throw malformed('an element without a value representation')
  const forms = [Value, InlineBinary, BulkDataURI].filter((form) => form !== undefined)
  if (forms.length > 1) throw malformed('an element with several values')
  if (Value !== undefined && !Array.isArray(Value)) throw malformed('a Value that is no list')
  const values: readonly JsonValue[] = Value ?? []
  if (vr === 'SQ') {
    if (InlineBinary !== undefined || BulkDataURI !== undefined) throw malformed('a sequence that is no list')
    return { tag, vr, items: values.map((item) => readDataSet(objectOf(item), options, depth + 1)) }
  }
  if (InlineBinary !== undefined) return { tag, vr, value: readInline(InlineBinary) }
  if (BulkDataURI !== undefined) return { tag, vr, value: readBulk(BulkDataURI, options) }
  return { tag, vr, value: readValues(vr, values) }
}

function readInline(text: JsonValue): Uint8Array {
  try {
    if (typeof text === 'string') return decodeBase64(text)
  } catch (cause) {
    throw new FormatError('dicom_json_malformed', 'an InlineBinary that is not base64', { cause })
  }
  throw malformed('an InlineBinary that is no text')
}

function readBulk(uri: JsonValue, { bulkData }: ReadOptions): Uint8Array {
  const bytes = typeof uri === 'string' ? bulkData?.(uri) : undefined
  if (bytes === undefined) throw malformed('an address with nothing behind it')
  return bytes
}

function readValues(vr: string, values: readonly JsonValue[]): Uint8Array {
  if (TEXT.has(vr)) return encodeUtf8(values.map((value) => readText(vr, value)).join('\\'))
  const [size, write] = NUMBERS[vr] ?? [0, undefined]
  if (write === undefined) {
    if (values.length > 0) throw malformed('bytes as a list')
    return new Uint8Array()
  }
  const bytes = new Uint8Array(size * values.length)
  for (const [i, value] of values.entries()) write(new DataView(bytes.buffer, i * size, size), value)
  return bytes
}

function readText(vr: string, value: JsonValue): string {
  if (value === null) return ''
  if (vr === 'PN' && typeof value === 'object') return readName(objectOf(value))
  if (typeof value === 'number' && (vr === 'DS' || vr === 'IS')) return spellNumber(value, vr)
  if (typeof value !== 'string') throw malformed('a text that is none')
  if (value.includes('\\') && !'LT ST UT UR'.split(' ').includes(vr)) throw malformed('a backslash in a value')
  return value
}

function readName(name: JsonObject): string {
  const groups = ['Alphabetic', 'Ideographic', 'Phonetic'].map((group) => {
    const text = name[group] ?? ''
    if (typeof text !== 'string' || text.includes('\\')) throw malformed('a group of a name that is no text')
    return text
  })
  return groups.join('=').replace(/=+$/, '')
}

/** At most 16 characters for DS, 12 for IS (PS3.5 table 6.2-1). */
function spellNumber(value: number, vr: string): string {
  if (vr === 'IS') return String(whole(value, -0x80000000, 0x7fffffff))
  for (let digits = 17; digits > 1; digits--) {
    const rounded = Number(value.toPrecision(digits))
    for (const spelled of [String(rounded), rounded.toExponential()]) if (spelled.length <= 16) return spelled
  }
  return value.toExponential(1)
}

function whole(value: JsonValue, least: number, most: number): number {
  const number = typeof value === 'string' && /^[+-]?\d{1,12}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) {
    throw malformed('a whole number that is none, or does not fit')
  }
  return number
}

const NOT_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  nan: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  inf: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
}

function real(value: JsonValue): number {
  if (typeof value === 'number') return value
  const number = typeof value === 'string' && Object.hasOwn(NOT_FINITE, value) ? NOT_FINITE[value] : undefined
  if (number === undefined) throw malformed('a number that is none')
  return number
}

function big(value: JsonValue, least: bigint, most: bigint): bigint {
  const isSpelled = typeof value === 'string' && /^-?\d{1,20}$/.test(value)
  if (!isSpelled && !Number.isSafeInteger(value)) throw malformed('a whole number that is none')
  const number = BigInt(value as string | number)
  if (number < least || number > most) throw malformed('a whole number that does not fit')
  return number
}

function writeTag(view: DataView, value: JsonValue): void {
  if (typeof value !== 'string' || !/^[0-9A-Fa-f]{8}$/.test(value)) throw malformed('a tag that is none')
  view.setUint16(0, Number.parseInt(value.slice(0, 4), 16), true)
  view.setUint16(2, Number.parseInt(value.slice(4), 16), true)
}

function objectOf(value: JsonValue): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('an object is missing')
  return value as JsonObject
}

const malformed = (problem: string): FormatError => new FormatError('dicom_json_malformed', problem)
