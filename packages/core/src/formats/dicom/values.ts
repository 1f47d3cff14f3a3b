/**
 * Values: between the bytes of an element and the strings and numbers they stand for.
 *
 * Source: PS3.5 section 6.2. Text in the character sets of patients' names is read by character-set. Reading never
 * fails: a report about a damaged file must still name its elements.
 */
import type { ByteSource } from '../../bytes/source.ts'
import { decodeLatin1, encodeUtf8 } from '../../bytes/text.ts'
import { type Element, findElement, type Tag } from './element.ts'
import type { NewElement } from './encode.ts'
import type { DataSet } from './parse.ts'
import { trimPadding } from './vr.ts'

/** A text element in UTF-8 (Specific Character Set ISO_IR 192); several values are joined by a backslash. */
export const text = (tag: Tag, vr: string, ...values: readonly string[]): NewElement => ({
  tag,
  vr,
  value: encodeUtf8(values.join('\\')),
})

/** An element of unsigned 16-bit numbers. */
export const us = (tag: Tag, ...values: readonly number[]): NewElement => ({
  tag,
  vr: 'US',
  value: bytesOf(new Uint16Array(values)),
})

/** An element of unsigned 32-bit numbers. */
export const ul = (tag: Tag, ...values: readonly number[]): NewElement => ({
  tag,
  vr: 'UL',
  value: bytesOf(new Uint32Array(values)),
})

/** An element of signed 16-bit numbers. */
export const ss = (tag: Tag, ...values: readonly number[]): NewElement => ({
  tag,
  vr: 'SS',
  value: bytesOf(new Int16Array(values)),
})

/** An element of 64-bit floating-point numbers. */
export const fd = (tag: Tag, ...values: readonly number[]): NewElement => ({
  tag,
  vr: 'FD',
  value: bytesOf(new Float64Array(values)),
})

/** An element of attribute tags; group and element are two 16-bit words each. */
export const at = (tag: Tag, ...values: readonly Tag[]): NewElement => ({
  tag,
  vr: 'AT',
  value: bytesOf(new Uint16Array(values.flatMap((value) => [value >>> 16, value & 0xffff]))),
})

/** A sequence. */
export const sq = (tag: Tag, ...items: readonly (readonly NewElement[])[]): NewElement => ({ tag, vr: 'SQ', items })

/** An element of plain bytes. */
export const ob = (tag: Tag, value: Uint8Array): NewElement => ({ tag, vr: 'OB', value })

/** Little-endian bytes of numbers; every platform that runs this code stores numbers so. */
const bytesOf = (numbers: ArrayBufferView): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)

/** Where a value lies. */
export type Place = Pick<Element, 'valueStart' | 'valueEnd'>

/** Values longer than this are cut by the readers below: names and codes are short, and a report is no place for more. */
const VALUE_LIMIT = 1 << 16

/** The bytes of a value in the file's own byte order, at most 64 KiB of them. */
export const readBytes = (source: ByteSource, element: Place): Uint8Array =>
  source.view(element.valueStart, Math.min(element.valueEnd, element.valueStart + VALUE_LIMIT))

/** A value as text without padding, read as Latin-1: right for all codes, dates, numbers and UIDs. */
export const readText = (source: ByteSource, element: Place): string =>
  trimPadding(decodeLatin1(readBytes(source, element)))

/** Unsigned 16-bit numbers of a value. */
export const readUint16s = (source: ByteSource, element: Element): readonly number[] => {
  const bytes = readBytes(source, element)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length >> 1 }, (_, i) => view.getUint16(2 * i, element.encoding.isLittleEndian))
}

/** Unsigned 32-bit numbers of a value. */
export const readUint32s = (source: ByteSource, element: Element): readonly number[] => {
  const bytes = readBytes(source, element)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, element.encoding.isLittleEndian))
}

/** Attribute tags of a value of VR AT, not cut: a list of signed elements may be long. */
export function readTags(source: ByteSource, element: Element): readonly Tag[] {
  const bytes = source.view(element.valueStart, element.valueEnd)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { isLittleEndian } = element.encoding
  return Array.from(
    { length: bytes.length >> 2 },
    (_, i) => view.getUint16(4 * i, isLittleEndian) * 0x10000 + view.getUint16(4 * i + 2, isLittleEndian),
  )
}

/** Text of a top-level element, or undefined if it is absent or empty. */
export function textAt({ source, elements }: DataSet, tag: Tag): string | undefined {
  const element = findElement(elements, tag)
  const value = element === undefined ? '' : readText(source, element).trim()
  return value === '' ? undefined : value
}

/** First unsigned 16-bit number of a top-level element, or undefined. */
export function uint16At({ source, elements }: DataSet, tag: Tag): number | undefined {
  const element = findElement(elements, tag)
  return element === undefined ? undefined : readUint16s(source, element)[0]
}

/** First number of a top-level element of VR IS or DS, or undefined if there is none that reads as a number. */
export function numberAt(dataSet: DataSet, tag: Tag): number | undefined {
  const first = textAt(dataSet, tag)?.split('\\')[0]?.trim() ?? ''
  // The spelling of PS3.5 section 6.2: not all that the runtime takes for a number, such as 0x10 or nothing at all.
  const isNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?$/.test(first) && Number.isFinite(Number(first))
  return isNumber ? Number(first) : undefined
}
