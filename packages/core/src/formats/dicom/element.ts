/**
 * Element: where each part of a DICOM data set lies in its bytes, without a copy of any value.
 *
 * Source: PS3.5 section 7 (data set structure), annex A (encapsulation). Offsets are into the data set's own source:
 * the file, or the inflated bytes of a deflated data set.
 */

/** (gggg,eeee) as one unsigned 32-bit number: group × 65536 + element. */
export type Tag = number

/** A value representation of PS3.5 section 6.2; other two letters occur in damaged files and are kept as read. */
export type Vr = string

/** How elements are spelled: PS3.5 annex A. */
export interface Encoding {
  readonly isLittleEndian: boolean
  readonly isExplicit: boolean
}

/** One fragment of encapsulated pixel data; the first one is the basic offset table. */
export interface Fragment {
  /** Offset of the Item tag. */
  readonly start: number
  /** Offset of the first byte of the payload. */
  readonly valueStart: number
  /** Offset behind the payload. */
  readonly end: number
}

/** An item of a sequence: a nested data set. */
export interface Item {
  /** Offset of the Item tag. */
  readonly start: number
  /** Offset of the first element inside. */
  readonly valueStart: number
  /** Offset behind the last element inside, before an Item Delimitation Item. */
  readonly valueEnd: number
  /** Offset behind the item and its delimiter, if any. */
  readonly end: number
  readonly hasUndefinedLength: boolean
  readonly elements: readonly Element[]
}

export interface Element {
  readonly tag: Tag
  /** As spelled in an explicit syntax, else from the dictionary; `UN` if unknown. */
  readonly vr: Vr
  /** Offset of the tag. */
  readonly start: number
  /** Offset of the first byte of the value. */
  readonly valueStart: number
  /** Offset behind the last byte of the value, before a Sequence Delimitation Item. */
  readonly valueEnd: number
  /** Offset behind the element and its delimiter, if any. */
  readonly end: number
  readonly hasUndefinedLength: boolean
  /** Spelling of this element: that of the data set, save for implicit sequences inside an UN of an explicit one. */
  readonly encoding: Encoding
  /** Present for sequences only, also when empty. */
  readonly items?: readonly Item[]
  /** Present for encapsulated pixel data only; the offset table is fragment 0. */
  readonly fragments?: readonly Fragment[]
}

/** `(gggg,eeee)` in lower-case hexadecimal, for messages and reports. */
export function formatTag(tag: Tag): string {
  const digits = tag.toString(16).padStart(8, '0')
  return `(${digits.slice(0, 4)},${digits.slice(4)})`
}

export const groupOf = (tag: Tag): number => tag >>> 16
export const isPrivateTag = (tag: Tag): boolean => (tag & 0x10000) !== 0

/** The element with a tag, or undefined. Finds by halving only in sorted lists, so it walks. */
export function findElement(elements: readonly Element[], tag: Tag): Element | undefined {
  for (const element of elements) if (element.tag === tag) return element
  return undefined
}
