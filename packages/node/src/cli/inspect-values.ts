/**
 * Inspect values: what of an element's value is shown, and how.
 *
 * Source: PS3.5 section 6.2 (value representations), PS3.3 section C.12.1.1.2 (character sets). Values that tell of a
 * person are held back unless they are asked for: a report travels further than an image.
 */
import type { ByteSource } from '@fiducial/core/bytes/source.ts'
import { concernOf } from '@fiducial/core/formats/dicom/attribute-concern.ts'
import { type CharacterSet, readCharacters } from '@fiducial/core/formats/dicom/character-set.ts'
import { type Element, isPrivateTag, type Tag } from '@fiducial/core/formats/dicom/element.ts'
import { readBytes } from '@fiducial/core/formats/dicom/values.ts'
import { isTextVr, wordBytes } from '@fiducial/core/formats/dicom/vr.ts'

/** Bytes of a value that a preview looks at. */
const PREVIEW_BYTES = 256
const NUMBERS_SHOWN = 8

/** Identifiers outside group 0010 that lead to a person: accession, study, admission and request. */
const PERSONAL: ReadonlySet<Tag> = new Set([0x00080050, 0x00200010, 0x00380010, 0x00401001, 0x00402016, 0x00402017])

/** Whether a value tells of a person: of the patient, or of whoever is named. Free text and private values may. */
export function isPersonal({ tag, vr }: Pick<Element, 'tag' | 'vr'>): boolean {
  if (concernOf(tag) === 'patient' || concernOf(tag) === 'operator' || vr === 'PN') return true
  return PERSONAL.has(tag) || isPrivateTag(tag) || ['LT', 'ST', 'UT', 'UN'].includes(vr)
}

/** A value in a few words; undefined for one without bytes. Bulk values are told by their size. */
export function previewValue(source: ByteSource, element: Element, characters: CharacterSet): string | undefined {
  const { vr, valueStart, valueEnd } = element
  const length = valueEnd - valueStart
  if (length === 0) return undefined
  if (element.fragments !== undefined) return `${element.fragments.length - 1} fragments, ${length} bytes`
  if (vr === 'AT') return previewTags(source, element)
  if (isTextVr(vr) || vr === 'UI') return readCharacters(source, cutTo(element), characters)
  return previewNumbers(source, element) ?? `${length} bytes`
}

const cutTo = (element: Element): Element => ({
  ...element,
  valueEnd: Math.min(element.valueEnd, element.valueStart + PREVIEW_BYTES),
})

function previewTags(source: ByteSource, element: Element): string {
  const bytes = readBytes(source, cutTo(element))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { isLittleEndian } = element.encoding
  const digits = (offset: number): string => view.getUint16(offset, isLittleEndian).toString(16).padStart(4, '0')
  const tags = Array.from(
    { length: Math.min(NUMBERS_SHOWN, bytes.length >> 2) },
    (_, i) => `(${digits(4 * i)},${digits(4 * i + 2)})`,
  )
  return tags.join(' ') + (element.valueEnd - element.valueStart > 4 * tags.length ? ' …' : '')
}

const READERS: Readonly<Record<string, (view: DataView, offset: number, isLittle: boolean) => number | bigint>> = {
  US: (view, offset, isLittle) => view.getUint16(offset, isLittle),
  xs: (view, offset, isLittle) => view.getUint16(offset, isLittle),
  SS: (view, offset, isLittle) => view.getInt16(offset, isLittle),
  UL: (view, offset, isLittle) => view.getUint32(offset, isLittle),
  SL: (view, offset, isLittle) => view.getInt32(offset, isLittle),
  FL: (view, offset, isLittle) => Number(view.getFloat32(offset, isLittle).toPrecision(7)),
  FD: (view, offset, isLittle) => view.getFloat64(offset, isLittle),
  UV: (view, offset, isLittle) => view.getBigUint64(offset, isLittle),
  SV: (view, offset, isLittle) => view.getBigInt64(offset, isLittle),
}

/** The first numbers of a numeric value; undefined for other VRs. */
function previewNumbers(source: ByteSource, element: Element): string | undefined {
  const read = READERS[element.vr]
  if (read === undefined) return undefined
  const width = element.vr === 'xs' ? 2 : wordBytes(element.vr)
  const bytes = readBytes(source, cutTo(element))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = Math.min(NUMBERS_SHOWN, Math.floor(bytes.length / width))
  const numbers = Array.from({ length: count }, (_, i) => read(view, width * i, element.encoding.isLittleEndian))
  return numbers.join('\\') + (element.valueEnd - element.valueStart > width * count ? '…' : '')
}
