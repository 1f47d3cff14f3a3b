/**
 * Signable: which elements a digital signature may cover.
 *
 * Source: PS3.15 annex C.1, PS3.3 section C.12.1.1.3.1.1; the UN rule as DCMTK applies it.
 */
import { type Element, groupOf, type Tag } from '../../formats/dicom/element.ts'

export const MAC_PARAMETERS_SEQUENCE: Tag = 0x4ffe0001
export const DIGITAL_SIGNATURES_SEQUENCE: Tag = 0xfffafffa
export const DATA_SET_TRAILING_PADDING: Tag = 0xfffcfffc

/** Group lengths, the retired length to end, groups below 8, the signatures themselves and padding are never signed. */
export function isSignableTag(tag: Tag): boolean {
  if ((tag & 0xffff) === 0 || tag === 0x00080001) return false
  if (groupOf(tag) < 8 || groupOf(tag) === 0xfffa || groupOf(tag) === 0xfffe) return false
  return tag !== MAC_PARAMETERS_SEQUENCE && tag !== DATA_SET_TRAILING_PADDING
}

/** Unknown value representations, at any depth, have no spelling that two readers must share. */
export const hasUnknownVr = (element: Element): boolean =>
  element.vr === 'UN' || (element.items?.some((item) => item.elements.some(hasUnknownVr)) ?? false)

/** Whether a signature may cover the element. */
export const isSignable = (element: Element): boolean => isSignableTag(element.tag) && !hasUnknownVr(element)
