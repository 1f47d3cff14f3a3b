/**
 * Encode: writes new elements in any of the native syntaxes.
 *
 * Source: PS3.5 sections 6.2, 7.1 to 7.5 and annex A; PS3.10 section 7.1 for the file meta information.
 * Sequences and items are written with defined lengths, values with even length.
 */
import { concatBytes, encodeLatin1, joinBytes } from '../../bytes/text.ts'
import type { Encoding, Tag, Vr } from './element.ts'
import { deflateDataSet } from './inflate.ts'
import { DEFLATED_EXPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE, encodingOf } from './transfer-syntax.ts'
import { hasLongLength, paddingOf, wordBytes } from './vr.ts'

/** An element to be written; values are in little-endian order as by {@link us} and its siblings. */
export type NewElement =
  | { readonly tag: Tag; readonly vr: Vr; readonly value: Uint8Array }
  | { readonly tag: Tag; readonly vr: 'SQ'; readonly items: readonly (readonly NewElement[])[] }
  /** Encapsulated: `fragments[0]` is the offset table, possibly empty. */
  | { readonly tag: Tag; readonly vr: 'OB'; readonly fragments: readonly Uint8Array[] }

const ITEM = 0xfffee000
const SEQUENCE_DELIMITER = 0xfffee0dd
const UNDEFINED_LENGTH = 0xffffffff

/** Bytes of a new element, its header included. @throws {RangeError} for a value too long for its VR */
export function encodeElement(element: NewElement, encoding: Encoding): Uint8Array {
  if ('items' in element) {
    const items = element.items.map((item) => encodeItem(encodeElements(item, encoding), encoding))
    return joinBytes([encodeHeader(element.tag, 'SQ', sum(items), encoding), ...items])
  }
  if ('fragments' in element) {
    const items = element.fragments.map((fragment) => encodeItem(padEven(fragment, 'OB'), encoding))
    const start = encodeHeader(element.tag, 'OB', UNDEFINED_LENGTH, encoding)
    return joinBytes([start, ...items, encodeItemHeader(SEQUENCE_DELIMITER, 0, encoding)])
  }
  const value = toByteOrder(padEven(element.value, element.vr), element.vr, encoding)
  return concatBytes(encodeHeader(element.tag, element.vr, value.length, encoding), value)
}

/** Elements one behind the other; the caller has them in ascending order. */
export const encodeElements = (elements: readonly NewElement[], encoding: Encoding): Uint8Array =>
  joinBytes(elements.map((element) => encodeElement(element, encoding)))

/** An item of a sequence around bytes that are encoded already. */
export const encodeItem = (content: Uint8Array, encoding: Encoding): Uint8Array =>
  concatBytes(encodeItemHeader(ITEM, content.length, encoding), content)

/** Tag and length of an item or delimiter: items have no VR in any syntax (PS3.5 section 7.5). */
export function encodeItemHeader(tag: Tag, length: number, { isLittleEndian }: Encoding): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, tag >>> 16, isLittleEndian)
  view.setUint16(2, tag & 0xffff, isLittleEndian)
  view.setUint32(4, length, isLittleEndian)
  return bytes
}

/** Tag, VR and length of an element (PS3.5 tables 7.1-1 to 7.1-3). */
export function encodeHeader(tag: Tag, vr: Vr, length: number, encoding: Encoding): Uint8Array {
  const { isLittleEndian, isExplicit } = encoding
  const isLong = isExplicit && hasLongLength(vr)
  if (length > (isExplicit && !isLong ? 0xffff : UNDEFINED_LENGTH))
    throw new RangeError(`${length} bytes do not fit ${vr}`)
  const bytes = new Uint8Array(isLong ? 12 : 8)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, tag >>> 16, isLittleEndian)
  view.setUint16(2, tag & 0xffff, isLittleEndian)
  // Two letters; this is in the path of every element that a signature takes in.
  if (isExplicit) view.setUint16(4, (vr.charCodeAt(0) << 8) | vr.charCodeAt(1))
  if (isExplicit && !isLong) view.setUint16(6, length, isLittleEndian)
  else view.setUint32(isLong ? 8 : 4, length, isLittleEndian)
  return bytes
}

export interface NewFile {
  readonly transferSyntaxUid: string
  /** In ascending order, SOP Class UID and SOP Instance UID among them. */
  readonly elements: readonly NewElement[]
}

/**
 * A whole Part 10 file: empty preamble, prefix, meta information, data set.
 * @throws {TypeError} if SOP Class or Instance UID are missing, or elements stand out of order
 */
export function encodeFile({ transferSyntaxUid, elements }: NewFile): Uint8Array[] {
  for (const [i, element] of elements.entries()) {
    if (i > 0 && element.tag <= (elements[i - 1]?.tag ?? 0)) throw new TypeError('elements out of order')
  }
  const meta = encodeElements(
    [
      { tag: 0x00020001, vr: 'OB', value: Uint8Array.of(0, 1) },
      { tag: 0x00020002, vr: 'UI', value: valueIn(elements, 0x00080016) },
      { tag: 0x00020003, vr: 'UI', value: valueIn(elements, 0x00080018) },
      { tag: 0x00020010, vr: 'UI', value: encodeLatin1(transferSyntaxUid) },
      { tag: 0x00020012, vr: 'UI', value: encodeLatin1(IMPLEMENTATION_CLASS_UID) },
      { tag: 0x00020013, vr: 'SH', value: encodeLatin1('FIDUCIAL') },
    ],
    EXPLICIT_LITTLE,
  )
  const start = new Uint8Array(132)
  start.set(encodeLatin1('DICM'), 128)
  const groupLength = encodeElement({ tag: 0x00020000, vr: 'UL', value: uint32(meta.length) }, EXPLICIT_LITTLE)
  const encoding = encodingOf(transferSyntaxUid)
  const dataSet = elements.map((element) => encodeElement(element, encoding))
  if (transferSyntaxUid === DEFLATED_EXPLICIT_LITTLE_ENDIAN) return [start, groupLength, meta, deflateDataSet(dataSet)]
  return [start, groupLength, meta, ...dataSet]
}

/** Identifies this program as the writer of meta information; under the UUID-derived root 2.25 (PS3.5 annex B.2). */
export const IMPLEMENTATION_CLASS_UID = '2.25.136449117364938361426180215216936521729'

function valueIn(elements: readonly NewElement[], tag: Tag): Uint8Array {
  const element = elements.find((candidate) => candidate.tag === tag)
  if (element === undefined || !('value' in element))
    throw new TypeError('SOP Class UID and SOP Instance UID are needed')
  return element.value
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

/** Adds the one byte that an odd value lacks. */
export function padEven(value: Uint8Array, vr: Vr): Uint8Array {
  return value.length % 2 === 0 ? value : concatBytes(value, Uint8Array.of(paddingOf(vr)))
}

/** From little endian to the order of the encoding, and back: the same swap. Returns the value itself if nothing swaps. */
export function toByteOrder(value: Uint8Array, vr: Vr, { isLittleEndian }: Encoding): Uint8Array {
  const width = wordBytes(vr)
  if (isLittleEndian || width === 1) return value
  return swapWords(value, width)
}

/** Reverses each group of `width` bytes; bytes behind the last whole group stay. */
export function swapWords(value: Uint8Array, width: number): Uint8Array {
  const swapped = new Uint8Array(value)
  const whole = value.length - (value.length % width)
  for (let i = 0; i < whole; i += width) {
    for (let k = 0; k < width; k++) swapped[i + k] = value[i + width - 1 - k] as number
  }
  return swapped
}

const sum = (pieces: readonly Uint8Array[]): number => pieces.reduce((length, piece) => length + piece.length, 0)
