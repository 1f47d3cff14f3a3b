/**
 * Spelled by hand: DICOM bytes for tests, put together from their parts so that each part can be wrong.
 *
 * Independent of encode, which is under test itself. Lengths are taken from the content unless stated.
 */
import { concatBytes, encodeLatin1 } from '../bytes/text.ts'
import type { Encoding, Tag } from '../formats/dicom/element.ts'
import { EXPLICIT_LITTLE } from '../formats/dicom/transfer-syntax.ts'

export const UNDEFINED = 0xffffffff

const LONG = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '))

export interface Spelling {
  readonly encoding?: Encoding
  /** What the header claims. */
  readonly length?: number
  /** The two bytes behind a VR with a long length. */
  readonly reserved?: number
}

type Content = string | Uint8Array

const bytesOf = (content: Content): Uint8Array => (typeof content === 'string' ? encodeLatin1(content) : content)

export function uint16(value: number, isLittleEndian = true): Uint8Array {
  const bytes = new Uint8Array(2)
  new DataView(bytes.buffer).setUint16(0, value, isLittleEndian)
  return bytes
}

export function uint32(value: number, isLittleEndian = true): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, isLittleEndian)
  return bytes
}

const tagBytes = (tag: Tag, isLittle: boolean): Uint8Array =>
  concatBytes(uint16(tag >>> 16, isLittle), uint16(tag & 0xffff, isLittle))

/** An element; in an implicit encoding the VR is left out. */
export function element(tag: Tag, vr: string, content: Content = '', spelling: Spelling = {}): Uint8Array {
  const { isLittleEndian, isExplicit } = spelling.encoding ?? EXPLICIT_LITTLE
  const value = bytesOf(content)
  const length = spelling.length ?? value.length
  const start = tagBytes(tag, isLittleEndian)
  if (!isExplicit) return concatBytes(start, uint32(length, isLittleEndian), value)
  if (!LONG.has(vr)) return concatBytes(start, encodeLatin1(vr), uint16(length, isLittleEndian), value)
  const reserved = uint16(spelling.reserved ?? 0, isLittleEndian)
  return concatBytes(start, encodeLatin1(vr), reserved, uint32(length, isLittleEndian), value)
}

/** Tag and length, then the content: items, fragments and delimiters. */
function unit(tag: Tag, content: Content, { encoding = EXPLICIT_LITTLE, length }: Spelling): Uint8Array {
  const value = bytesOf(content)
  const { isLittleEndian } = encoding
  return concatBytes(tagBytes(tag, isLittleEndian), uint32(length ?? value.length, isLittleEndian), value)
}

export const item = (content: Content = '', spelling: Spelling = {}): Uint8Array => unit(0xfffee000, content, spelling)
export const itemEnd = (spelling: Spelling = {}): Uint8Array => unit(0xfffee00d, '', spelling)
export const sequenceEnd = (spelling: Spelling = {}): Uint8Array => unit(0xfffee0dd, '', spelling)

/** A file with preamble and the least of meta information; its data set starts at offset {@link DATA_SET_START}. */
export function file(dataSet: Uint8Array, transferSyntaxUid: string, preamble = ''): Uint8Array {
  const start = new Uint8Array(132)
  start.set(encodeLatin1(preamble))
  start.set(encodeLatin1('DICM'), 128)
  return concatBytes(start, meta(transferSyntaxUid), dataSet)
}

/** Group 0002 with a transfer syntax, in 12 and 8 + 32 bytes. */
export function meta(transferSyntaxUid: string, statedLength = 40): Uint8Array {
  const uid = element(0x00020010, 'UI', transferSyntaxUid.padEnd(32, '\0'))
  return concatBytes(element(0x00020000, 'UL', uint32(statedLength)), uid)
}

/** Where the data set of {@link file} starts. */
export const DATA_SET_START = 132 + 12 + 40
