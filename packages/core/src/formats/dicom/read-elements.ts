/**
 * Read elements: the index of a data set, in one pass over its headers and without a copy of any value.
 *
 * Source: PS3.5 sections 7 (elements, sequences), 6.2.2 (UN) and 7.8 (private creators), annex A.4 (encapsulation).
 * Everything advances: each header is read once, whatever lengths it and those around it claim.
 */
import { decodeLatin1 } from '../../bytes/text.ts'
import { implicitVr } from './dictionary.ts'
import {
  type Element,
  type Encoding,
  type Fragment,
  formatTag,
  groupOf,
  type Item,
  isPrivateTag,
  type Tag,
} from './element.ts'
import type { Ledger } from './ledger.ts'
import { IMPLICIT_LITTLE } from './transfer-syntax.ts'
import { hasLongLength, isKnownVr, knownVrOf, trimPadding } from './vr.ts'
import type { Window } from './window.ts'

const UNDEFINED_LENGTH = 0xffffffff
const DELIMITATION_GROUP = 0xfffe
const ITEM = 0xfffee000
const ITEM_DELIMITER = 0xfffee00d
const SEQUENCE_DELIMITER = 0xfffee0dd
const PIXEL_DATA = 0x7fe00010
/** A private creator is an LO: at most 64 characters, of up to 4 bytes. */
const CREATOR_BYTES = 256

/** Elements that stand together: a data set or an item. */
interface Scope {
  readonly encoding: Encoding
  readonly depth: number
  /** Private creators reserved so far, by (group << 16 | block); undefined until there is one. */
  creators: Map<Tag, string> | undefined
}

interface ElementsRead {
  readonly elements: readonly Element[]
  /** Offset behind the last element that could be read. */
  readonly end: number
}

interface Header {
  readonly tag: Tag
  readonly vr: string
  readonly valueStart: number
  /** 0xffffffff for undefined. */
  readonly length: number
}

/** Reads the elements of one source; what it finds and what it costs goes to the ledger. */
export class ElementReader {
  readonly #window: Window
  readonly #ledger: Ledger

  constructor(window: Window, ledger: Ledger) {
    this.#window = window
    this.#ledger = ledger
  }

  /**
   * The elements from `start` up to `end`, or up to the first that is not of `group` where one is asked for.
   * Stops where nothing can be made of the bytes; a finding says why.
   *
   * @throws {FormatError} `dicom_limit_exceeded`
   */
  dataSet(start: number, end: number, encoding: Encoding, group?: number): ElementsRead {
    return this.#elements(start, end, { encoding, depth: 0, creators: undefined }, group)
  }

  /** Offset behind the one element at `start`; undefined where nothing can be made of the bytes. @throws as {@link dataSet} */
  endOf(start: number, end: number, encoding: Encoding): number | undefined {
    return this.#element(start, end, { encoding, depth: 0, creators: undefined })?.end
  }

  /** Up to `end` or to a delimiter, whichever comes first; the delimiter is left unread. */
  #elements(start: number, end: number, scope: Scope, group?: number): ElementsRead {
    this.#ledger.checkDepth(scope.depth, start)
    const { isLittleEndian } = scope.encoding
    const elements: Element[] = []
    let offset = start
    while (offset < end) {
      if (offset + 8 > end) {
        if (group !== undefined) break
        this.#ledger.find('dicom_truncated', offset, `${end - offset} bytes are left where an element should start`)
        break
      }
      const tag = this.#window.tag(offset, isLittleEndian)
      if (tag === ITEM_DELIMITER || tag === SEQUENCE_DELIMITER) break
      if (group !== undefined && groupOf(tag) !== group) break
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
    // Made for the first element out of order, which healthy files do not have.
    let seen: Set<Tag> | undefined
    for (let i = 0; i < elements.length; i++) {
      const { tag, start } = elements[i] as Element
      if (tag <= last) {
        seen ??= new Set(elements.slice(0, i).map((element) => element.tag))
        if (seen.has(tag)) this.#ledger.find('dicom_duplicate_tag', start, `${formatTag(tag)} occurs twice`)
        else this.#ledger.find('dicom_order', start, `${formatTag(tag)} stands behind ${formatTag(last)}`)
      } else last = tag
      seen?.add(tag)
    }
  }

  /** The element at `offset`, or undefined where nothing can be made of the bytes; a finding says why. */
  #element(start: number, end: number, scope: Scope): Element | undefined {
    this.#ledger.count(start)
    const header = this.#header(start, end, scope)
    if (header === undefined) return undefined
    const { tag, vr, valueStart, length } = header
    if (length === UNDEFINED_LENGTH) return this.#undefinedLength(start, header, end, scope)
    let valueEnd = valueStart + length
    if (valueEnd > end) {
      this.#ledger.find(
        'dicom_length_past_end',
        start,
        `${formatTag(tag)} claims ${length} bytes of ${end - valueStart}`,
      )
      valueEnd = end
    }
    this.#noteCreator(tag, valueStart, valueEnd, scope)
    const { encoding } = scope
    const element: Element = {
      tag,
      vr,
      start,
      valueStart,
      valueEnd,
      end: valueEnd,
      hasUndefinedLength: false,
      encoding,
    }
    if (vr !== 'SQ') return element
    const { items, end: itemsEnd } = this.#items(valueStart, valueEnd, encoding, scope.depth + 1)
    if (itemsEnd < valueEnd) this.#malformed(itemsEnd, `${formatTag(tag)} has bytes behind its items`)
    return { ...element, items }
  }

  #header(offset: number, end: number, scope: Scope): Header | undefined {
    const { isLittleEndian, isExplicit } = scope.encoding
    const tag = this.#window.tag(offset, isLittleEndian)
    if (groupOf(tag) === DELIMITATION_GROUP) {
      this.#malformed(offset, `${formatTag(tag)} where an element should start`)
      return undefined
    }
    if (!isExplicit) {
      const vr = implicitVr(tag, (block) => scope.creators?.get(block))
      return { tag, vr, valueStart: offset + 8, length: this.#window.uint32(offset + 4, isLittleEndian) }
    }
    const code = this.#window.uint16(offset + 4, false)
    const vr = knownVrOf(code) ?? String.fromCharCode(code >>> 8, code & 0xff)
    if (!isKnownVr(vr)) this.#malformed(offset + 4, `${formatTag(tag)} has no known value representation`)
    // Letters are a value representation yet to be invented, which PS3.5 section 6.2 gives the long form.
    if (!hasLongLength(vr) || !/^[A-Z]{2}$/.test(vr)) {
      return { tag, vr, valueStart: offset + 8, length: this.#window.uint16(offset + 6, isLittleEndian) }
    }
    if (offset + 12 > end) {
      this.#ledger.find('dicom_truncated', offset, `${formatTag(tag)} ends within its header`)
      return undefined
    }
    if (this.#window.uint16(offset + 6, isLittleEndian) !== 0) {
      this.#malformed(offset + 6, `the reserved bytes of ${formatTag(tag)} are not zero`)
    }
    return { tag, vr, valueStart: offset + 12, length: this.#window.uint32(offset + 8, isLittleEndian) }
  }

  #undefinedLength(start: number, { tag, vr, valueStart }: Header, end: number, scope: Scope): Element {
    const { encoding } = scope
    const hasUndefinedLength = true
    if (vr !== 'SQ' && vr !== 'UN' && (encoding.isExplicit || tag === PIXEL_DATA)) {
      const { fragments, valueEnd, end: elementEnd } = this.#fragments(valueStart, end, encoding)
      if (tag !== PIXEL_DATA || (vr !== 'OB' && vr !== 'OW')) {
        this.#ledger.find(
          'dicom_fragments_malformed',
          start,
          `${formatTag(tag)} has undefined length, which only Pixel Data may`,
        )
      }
      return { tag, vr, start, valueStart, valueEnd, end: elementEnd, hasUndefinedLength, encoding, fragments }
    }
    // PS3.5 section 6.2.2 note 4: UN of undefined length holds items in implicit little endian.
    const inner = vr === 'UN' ? IMPLICIT_LITTLE : encoding
    const { items, end: valueEnd } = this.#items(valueStart, end, inner, scope.depth + 1)
    const elementEnd = this.#delimiter(valueEnd, end, SEQUENCE_DELIMITER, inner)
    return { tag, vr, start, valueStart, valueEnd, end: elementEnd, hasUndefinedLength, encoding, items }
  }

  /** Reads a delimiter; the offset behind it, or where it should have been. */
  #delimiter(offset: number, end: number, expected: Tag, { isLittleEndian }: Encoding): number {
    if (offset + 8 > end) {
      this.#ledger.find('dicom_truncated', offset, `the data ends before ${formatTag(expected)}`)
      return end
    }
    if (this.#window.tag(offset, isLittleEndian) !== expected) {
      this.#malformed(offset, `${formatTag(expected)} is missing`)
      return offset
    }
    const length = this.#window.uint32(offset + 4, isLittleEndian)
    if (length !== 0) this.#malformed(offset, `${formatTag(expected)} has length ${length}`)
    return offset + 8
  }

  #items(start: number, end: number, encoding: Encoding, depth: number): { items: readonly Item[]; end: number } {
    const { isLittleEndian } = encoding
    const items: Item[] = []
    let offset = start
    while (offset + 8 <= end) {
      const tag = this.#window.tag(offset, isLittleEndian)
      if (tag !== ITEM) {
        if (tag !== SEQUENCE_DELIMITER) this.#malformed(offset, `${formatTag(tag)} where an item should start`)
        break
      }
      this.#ledger.count(offset)
      const item = this.#item(offset, end, { encoding, depth, creators: undefined })
      items.push(item)
      offset = item.end
    }
    return { items, end: offset }
  }

  #item(start: number, end: number, scope: Scope): Item {
    const { encoding } = scope
    const valueStart = start + 8
    const length = this.#window.uint32(start + 4, encoding.isLittleEndian)
    if (length === UNDEFINED_LENGTH) {
      const { elements, end: valueEnd } = this.#elements(valueStart, end, scope)
      const itemEnd = this.#delimiter(valueEnd, end, ITEM_DELIMITER, encoding)
      return { start, valueStart, valueEnd, end: itemEnd, hasUndefinedLength: true, elements }
    }
    let itemEnd = valueStart + length
    if (itemEnd > end) {
      this.#ledger.find('dicom_length_past_end', start, `an item claims ${length} bytes of ${end - valueStart}`)
      itemEnd = end
    }
    const { elements, end: elementsEnd } = this.#elements(valueStart, itemEnd, scope)
    if (elementsEnd < itemEnd) this.#malformed(elementsEnd, 'an item has bytes behind its elements')
    return { start, valueStart, valueEnd: itemEnd, end: itemEnd, hasUndefinedLength: false, elements }
  }

  #fragments(
    start: number,
    end: number,
    encoding: Encoding,
  ): { fragments: readonly Fragment[]; valueEnd: number; end: number } {
    const { isLittleEndian } = encoding
    const fragments: Fragment[] = []
    let offset = start
    while (offset + 8 <= end && this.#window.tag(offset, isLittleEndian) === ITEM) {
      this.#ledger.count(offset)
      const length = this.#window.uint32(offset + 4, isLittleEndian)
      const valueStart = offset + 8
      let valueEnd = valueStart + length
      if (valueEnd > end) {
        this.#ledger.find('dicom_length_past_end', offset, `a fragment claims ${length} bytes of ${end - valueStart}`)
        valueEnd = end
      }
      fragments.push({ start: offset, valueStart, end: valueEnd })
      offset = valueEnd
    }
    if (fragments.length === 0)
      this.#ledger.find('dicom_fragments_malformed', start, 'encapsulated data without an offset table')
    return { fragments, valueEnd: offset, end: this.#delimiter(offset, end, SEQUENCE_DELIMITER, encoding) }
  }

  #noteCreator(tag: Tag, start: number, end: number, scope: Scope): void {
    const element = tag & 0xffff
    if (scope.encoding.isExplicit || !isPrivateTag(tag) || element < 0x10 || element > 0xff) return
    const creator = decodeLatin1(this.#window.source.view(start, Math.min(end, start + CREATOR_BYTES)))
    scope.creators ??= new Map()
    scope.creators.set(tag, trimPadding(creator).trimStart())
  }

  #malformed(offset: number, message: string): void {
    this.#ledger.find('dicom_element_malformed', offset, message)
  }
}
