/**
 * Parse: the index of a DICOM file, in one pass over its headers and without a copy of any value.
 *
 * Source: PS3.10 section 7.1 (file), PS3.5 sections 7 and 6.2.2 (data set, UN), annex A (transfer syntaxes).
 * Reading is lenient and keeps a list of findings, each with a code and an offset; strict reading refuses the first.
 * What an element means is left to others.
 */
import type { ByteSource } from '../../bytes/source.ts'
import { memorySource } from '../../bytes/source.ts'
import { decodeLatin1 } from '../../bytes/text.ts'
import { FormatError, type FormatCode } from '../../errors.ts'
import { implicitVr } from './dictionary.ts'
import { type Element, type Encoding, findElement, formatTag, type Fragment, groupOf, isPrivateTag, type Item, type Tag } from './element.ts'
import { inflateDataSet } from './inflate.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { DEFLATED_EXPLICIT_LITTLE_ENDIAN, encodingOf, EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE, IMPLICIT_LITTLE_ENDIAN } from './transfer-syntax.ts'
import { hasLongLength, isKnownVr } from './vr.ts'
import { Window } from './window.ts'

/** Something that a strict reader refuses: two readers may see two different objects. */
export interface Finding {
  readonly code: FormatCode
  /** Offset in the file; in a deflated file, in the inflated data set. */
  readonly offset: number
  /** Plain words with tags and lengths, never values. */
  readonly message: string
}

/** A data set and the bytes that its offsets point into. */
export interface DataSet {
  readonly source: ByteSource
  /** Offset of the first element. */
  readonly start: number
  /** Offset behind the last element. */
  readonly end: number
  readonly encoding: Encoding
  readonly elements: readonly Element[]
}

/** What the first 128 bytes of the file hold. */
export type Preamble = 'absent' | 'empty' | 'data' | 'executable'

export interface DicomFile {
  readonly source: ByteSource
  readonly preamble: Preamble
  /** File meta information, group 0002; empty if the file has none. */
  readonly meta: readonly Element[]
  /** As stated in (0002,0010), or as found where the file does not say. */
  readonly transferSyntaxUid: string
  /** Offset of the data set in the file, or of its deflated bytes. */
  readonly dataSetStart: number
  readonly dataSet: DataSet
  readonly isDeflated: boolean
  /** Everything that a strict reader refuses, in the order of the bytes. */
  readonly findings: readonly Finding[]
}

export interface ParseOptions {
  /** Refuse the first finding. Default: false. */
  readonly isStrict?: boolean
  readonly limits?: Limits
}

const UNDEFINED_LENGTH = 0xffffffff
const ITEM = 0xfffee000
const ITEM_DELIMITER = 0xfffee00d
const SEQUENCE_DELIMITER = 0xfffee0dd
const PIXEL_DATA = 0x7fe00010
const TRANSFER_SYNTAX = 0x00020010
const PREAMBLE_BYTES = 128

/**
 * Indexes a DICOM file: with or without preamble and meta information, in any transfer syntax.
 *
 * Cost: one pass over the headers; values are skipped, so a file of gigabytes costs a few reads.
 * @throws {FormatError} `dicom_not_dicom` if nothing of it is DICOM, `dicom_limit_exceeded` over a limit,
 *   `dicom_truncated` if a deflated data set cannot be inflated; in strict mode the code of the first finding
 */
export function parseDicom(source: ByteSource, options: ParseOptions = {}): DicomFile {
  const file = new Parser(source, options.limits ?? DEFAULT_LIMITS).file()
  const first = file.findings[0]
  if (options.isStrict === true && first !== undefined) throw new FormatError(first.code, first.message, { offset: first.offset })
  return file
}

interface Scope {
  readonly encoding: Encoding
  readonly depth: number
  /** Private creators reserved in this data set or item. */
  readonly creators: Map<number, string>
}

interface ElementsRead {
  readonly elements: readonly Element[]
  /** Offset behind the last element that was read whole. */
  readonly end: number
}

class Parser {
  readonly #source: ByteSource
  readonly #limits: Limits
  readonly #findings: Finding[] = []
  #window: Window
  #parts = 0

  constructor(source: ByteSource, limits: Limits) {
    this.#source = source
    this.#limits = limits
    this.#window = new Window(source)
  }

  file(): DicomFile {
    const source = this.#source
    const preamble = readPreamble(source)
    if (preamble === 'executable') this.#find('dicom_preamble_executable', 0, 'the preamble is the header of an executable file')
    const metaStart = preamble === 'absent' ? 0 : PREAMBLE_BYTES + 4
    const meta = this.#meta(metaStart)
    const dataSetStart = meta.end
    const stated = transferSyntaxIn(source, meta.elements)
    if (preamble === 'absent' && meta.elements.length === 0) this.#requirePlausibleStart(dataSetStart)
    const transferSyntaxUid = stated ?? this.#guessTransferSyntax(dataSetStart)
    const encoding = encodingOf(transferSyntaxUid)
    const isDeflated = transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN

    const inner = isDeflated ? memorySource(inflateDataSet(source, dataSetStart, this.#limits.inflatedBytes)) : source
    if (isDeflated) this.#window = new Window(inner)
    const start = isDeflated ? 0 : dataSetStart
    const { elements, end } = this.#elements(start, inner.length, { encoding, depth: 0, creators: new Map() })
    this.#checkEnds(elements, start)
    const dataSet = { source: inner, start, end, encoding, elements }
    const findings = this.#findings.toSorted((a, b) => a.offset - b.offset)
    return { source, preamble, meta: meta.elements, transferSyntaxUid, dataSetStart, dataSet, isDeflated, findings }
  }

  #find(code: FormatCode, offset: number, message: string): void {
    // Damage can make findings without end; the first ones tell what there is to tell.
    if (this.#findings.length < 1000) this.#findings.push({ code, offset, message })
  }

  #count(offset: number): void {
    if (++this.#parts > this.#limits.parts) {
      throw new FormatError('dicom_limit_exceeded', `more than ${this.#limits.parts} elements, items and fragments`, { offset })
    }
  }

  /** Group 0002 in explicit little endian, by group number: its stated length is a claim like any other. */
  #meta(start: number): ElementsRead {
    const elements: Element[] = []
    const scope: Scope = { encoding: EXPLICIT_LITTLE, depth: 0, creators: new Map() }
    let offset = start
    while (offset + 8 <= this.#source.length && this.#window.uint16(offset, true) === 2) {
      const element = this.#element(offset, this.#source.length, scope)
      if (element === undefined) break
      elements.push(element)
      offset = element.end
    }
    this.#checkOrder(elements)
    const length = elements[0]
    if (length?.tag === 0x00020000 && length.valueEnd - length.valueStart === 4) {
      const stated = this.#window.uint32(length.valueStart, true)
      if (length.end + stated !== offset) {
        this.#find('dicom_element_malformed', length.start, `group length ${stated} of group 0002 is ${offset - length.end}`)
      }
    }
    return { elements, end: offset }
  }

  /** A file without preamble and meta information must start like a data set, or everything would be DICOM. */
  #requirePlausibleStart(offset: number): void {
    const notDicom = new FormatError('dicom_not_dicom', 'neither a DICOM prefix nor a data set at the start', { offset })
    if (offset + 8 > this.#source.length) throw notDicom
    const little = this.#window.uint16(offset, true)
    const big = this.#window.uint16(offset, false)
    if (little !== 8 && big !== 8 && little !== 4) throw notDicom
    const element = this.#window.uint16(offset + 2, little === 8 || little === 4)
    const isExplicit = /^[A-Z]{2}$/.test(this.#letters(offset + 4))
    if (element > 0x3000 || (!isExplicit && this.#window.uint32(offset + 4, true) > this.#source.length)) throw notDicom
  }

  #guessTransferSyntax(offset: number): string {
    if (offset + 8 > this.#source.length) return EXPLICIT_LITTLE_ENDIAN
    if (!/^[A-Z]{2}$/.test(this.#letters(offset + 4))) return IMPLICIT_LITTLE_ENDIAN
    const little = this.#window.uint16(offset, true)
    const big = this.#window.uint16(offset, false)
    return big < little ? EXPLICIT_BIG_ENDIAN : EXPLICIT_LITTLE_ENDIAN
  }

  #letters(offset: number): string {
    return String.fromCharCode(this.#window.byte(offset), this.#window.byte(offset + 1))
  }

  /** Elements up to `end` or to a delimiter, whichever comes first; the delimiter is left unread. */
  #elements(start: number, end: number, scope: Scope): ElementsRead {
    if (scope.depth > this.#limits.depth) {
      throw new FormatError('dicom_limit_exceeded', `sequences nested deeper than ${this.#limits.depth}`, { offset: start })
    }
    const elements: Element[] = []
    let offset = start
    while (offset < end) {
      if (offset + 8 > end) {
        this.#find('dicom_truncated', offset, `${end - offset} bytes are left where an element should start`)
        break
      }
      const tag = this.#window.tag(offset, scope.encoding.isLittleEndian)
      if (tag === ITEM_DELIMITER || tag === SEQUENCE_DELIMITER) break
      const element = this.#element(offset, end, scope)
      if (element === undefined) break
      elements.push(element)
      offset = element.end
    }
    this.#checkOrder(elements)
    return { elements, end: offset }
  }

  #checkOrder(elements: readonly Element[]): void {
    let last = -1
    for (const { tag, start } of elements) {
      if (tag === last) this.#find('dicom_duplicate_tag', start, `${formatTag(tag)} occurs twice`)
      else if (tag < last) this.#find('dicom_order', start, `${formatTag(tag)} stands behind ${formatTag(last)}`)
      last = Math.max(last, tag)
    }
  }

  /** The element at `offset`, or undefined where nothing can be made of the bytes; the finding says why. */
  #element(offset: number, end: number, scope: Scope): Element | undefined {
    this.#count(offset)
    const header = this.#header(offset, end, scope)
    if (header === undefined) return undefined
    const { tag, vr, valueStart, length } = header
    const { encoding } = scope
    const base = { tag, vr, start: offset, valueStart, encoding }

    if (length === UNDEFINED_LENGTH) return this.#undefinedLength(base, end, scope)
    let valueEnd = valueStart + length
    if (valueEnd > end) {
      this.#find('dicom_length_past_end', offset, `${formatTag(tag)} claims ${length} bytes of ${end - valueStart}`)
      valueEnd = end
    }
    this.#noteCreator(tag, valueStart, valueEnd, scope)
    const whole = { ...base, valueEnd, end: valueEnd, hasUndefinedLength: false }
    if (vr !== 'SQ') return whole
    const items = this.#items(valueStart, valueEnd, { ...scope, depth: scope.depth + 1 })
    if (items.end < valueEnd) this.#find('dicom_element_malformed', items.end, `${formatTag(tag)} has bytes behind its items`)
    return { ...whole, items: items.items }
  }

  #header(offset: number, end: number, { encoding, creators }: Scope): { tag: Tag; vr: string; valueStart: number; length: number } | undefined {
    const { isLittleEndian, isExplicit } = encoding
    const tag = this.#window.tag(offset, isLittleEndian)
    if (!isExplicit) {
      const vr = implicitVr(tag, (block) => creators.get(block))
      return { tag, vr, valueStart: offset + 8, length: this.#window.uint32(offset + 4, isLittleEndian) }
    }
    // Items where elements should be have no VR.
    if (tag === ITEM) {
      this.#find('dicom_element_malformed', offset, 'an item outside a sequence')
      return undefined
    }
    const vr = this.#letters(offset + 4)
    if (!isKnownVr(vr)) this.#find('dicom_element_malformed', offset + 4, `${formatTag(tag)} has no known value representation`)
    const isLong = hasLongLength(vr) && /^[A-Z]{2}$/.test(vr)
    if (!isLong) return { tag, vr, valueStart: offset + 8, length: this.#window.uint16(offset + 6, isLittleEndian) }
    if (offset + 12 > end) {
      this.#find('dicom_truncated', offset, `${formatTag(tag)} ends within its header`)
      return undefined
    }
    if (this.#window.uint16(offset + 6, isLittleEndian) !== 0) {
      this.#find('dicom_element_malformed', offset + 6, `the reserved bytes of ${formatTag(tag)} are not zero`)
    }
    return { tag, vr, valueStart: offset + 12, length: this.#window.uint32(offset + 8, isLittleEndian) }
  }

  #undefinedLength(base: Omit<Element, 'valueEnd' | 'end' | 'hasUndefinedLength'>, end: number, scope: Scope): Element {
    const { tag, vr, valueStart, encoding } = base
    const isEncapsulated = vr !== 'SQ' && vr !== 'UN' && (encoding.isExplicit || tag === PIXEL_DATA)
    if (isEncapsulated) {
      const read = this.#fragments(valueStart, end, encoding)
      return { ...base, valueEnd: read.valueEnd, end: read.end, hasUndefinedLength: true, fragments: read.fragments }
    }
    // PS3.5 section 6.2.2 note 4: UN of undefined length holds items in implicit little endian.
    const inner = vr === 'UN' ? IMPLICIT_LITTLE : encoding
    const read = this.#items(valueStart, end, { ...scope, encoding: inner, depth: scope.depth + 1 })
    const close = this.#delimiter(read.end, end, SEQUENCE_DELIMITER, inner)
    return { ...base, valueEnd: read.end, end: close, hasUndefinedLength: true, items: read.items }
  }

  /** Reads a delimiter; the offset behind it, or where it should have been. */
  #delimiter(offset: number, end: number, expected: Tag, { isLittleEndian }: Encoding): number {
    if (offset + 8 > end) {
      this.#find('dicom_truncated', offset, `the data ends before ${formatTag(expected)}`)
      return end
    }
    if (this.#window.tag(offset, isLittleEndian) !== expected) {
      this.#find('dicom_element_malformed', offset, `${formatTag(expected)} is missing`)
      return offset
    }
    const length = this.#window.uint32(offset + 4, isLittleEndian)
    if (length !== 0) this.#find('dicom_element_malformed', offset, `${formatTag(expected)} has length ${length}`)
    return offset + 8
  }

  #items(start: number, end: number, scope: Scope): { items: readonly Item[]; end: number } {
    const { isLittleEndian } = scope.encoding
    const items: Item[] = []
    let offset = start
    while (offset + 8 <= end) {
      const tag = this.#window.tag(offset, isLittleEndian)
      if (tag !== ITEM) {
        if (tag !== SEQUENCE_DELIMITER) this.#find('dicom_element_malformed', offset, `${formatTag(tag)} where an item should start`)
        break
      }
      this.#count(offset)
      const item = this.#item(offset, end, scope)
      items.push(item)
      offset = item.end
    }
    return { items, end: offset }
  }

  #item(start: number, end: number, scope: Scope): Item {
    const valueStart = start + 8
    const length = this.#window.uint32(start + 4, scope.encoding.isLittleEndian)
    const inner = { ...scope, creators: new Map<number, string>() }
    if (length === UNDEFINED_LENGTH) {
      const read = this.#elements(valueStart, end, inner)
      const close = this.#delimiter(read.end, end, ITEM_DELIMITER, scope.encoding)
      return { start, valueStart, valueEnd: read.end, end: close, hasUndefinedLength: true, elements: read.elements }
    }
    let itemEnd = valueStart + length
    if (itemEnd > end) {
      this.#find('dicom_length_past_end', start, `an item claims ${length} bytes of ${end - valueStart}`)
      itemEnd = end
    }
    const read = this.#elements(valueStart, itemEnd, inner)
    if (read.end < itemEnd) this.#find('dicom_element_malformed', read.end, 'an item has bytes behind its elements')
    return { start, valueStart, valueEnd: itemEnd, end: itemEnd, hasUndefinedLength: false, elements: read.elements }
  }

  #fragments(start: number, end: number, encoding: Encoding): { fragments: readonly Fragment[]; valueEnd: number; end: number } {
    const { isLittleEndian } = encoding
    const fragments: Fragment[] = []
    let offset = start
    while (offset + 8 <= end && this.#window.tag(offset, isLittleEndian) === ITEM) {
      this.#count(offset)
      const length = this.#window.uint32(offset + 4, isLittleEndian)
      const valueStart = offset + 8
      let valueEnd = valueStart + length
      if (valueEnd > end) {
        this.#find('dicom_length_past_end', offset, `a fragment claims ${length} bytes of ${end - valueStart}`)
        valueEnd = end
      }
      fragments.push({ start: offset, valueStart, end: valueEnd })
      offset = valueEnd
    }
    const close = this.#delimiter(offset, end, SEQUENCE_DELIMITER, encoding)
    return { fragments, valueEnd: offset, end: close }
  }

  #noteCreator(tag: Tag, start: number, end: number, { encoding, creators }: Scope): void {
    const element = tag & 0xffff
    if (encoding.isExplicit || !isPrivateTag(tag) || element < 0x10 || element > 0xff) return
    creators.set(tag, decodeLatin1(this.#window.source.view(start, Math.min(end, start + 64))).replace(/[\0 ]+$/, '').trimStart())
  }

  /** What the order of bytes cannot show: group 0002 among the data, bytes behind the last element. */
  #checkEnds(elements: readonly Element[], start: number): void {
    const window = this.#window
    const stray = elements.find(({ tag }) => groupOf(tag) === 0 || groupOf(tag) === 2)
    if (stray !== undefined) this.#find('dicom_element_malformed', stray.start, `${formatTag(stray.tag)} does not belong in a data set`)
    const end = elements.at(-1)?.end ?? start
    if (end < window.source.length && !this.#findings.some(({ offset }) => offset >= end)) {
      this.#find('dicom_element_malformed', end, `${window.source.length - end} bytes behind the last element`)
    }
  }
}

/** The value of (0002,0010), without padding; undefined if absent or empty. */
function transferSyntaxIn(source: ByteSource, meta: readonly Element[]): string | undefined {
  const element = findElement(meta, TRANSFER_SYNTAX)
  if (element === undefined) return undefined
  const uid = decodeLatin1(source.view(element.valueStart, Math.min(element.valueEnd, element.valueStart + 64))).replace(/[\0 ]+$/, '')
  return uid === '' ? undefined : uid
}

function readPreamble(source: ByteSource): Preamble {
  if (source.length < PREAMBLE_BYTES + 4) return 'absent'
  const bytes = source.view(0, PREAMBLE_BYTES + 4)
  if (decodeLatin1(bytes.subarray(PREAMBLE_BYTES)) !== 'DICM') return 'absent'
  const magic = decodeLatin1(bytes.subarray(0, 4))
  if (magic.startsWith('MZ') || magic === '\x7fELF' || magic.startsWith('#!') || MACH_O.has(magic)) return 'executable'
  return bytes.subarray(0, PREAMBLE_BYTES).every((byte) => byte === 0) ? 'empty' : 'data'
}

const MACH_O = new Set(['\xfe\xed\xfa\xce', '\xfe\xed\xfa\xcf', '\xce\xfa\xed\xfe', '\xcf\xfa\xed\xfe', '\xca\xfe\xba\xbe'])
