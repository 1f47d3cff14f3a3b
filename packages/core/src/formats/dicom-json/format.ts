/**
 * DICOM JSON model, written: a data set of any transfer syntax as PS3.18 annex F has it.
 *
 * Source: PS3.18 annex F; text is UTF-8 whatever the data set's Specific Character Set, which then says so. Numbers in
 * text (DS, IS) are JSON numbers where those stand for the same number, else text, as table F.2.3-1 allows. Group lengths
 * are left out, and so are fragments of encapsulated pixel data unless they have an address: the model has no place for
 * them. Numbers that JSON does not know (NaN, infinity) are text.
 *
 * Known flaw: the sign of a negative zero is lost.
 */
import { encodeBase64 } from '../../bytes/base64.ts'
import type { ByteSource } from '../../bytes/source.ts'
import { decodeLatin1 } from '../../bytes/text.ts'
import {
  type CharacterSet,
  DEFAULT_CHARACTER_SET,
  decodeCharacters,
  parseCharacterSet,
} from '../dicom/character-set.ts'
import { type Element, findElement, type Item, type Tag } from '../dicom/element.ts'
import { toByteOrder } from '../dicom/encode.ts'
import type { DataSet } from '../dicom/parse.ts'
import { isKnownVr, trimPadding } from '../dicom/vr.ts'
import {
  type DicomJson,
  type DicomJsonElement,
  type DicomJsonValue,
  type JsonPersonName,
  keyOf,
  sortedEntries,
} from './model.ts'

export interface DicomJsonOptions {
  /**
   * Gives the address under which a value can be had; undefined writes it here. Asked for every value that may have one.
   * @param path  tags and item numbers from 1, such as `7FE00010` or `54000100/1/54001010`
   */
  readonly bulkDataUri?: (element: Element, path: string) => string | undefined
  /** Which elements at the top are written. Default: all. */
  readonly includes?: (tag: Tag) => boolean
}

const SPECIFIC_CHARACTER_SET: Tag = 0x00080005
const PIXEL_REPRESENTATION: Tag = 0x00280103
const UTF_8 = 'ISO_IR 192'
/** Longer values would be numbers of no exact double. */
const EXACT_DIGITS = 15

const WITHOUT_PARTS = new Set(['LT', 'ST', 'UT', 'UR'])
/** Leading spaces mean nothing (PS3.5 table 6.2-1). */
const TRIMMED = new Set(['AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'LO', 'PN', 'SH', 'TM', 'UI'])
const TEXT = new Set([...TRIMMED, ...WITHOUT_PARTS, 'UC'])
const BINARY = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN'])
/** What may have an address (PS3.18 section F.2.2). */
const BULK = new Set('OB OD OF OL OV OW UN DS FL FD IS LT SL SS ST SV UC UL US UT UV'.split(' '))

/** Bytes of a number, and how it is read; always little endian, after the swap. */
const NUMBERS: Readonly<
  Record<string, readonly [bytes: number, read: (view: DataView, at: number) => number | string]>
> = {
  US: [2, (view, at) => view.getUint16(at, true)],
  SS: [2, (view, at) => view.getInt16(at, true)],
  UL: [4, (view, at) => view.getUint32(at, true)],
  SL: [4, (view, at) => view.getInt32(at, true)],
  FL: [4, (view, at) => finite(view.getFloat32(at, true))],
  FD: [8, (view, at) => finite(view.getFloat64(at, true))],
  UV: [8, (view, at) => exact(view.getBigUint64(at, true))],
  SV: [8, (view, at) => exact(view.getBigInt64(at, true))],
  AT: [4, (view, at) => keyOf(view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true))],
}

/** What holds for the elements of a data set or item. */
interface Scope {
  readonly characterSet: CharacterSet
  /** Pixel Representation, where the dictionary leaves US or SS to it. */
  readonly isSigned: boolean
  /** Before the keys of its elements. */
  readonly path: string
}

/** Writes a data set, without group 0002. Never fails: what is not to be read as its VR says is written as bytes. */
export function formatDicomJson(dataSet: DataSet, options: DicomJsonOptions = {}): DicomJson {
  const scope: Scope = { characterSet: DEFAULT_CHARACTER_SET, isSigned: false, path: '' }
  return new Writer(dataSet.source, options).dataSet(dataSet.elements, scope, options.includes)
}

class Writer {
  readonly #source: ByteSource
  readonly #options: DicomJsonOptions

  constructor(source: ByteSource, options: DicomJsonOptions) {
    this.#source = source
    this.#options = options
  }

  dataSet(elements: readonly Element[], outer: Scope, includes?: (tag: Tag) => boolean): DicomJson {
    const scope = this.#scopeOf(elements, outer)
    const model: Record<string, DicomJsonElement> = {}
    for (const element of elements) {
      const { tag } = element
      if ((tag & 0xffff) === 0 || includes?.(tag) === false) continue
      const written = this.#element(element, scope)
      if (written !== undefined) model[keyOf(tag)] = written
    }
    return model
  }

  #scopeOf(elements: readonly Element[], outer: Scope): Scope {
    const set = findElement(elements, SPECIFIC_CHARACTER_SET)
    const sign = findElement(elements, PIXEL_REPRESENTATION)
    return {
      path: outer.path,
      characterSet: set === undefined ? outer.characterSet : parseCharacterSet(decodeLatin1(this.#bytes(set))),
      isSigned: sign === undefined ? outer.isSigned : this.#littleEndian(sign, 'US')[0] === 1,
    }
  }

  /** Undefined where the model has no place for it. */
  #element(element: Element, scope: Scope): DicomJsonElement | undefined {
    const { tag, valueStart, valueEnd, items, fragments } = element
    const path = scope.path + keyOf(tag)
    if (items !== undefined) return this.#sequence(items, { ...scope, path: `${path}/` })
    const vr = vrOf(element, scope)
    if (tag === SPECIFIC_CHARACTER_SET) return { vr: 'CS', Value: [UTF_8] }
    if (valueStart === valueEnd && fragments === undefined) return { vr }
    const uri = BULK.has(vr) ? this.#options.bulkDataUri?.(element, path) : undefined
    if (uri !== undefined) return { vr, BulkDataURI: uri }
    if (fragments !== undefined) return undefined
    return this.#value(element, vr, scope)
  }

  #sequence(items: readonly Item[], scope: Scope): DicomJsonElement {
    if (items.length === 0) return { vr: 'SQ' }
    return {
      vr: 'SQ',
      Value: items.map(({ elements }, i) => this.dataSet(elements, { ...scope, path: `${scope.path}${i + 1}/` })),
    }
  }

  #value(element: Element, vr: string, { characterSet }: Scope): DicomJsonElement {
    if (TEXT.has(vr)) return textElement(vr, decodeCharacters(this.#bytes(element), vr, characterSet))
    const bytes = this.#littleEndian(element, vr)
    const [size, read] = NUMBERS[vr] ?? [0, undefined]
    if (read === undefined) return { vr, InlineBinary: encodeBase64(bytes) }
    // Damage: not a whole number of numbers.
    if (bytes.length % size !== 0) return { vr: 'UN', InlineBinary: encodeBase64(bytes) }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return { vr, Value: Array.from({ length: bytes.length / size }, (_, i) => read(view, i * size)) }
  }

  #bytes({ valueStart, valueEnd }: Element): Uint8Array {
    return this.#source.view(valueStart, valueEnd)
  }

  #littleEndian(element: Element, vr: string): Uint8Array {
    return toByteOrder(this.#bytes(element), vr, element.encoding)
  }
}

function vrOf({ vr }: Element, { isSigned }: Scope): string {
  if (vr === 'xs') return isSigned ? 'SS' : 'US'
  return isKnownVr(vr) && (TEXT.has(vr) || BINARY.has(vr) || vr in NUMBERS) ? vr : 'UN'
}

function textElement(vr: string, text: string): DicomJsonElement {
  if (WITHOUT_PARTS.has(vr)) {
    const value = trimPadding(text)
    return value === '' ? { vr } : { vr, Value: [value] }
  }
  const values = text.split('\\').map((part) => textValue(vr, trimPadding(part)))
  return values.length === 1 && values[0] === null ? { vr } : { vr, Value: values }
}

function textValue(vr: string, text: string): DicomJsonValue {
  const value = TRIMMED.has(vr) ? text.replace(/^ +/, '') : text
  if (value === '') return null
  if (vr === 'PN') return personName(value)
  if (vr === 'DS' || vr === 'IS') return decimal(value)
  return value
}

function personName(value: string): JsonPersonName | null {
  const [alphabetic = '', ideographic = '', phonetic = '', ...rest] = value.split('=').map(trimPadding)
  const name: JsonPersonName = {
    ...(alphabetic === '' ? {} : { Alphabetic: alphabetic }),
    ...(ideographic === '' ? {} : { Ideographic: ideographic }),
    // More than three groups are damage; what they hold is not lost.
    ...(phonetic === '' && rest.length === 0 ? {} : { Phonetic: [phonetic, ...rest].join('=') }),
  }
  return Object.keys(name).length === 0 ? null : name
}

/** A number where JSON's says the same; else the text. */
function decimal(text: string): number | string {
  const isPlain = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d{1,4})?$/.test(text)
  const digits = text
    .replace(/[Ee].*$/, '')
    .replace(/[^\d]/g, '')
    .replace(/^0+/, '')
  return isPlain && digits.length <= EXACT_DIGITS ? Number(text) : text
}

function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

function exact(value: bigint): number | string {
  return value >= -Number.MAX_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value)
}

/** The element at a path as {@link DicomJsonOptions.bulkDataUri} is given; undefined where there is none. */
export function findByPath(dataSet: DataSet, path: string): Element | undefined {
  let elements = dataSet.elements
  const steps = path.split('/')
  for (let i = 0; i < steps.length; i += 2) {
    const key = steps[i] ?? ''
    if (!/^[0-9A-F]{8}$/.test(key)) return undefined
    const element = findElement(elements, Number.parseInt(key, 16))
    if (element === undefined || i === steps.length - 1) return element
    const number = steps[i + 1] ?? ''
    const item = /^[1-9]\d{0,6}$/.test(number) ? element.items?.[Number(number) - 1] : undefined
    if (item === undefined) return undefined
    elements = item.elements
  }
  return undefined
}

/** The text of a model, or of a list of them, in UTF-8; attributes in ascending order (PS3.18 section F.2.2). */
export function encodeDicomJson(models: readonly DicomJson[] | DicomJson): Uint8Array {
  const text = Array.isArray(models) ? `[${models.map(writeModel).join()}]` : writeModel(models as DicomJson)
  return new TextEncoder().encode(text)
}

function writeModel(model: DicomJson): string {
  return `{${sortedEntries(model)
    .map(([key, element]) => `"${key}":${writeElement(element)}`)
    .join()}}`
}

function writeElement(element: DicomJsonElement): string {
  const { vr, Value } = element
  if (vr !== 'SQ' || Value === undefined) return JSON.stringify(element)
  return `{"vr":"SQ","Value":[${Value.map((item) => writeModel((item ?? {}) as DicomJson)).join()}]}`
}
